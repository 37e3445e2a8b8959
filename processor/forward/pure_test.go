package forward

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// The secret and signature that every library of Standard Webhooks tests itself with:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/go/webhook_test.go
const (
	publishedSecret    = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	publishedID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	publishedBody      = `{"test": 2432232314}`
	publishedSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var publishedTime = time.Unix(1614265330, 0)

func key(t *testing.T, encoded string, until time.Time) vendors.Key {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return vendors.Key{Secret: secret.New(raw), Until: until}
}

func TestSign(t *testing.T) {
	live, later := key(t, publishedSecret, time.Time{}), key(t, publishedSecret, publishedTime.Add(time.Second))
	over := key(t, publishedSecret, publishedTime)
	other := key(t, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", time.Time{})
	for name, tt := range map[string]struct {
		keys []vendors.Key
		want string
		err  error
	}{
		"published":       {[]vendors.Key{live}, publishedSignature, nil},
		"until later":     {[]vendors.Key{later}, publishedSignature, nil},
		"one over":        {[]vendors.Key{over, live}, publishedSignature, nil},
		"rotation":        {[]vendors.Key{live, later}, publishedSignature + " " + publishedSignature, nil},
		"none":            {nil, "", nil},
		"none that lives": {[]vendors.Key{over}, "", errNoKey},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sign(publishedID, publishedTime, []byte(publishedBody), tt.keys)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
	if got, _ := sign(publishedID, publishedTime, []byte(publishedBody), []vendors.Key{other}); got == publishedSignature {
		t.Error("another key signs alike")
	}
}

func TestHeaders(t *testing.T) {
	e := schemas.Event{
		ID: "ev.1 ü\n", Vendor: "acme", Type: "a b", Time: time.Date(2026, 10, 31, 23, 0, 0, 5e8, time.FixedZone("", 3600)),
		ContentType: "text/plain\r\nX-Evil: 1", Data: []byte(publishedBody),
	}
	h := http.Header{}
	if err := setHeaders(h, &e, []vendors.Key{key(t, publishedSecret, time.Time{})}, publishedTime); err != nil {
		t.Fatal(err)
	}
	signature := h.Get("Webhook-Signature")
	h.Del("Webhook-Signature")
	want := http.Header{
		"User-Agent": {"hookline"}, "Content-Type": {"application/octet-stream"}, "Ce-Specversion": {"1.0"},
		"Ce-Id": {"ev.1%20%C3%BC%0A"}, "Ce-Source": {"/vendors/acme"}, "Ce-Type": {"a%20b"}, "Ce-Time": {"2026-10-31T22:00:00.5Z"},
		"Webhook-Id": {"ev%2E1%20%C3%BC%0A"}, "Webhook-Timestamp": {"1614265330"},
	}
	if fmt.Sprint(h) != fmt.Sprint(want) {
		t.Errorf("got\n%v\nwant\n%v", h, want)
	}
	if again, _ := sign("ev%2E1%20%C3%BC%0A", publishedTime, e.Data, []vendors.Key{key(t, publishedSecret, time.Time{})}); signature != again {
		t.Error("the signature is not of the ID that is sent")
	}
}

// FuzzHeaderValue: whatever a vendor calls its events can be sent, and no two IDs become one.
func FuzzHeaderValue(f *testing.F) {
	f.Add("evt_1", "evt.1")
	f.Add("a%2Eb", "a.b")
	f.Add("\r\nX: 1", "é")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := headerValue(a, "."), headerValue(b, ".")
		for i := range len(x) {
			if x[i] <= ' ' || x[i] >= 0x7f || x[i] == '.' {
				t.Errorf("%q holds %q", x, x[i])
			}
		}
		if (x == y) != (a == b) {
			t.Errorf("%q and %q become %q and %q", a, b, x, y)
		}
	})
}

func TestJudge(t *testing.T) {
	failed := errors.New("failed")
	for _, tt := range []struct {
		status int
		err    error
		want   verdict
	}{
		{200, nil, done}, {204, nil, done}, {299, nil, done},
		{0, failed, again}, {0, context.DeadlineExceeded, again}, {0, errNoKey, again},
		{0, fmt.Errorf("dial: %w", errRefused), never},
		{301, failed, never}, {307, failed, never}, {400, failed, never}, {401, failed, never}, {404, failed, never}, {409, failed, never}, {410, failed, never}, {422, failed, never},
		{408, failed, again}, {429, failed, again}, {500, failed, again}, {502, failed, again}, {503, failed, again}, {504, failed, again}, {599, failed, again},
	} {
		if got := judge(tt.status, tt.err); got != tt.want {
			t.Errorf("%d, %v: %s, want %s", tt.status, tt.err, got, tt.want)
		}
	}
}

func parse(t *testing.T, src string) *vendors.Config {
	t.Helper()
	config, err := vendors.Parse("v.yaml", []byte(src), vendors.Options{WithoutSecrets: true, ActionSecrets: true,
		Getenv: func(string) string { return "whsec_" + publishedSecret }})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestPlan(t *testing.T) {
	topics := schemas.NewTopics("webhooks")
	config := parse(t, `vendors: {acme: {preset: stripe, actions: {paid: [{forward: "http://a/x"}, {forward: "http://b/y"}], "*": [{forward: "http://c/"}], quiet: null}}}`)
	event := func(vendor, typ string) *kgo.Record {
		e := schemas.Event{ID: "1", Vendor: vendor, Type: typ, Received: time.Now(), Data: []byte("{}")}
		return e.Record(topics.Events)
	}
	retry := func(r *kgo.Record, action string, attempts int) *kgo.Record {
		return schemas.Retry{Action: action, Attempts: attempts, Reason: "503", NotBefore: time.Now()}.Record(topics.Retry, r)
	}
	bad := retry(event("acme", "paid"), "forward http://a/x", 1)
	for i := range bad.Headers {
		if bad.Headers[i].Key == "hookline.attempts" {
			bad.Headers[i].Value = []byte("many")
		}
	}
	for name, tt := range map[string]struct {
		record *kgo.Record
		want   string // attempts and targets
		dead   string
	}{
		"both":                {event("acme", "paid"), "1 http://a/x, 1 http://b/y", ""},
		"by pattern":          {event("acme", "refunded"), "1 http://c/", ""},
		"switched off":        {event("acme", "quiet"), "", ""},
		"unknown vendor":      {event("other", "paid"), "", ""},
		"not an event":        {&kgo.Record{Topic: topics.Events, Value: []byte("noise")}, "", ""},
		"one again":           {retry(event("acme", "paid"), "forward http://b/y", 3), "4 http://b/y", ""},
		"put off":             {retry(event("acme", "paid"), "forward http://b/y", 0), "1 http://b/y", ""},
		"of storing":          {retry(event("acme", "paid"), "", 3), "", ""},
		"no longer":           {retry(event("acme", "paid"), "forward http://z/", 3), "", "forward http://z/: the configuration no longer has this action for paid of acme; before it failed with: 503"},
		"vendor gone":         {retry(event("other", "paid"), "forward http://a/x", 3), "", "no longer has this action for paid of other"},
		"retry of no event":   {retry(&kgo.Record{}, "forward http://a/x", 1), "", "not a hookline event"},
		"unreadable attempts": {bad, "", "not a hookline retry"},
	} {
		t.Run(name, func(t *testing.T) {
			jobs, letter := plan(tt.record, topics, config)
			var got []string
			for _, j := range jobs {
				got = append(got, fmt.Sprintf("%d %s", j.attempt, j.action.Target))
			}
			if text := strings.Join(got, ", "); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
			if (letter != nil) != (tt.dead != "") || letter != nil && (!strings.Contains(letter.Error, tt.dead) || letter.Stage != "action" || letter.Action == "") {
				t.Errorf("dead letter %+v, want %q", letter, tt.dead)
			}
		})
	}
}

// TestInvariant3_Tracker finishes jobs in every order and compares what may be committed with the plain rule.
func TestInvariant3_Tracker(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		tr := newTracker(func(kafka.Partition) uint64 { return 1 })
		p := tr.of(kafka.Partition{Topic: "t"}, 1)
		if len(tr.offsets()) != 0 {
			t.Fatal("something to commit before anything was taken")
		}
		jobs := map[int64]int{}
		var open []ticket
		offset, taken := int64(random.IntN(5)), int64(-1)
		for step := 0; step < 60 || len(open) > 0; step++ {
			if step < 60 && random.IntN(2) == 0 {
				n := random.IntN(4)
				tr.start(p, &kgo.Record{Offset: offset, LeaderEpoch: 7}, n)
				jobs[offset] = n
				for range n {
					open = append(open, ticket{p, offset})
				}
				taken = offset
				offset += 1 + int64(random.IntN(3)) // compacted or transactional topics have gaps
			} else if len(open) > 0 {
				i := random.IntN(len(open))
				tr.finish(open[i : i+1])
				jobs[open[i].offset]--
				open = append(open[:i], open[i+1:]...)
			}
			want := taken + 1
			for o, n := range jobs {
				if n > 0 {
					want = min(want, o)
				}
			}
			offsets := tr.offsets()
			if at, ok := offsets["t"][0]; ok && (at.Offset != want || at.Epoch != 7) || !ok && p.committed < want && taken >= 0 {
				t.Fatalf("would commit %v, want %d", offsets, want)
			}
			if random.IntN(3) == 0 {
				tr.committed(offsets)
			}
		}
		if len(p.open) != 0 {
			t.Fatalf("%d left", len(p.open))
		}
	}
}

// TestTrackerForgets: what was read before a partition was lost says nothing about it once it is assigned again.
func TestTrackerForgets(t *testing.T) {
	epoch, at := uint64(1), kafka.Partition{Topic: "t"}
	tr := newTracker(func(kafka.Partition) uint64 { return epoch })
	old := tr.of(at, 1)
	tr.start(old, &kgo.Record{Offset: 5}, 1)
	epoch = 0
	if got := tr.offsets(); len(got) != 0 {
		t.Errorf("lost, and would commit %v", got)
	}
	epoch = 2
	if tr.of(at, 2) == old {
		t.Error("the progress of the earlier assignment is back")
	}
	tr.finish([]ticket{{old, 5}})
	if got := tr.offsets(); len(got) != 0 {
		t.Errorf("would commit %v", got)
	}
}

// TestRoom: what is put off is spread over the time that the target needs for it, and none waits longer than most.
func TestRoom(t *testing.T) {
	now, most := time.Now(), time.Minute
	at := func(target *target) time.Duration { return target.room(now, most).Sub(now) }
	fresh := &target{slots: make(chan struct{}, 4)}
	if got := at(fresh); got != most {
		t.Errorf("a target that never answered: %v", got)
	}
	busy := &target{slots: make(chan struct{}, 4)}
	for range 10 {
		busy.answered(200 * time.Millisecond) // 4 at once: one each 50 ms
	}
	for range 20 {
		busy.enter(1, 20)
	}
	if busy.enter(1, 20) {
		t.Error("let in one too many")
	}
	for i := range 3 {
		if got, want := at(busy), time.Duration(21+i)*50*time.Millisecond; got != want {
			t.Errorf("number %d: %v, want %v", i, got, want)
		}
	}
	for range 5000 {
		at(busy)
	}
	if got := at(busy); got != most {
		t.Errorf("after many: %v", got)
	}
	for range 20 {
		busy.leave(1)
	}
	if got := busy.room(now.Add(2*most), most).Sub(now); got != 2*most+50*time.Millisecond {
		t.Errorf("once there is room again: %v", got)
	}
	if big := (&target{slots: make(chan struct{}, 1)}); !big.enter(maxTargetBytes+1, 2) || big.enter(1, 2) {
		t.Error("bytes are not bounded, or one large event is never let in")
	}
}
