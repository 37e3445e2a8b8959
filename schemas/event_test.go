package schemas

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var received = time.Date(2026, 11, 23, 1, 2, 3, 4_000_000, time.UTC)

func TestEventRoundTrip(t *testing.T) {
	full := Event{
		ID: "evt_1", Vendor: "acme", Type: "charge.succeeded", Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Received: received, ContentType: "application/json", KeyID: "0123abcd", Proof: ProofBody, Data: []byte(`{"id":"evt_1"}`),
	}
	with := func(change func(*Event)) Event {
		e := full
		change(&e)
		return e
	}
	tests := map[string]Event{
		"full":              full,
		"least":             {ID: "e", Vendor: "v", Received: received, Data: []byte("{}")},
		"undated":           with(func(e *Event) { e.Time = time.Time{} }),
		"a bad ID":          with(func(e *Event) { e.ID, e.BadID = "sha256:00", "event 2: event ID: nothing at id" }),
		"a bad time":        with(func(e *Event) { e.Time, e.BadTime = time.Time{}, "yesterday" }),
		"whole seconds":     with(func(e *Event) { e.Time = e.Time.Truncate(time.Second) }),
		"1970":              with(func(e *Event) { e.Time = time.Unix(0, 0).UTC() }),
		"before 1970":       with(func(e *Event) { e.Time = time.Unix(-1, 1).UTC() }),
		"2262":              with(func(e *Event) { e.Time = time.Unix(0, 1<<63-1).UTC() }),
		"the year 9999":     with(func(e *Event) { e.Time = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC) }),
		"a long ID":         with(func(e *Event) { e.ID = strings.Repeat("é", 128) }),
		"an odd ID":         with(func(e *Event) { e.ID = "a/b:c%20 😀" }),
		"a vendor's dashes": with(func(e *Event) { e.Vendor = "flutterwave-v3_eu" }),
		"traced":            with(func(e *Event) { e.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }),
		"weak":              with(func(e *Event) { e.Proof = ProofWeak }),
		"test money":        with(func(e *Event) { e.Test = true }),
		"a delivery": with(func(e *Event) {
			e.Delivery = map[string]string{"header:X-Github-Event": "push \"1\" é", "body:live": ""}
		}),
		"bytes that are no text": with(func(e *Event) {
			e.Data = []byte{0, 0xff, '\r', '\n'}
		}),
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			record := want.Record("webhooks.events")
			if record.Topic != "webhooks.events" || string(record.Key) != want.ID {
				t.Errorf("topic %q, key %q", record.Topic, record.Key)
			}
			if !record.Timestamp.Equal(want.Received) {
				t.Errorf("the record is stamped %v: it must be the time received, or retention deletes old events unread", record.Timestamp)
			}
			got, err := DecodeEvent(record)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestRecordIsCloudEvent pins the wire form: other consumers of the topic read it.
func TestRecordIsCloudEvent(t *testing.T) {
	e := Event{
		ID: "evt_1", Vendor: "acme", Type: "paid", Time: time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600)), Received: received,
		ContentType: "application/json", KeyID: "0123abcd", Proof: ProofFields, Data: []byte("{}"),
	}
	want := []string{
		"ce_specversion=1.0", "ce_id=evt_1", "ce_source=/vendors/acme", "ce_type=paid", "ce_time=2026-01-02T03:04:05Z",
		"content-type=application/json", "ce_keyid=0123abcd", "ce_proof=fields",
	}
	var got []string
	for _, h := range e.Record("t").Headers {
		got = append(got, h.Key+"="+string(h.Value))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	valid := func() []kgo.RecordHeader {
		e := Event{ID: "e", Vendor: "v", Type: "t", Received: received}
		return e.Record("t").Headers
	}
	set := func(key, value string) []kgo.RecordHeader {
		headers := valid()
		for i := range headers {
			if headers[i].Key == key {
				headers[i].Value = []byte(value)
				return headers
			}
		}
		return append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	tests := map[string]struct {
		headers []kgo.RecordHeader
		want    string
	}{
		"no headers":       {nil, `ce_specversion is "", want "1.0"`},
		"another version":  {set("ce_specversion", "0.3"), `ce_specversion is "0.3"`},
		"no ID":            {set("ce_id", ""), "no ce_id"},
		"no source":        {valid()[:2], "no ce_source"},
		"another source":   {set("ce_source", "/other/v"), `ce_source "/other/v"`},
		"a source of none": {set("ce_source", "/vendors/"), `ce_source "/vendors/"`},
		"a bad time":       {set("ce_time", "soon"), "ce_time"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeEvent(&kgo.Record{Headers: tt.headers, Timestamp: received})
			if !errors.Is(err, ErrNotEvent) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestDecodeEventLeavesUnknownHeaders alone: what a newer producer adds must not stop an older consumer.
func TestDecodeEventLeavesUnknownHeaders(t *testing.T) {
	e := Event{ID: "e", Vendor: "v", Received: received}
	record := e.Record("t")
	record.Headers = append(record.Headers, kgo.RecordHeader{Key: "ce_new", Value: []byte("x")}, kgo.RecordHeader{Key: "traceparent"})
	got, err := DecodeEvent(record)
	if err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzEventRoundTrip builds events as ingest does: an ID and a vendor, a time RFC 3339 can write, or none.
func FuzzEventRoundTrip(f *testing.F) {
	f.Add("evt_1", "acme", "charge.succeeded", int64(1767323045), int64(6), "", "application/json", "0123abcd", "body", []byte("{}"))
	f.Add("e", "v", "", int64(0), int64(0), "yesterday", "", "", "", []byte(nil))
	f.Add("é\x00\xff", "a-b_c", "t", int64(-62135596799), int64(999_999_999), "", "x", "y", "z", []byte{0, 0xff})
	f.Fuzz(func(t *testing.T, id, vendor, typ string, seconds, nanos int64, badTime, contentType, keyID, proof string, data []byte) {
		if id == "" || vendor == "" {
			return
		}
		want := Event{
			ID: id, Vendor: vendor, Type: typ, BadTime: badTime, Received: received,
			ContentType: contentType, KeyID: keyID, Proof: Proof(proof), Data: data,
		}
		if at := time.Unix(seconds, nanos%1e9).UTC(); at.Year() >= 1 && at.Year() <= 9999 {
			want.Time = at
		}
		got, err := DecodeEvent(want.Record("t"))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

// FuzzDecodeEvent reads headers that anyone may have put on a topic; what is read must survive being written again.
func FuzzDecodeEvent(f *testing.F) {
	f.Add("ce_specversion", []byte("1.0"), "ce_id", []byte("e"), "ce_source", []byte("/vendors/v"), "ce_time", []byte("2026-01-02T03:04:05Z"), []byte("{}"))
	f.Add("ce_specversion", []byte("1.0"), "ce_id", []byte("e"), "ce_source", []byte("/vendors/"), "ce_time", []byte("2026-01-02T03:04:05+01:00"), []byte(nil))
	f.Add("ce_specversion", []byte("1.0"), "ce_id", []byte("e"), "ce_source", []byte("/vendors/v"), "ce_time", []byte("0000-01-01T00:00:00Z"), []byte{0xff})
	f.Add("ce_id", []byte("a"), "ce_id", []byte("b"), "ce_source", []byte("x"), "ce_badtime", []byte("\xff"), []byte("x"))
	f.Fuzz(func(t *testing.T, k1 string, v1 []byte, k2 string, v2 []byte, k3 string, v3 []byte, k4 string, v4, data []byte) {
		record := &kgo.Record{Timestamp: received, Value: data, Headers: []kgo.RecordHeader{{Key: k1, Value: v1}, {Key: k2, Value: v2}, {Key: k3, Value: v3}, {Key: k4, Value: v4}}}
		e, err := DecodeEvent(record)
		if err != nil {
			if !errors.Is(err, ErrNotEvent) {
				t.Fatal(err)
			}
			return
		}
		if e.ID == "" || e.Vendor == "" {
			t.Fatalf("%+v", e)
		}
		if y := e.Time.Year(); y < 1 || y > 9999 {
			return // RFC 3339 reads the year 0, and zones reach out of it; nobody writes such a time
		}
		again, err := DecodeEvent(e.Record("t"))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("read %+v, then %+v, %v", e, again, err)
		}
	})
}
