package schemas_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

var event = schemas.Event{
	ID: "evt_1", Vendor: "acme", Type: "charge.succeeded", Time: time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC),
	Received: time.Date(2026, 11, 1, 0, 0, 0, 123e6, time.UTC), ContentType: "application/json", KeyID: "01234567",
	Proof: schemas.ProofBody, Data: []byte(`{"id":"evt_1"}`),
}

// asRead is a record as a consumer gets it from a broker: produced at the given time where it has none.
func asRead(r *kgo.Record, at time.Time) *kgo.Record {
	if r.Timestamp.IsZero() {
		r.Timestamp = at
	}
	r.Partition, r.Offset = 3, 42
	return r
}

// TestRoundTrip sends an event through the retry topic twice and then to the dead letters: it stays the same event,
// however often, and nothing that was added on the way is left over.
func TestRoundTrip(t *testing.T) {
	later := event.Received.Add(24 * time.Hour)
	original := event.Record("webhooks.events")
	headers := len(original.Headers)
	first := schemas.Retry{Action: "forward http://a/", Attempts: 1, Reason: "503", NotBefore: later}
	r := asRead(first.Record("webhooks.events.retry", asRead(original, later)), later)
	if got, err := schemas.DecodeRetry(r); err != nil || got != first {
		t.Fatalf("got %+v, %v", got, err)
	}
	second := schemas.Retry{Attempts: 2, Reason: strings.Repeat("é", 4096), NotBefore: later.Add(time.Minute)}
	r = asRead(second.Record("webhooks.events.retry", r), later)
	got, err := schemas.DecodeRetry(r)
	if err != nil || got.Action != "" || got.Attempts != 2 || !got.NotBefore.Equal(second.NotBefore) {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(got.Reason) > 4<<10+len("…") || !utf8.ValidString(got.Reason) {
		t.Errorf("a reason of %d bytes", len(got.Reason))
	}
	again := event
	again.Again = true
	if got, err := schemas.DecodeEvent(r); err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, again)
	}

	dead := schemas.DeadLetter{Error: "404", Stage: "action", Action: "forward http://a/", Attempts: 8, Failed: later}
	r = asRead(dead.Record("webhooks.events.dlq", r), later)
	if !r.Timestamp.Equal(event.Received) {
		t.Errorf("the dead letter is stamped %v", r.Timestamp)
	}
	letter, back := schemas.DecodeDeadLetter(r)
	dead.Topic, dead.Partition, dead.Offset = "webhooks.events.retry", 3, 42
	if letter != dead {
		t.Errorf("got %+v, want %+v", letter, dead)
	}
	if got, err := schemas.DecodeEvent(back); err != nil || !reflect.DeepEqual(got, event) {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(back.Headers) != headers {
		t.Errorf("%d headers, want the %d that ingest wrote", len(back.Headers), headers)
	}
}

func TestNotRetry(t *testing.T) {
	for name, headers := range map[string][][2]string{
		"nothing":     {},
		"no time":     {{"hookline.attempts", "1"}},
		"bad time":    {{"hookline.attempts", "1"}, {"hookline.not-before", "soon"}},
		"bad number":  {{"hookline.attempts", "one"}, {"hookline.not-before", "2026-11-01T00:00:00Z"}},
		"below zero":  {{"hookline.attempts", "-1"}, {"hookline.not-before", "2026-11-01T00:00:00Z"}},
		"with action": {{"hookline.action", "forward http://a/"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &kgo.Record{}
			for _, h := range headers {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
			}
			got, err := schemas.DecodeRetry(r)
			if !errors.Is(err, schemas.ErrNotRetry) {
				t.Errorf("got %+v, %v", got, err)
			}
			if name == "with action" && got.Action == "" {
				t.Error("the action is not named")
			}
		})
	}
}

// FuzzOwnHeaders reads headers as anybody may have written them: nothing panics, and what is read as a retry is
// read as the same one again after it was written.
func FuzzOwnHeaders(f *testing.F) {
	f.Add("forward http://a/", "1", "503", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00.123Z")
	f.Add("", "-1", "", "soon", "")
	f.Add("x", "99999999999999999999", "\xff", "2026-11-01", "0001-01-01T00:00:00Z")
	f.Fuzz(func(t *testing.T, action, attempts, reason, notBefore, received string) {
		r := event.Record("webhooks.events")
		for _, h := range [][2]string{{"hookline.action", action}, {"hookline.attempts", attempts}, {"hookline.reason", reason},
			{"hookline.not-before", notBefore}, {"hookline.received", received}, {"hookline.partition", attempts}} {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
		}
		_, _ = schemas.DecodeEvent(r)
		schemas.DecodeDeadLetter(r)
		first, err := schemas.DecodeRetry(r)
		if err != nil {
			return
		}
		if year := first.NotBefore.UTC().Year(); year < 0 || year > 9999 {
			return // RFC 3339 can write it in its own zone, and not in UTC
		}
		again, err := schemas.DecodeRetry(first.Record("webhooks.events.retry", r))
		if err != nil || again.Attempts != first.Attempts || again.Action != first.Action {
			t.Errorf("%+v became %+v, %v", first, again, err)
		}
	})
}
