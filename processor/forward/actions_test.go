package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor/alert"
	"github.com/hookline-io/hookline/schemas"
)

func TestForward(t *testing.T) {
	l, site := newLine(t, 3), newSite(t, nil)
	l.triggers(map[string][]string{"paid": {site.URL + "/hooks?tenant=1"}})
	l.produce(l.event("paid"), l.event("other"), l.event("paid"), l.event("paid"))
	l.start()
	site.eventually(t, 3)
	l.eventuallyCommitted(l.topics.Events, 4)
	for _, d := range site.deliveries() {
		id := d.header.Get("Webhook-Id")
		if want := fmt.Sprintf(`{"id": "%s",  "ü": 1.10}`, id); d.body != want {
			t.Errorf("got %s, want %s", d.body, want)
		}
		if d.header.Get("Ce-Id") != id || d.header.Get("Ce-Type") != "paid" || d.header.Get("Ce-Source") != "/vendors/acme" ||
			d.header.Get("Ce-Time") != "2026-10-31T23:00:00Z" || d.header.Get("Content-Type") != "application/json" || d.header.Get("Webhook-Signature") == "" {
			t.Errorf("%v", d.header)
		}
		if got := l.results.of(id, site.URL+"/hooks"); got != "1 succeeded 200" {
			t.Errorf("%s: %s", id, got)
		}
	}
	if n := len(l.read(l.topics.Retry)) + len(l.read(l.topics.DLQ)); n != 0 {
		t.Errorf("%d records are in the retry and dead-letter topics", n)
	}
}

// TestSlowTargetDelaysNobody: one target does not answer. The other gets all its events all the same, many more than
// may wait for the first, and the first gets its own once it is back, without having used up an attempt.
func TestSlowTargetDelaysNobody(t *testing.T) {
	const events = 100
	l, release := newLine(t, 3), make(chan struct{})
	slow := newSite(t, func(string, int) int {
		<-release
		return http.StatusOK
	})
	fast := newSite(t, nil)
	l.triggers(map[string][]string{"paid": {slow.URL, fast.URL}})
	for range events {
		l.produce(l.event("paid"))
	}
	l.start()
	fast.eventually(t, events)
	if got := slow.distinct(); got > l.options.Concurrency {
		t.Errorf("%d requests at once, want at most %d", got, l.options.Concurrency)
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if len(l.read(l.topics.Retry)) < events-l.options.Concurrency-l.options.Queue {
			return errors.New("what is too much does not wait in the retry topic")
		}
		return nil
	})
	close(release)
	slow.eventually(t, events)
	l.eventuallyCommitted(l.topics.Events, events)
	for i := range events {
		id := fmt.Sprintf("e%d", i)
		testkit.Eventually(t, 10*time.Second, func() error {
			if got := l.results.of(id, slow.URL); got != "1 succeeded 200" {
				return fmt.Errorf("%s: %s", id, got)
			}
			return nil
		})
		if n := fast.times(id); n != 1 {
			t.Errorf("%s came %d times to the fast target", id, n)
		}
	}
	if n := len(l.read(l.topics.DLQ)); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// TestPermanentFailure makes one dead letter, at once, with the record as it was.
func TestPermanentFailure(t *testing.T) {
	l := newLine(t, 1)
	gone, fine := newSite(t, func(string, int) int { return http.StatusGone }), newSite(t, nil)
	l.triggers(map[string][]string{"paid": {gone.URL, fine.URL}})
	original := l.event("paid")
	l.produce(original)
	l.start()
	l.eventuallyCommitted(l.topics.Events, 1)
	dead := l.read(l.topics.DLQ)
	if len(dead) != 1 || gone.times("e0") != 1 || fine.times("e0") != 1 || len(l.read(l.topics.Retry)) != 0 {
		t.Fatalf("%d dead letters after %d attempts", len(dead), gone.times("e0"))
	}
	letter, back := schemas.DecodeDeadLetter(dead[0])
	want := schemas.DeadLetter{Error: "forward " + gone.URL + ": answered 410 Gone", Stage: "action", Action: "forward " + gone.URL, Attempts: 1, Topic: l.topics.Events}
	if age := time.Since(letter.Failed); age < 0 || age > time.Minute {
		t.Errorf("given up at %v", letter.Failed)
	}
	want.Failed = letter.Failed
	if letter != want {
		t.Errorf("got %+v, want %+v", letter, want)
	}
	if string(back.Value) != string(original.Value) || string(back.Key) != "e0" || !back.Timestamp.Equal(original.Timestamp) || len(back.Headers) != len(original.Headers) {
		t.Errorf("the record changed: %+v", back)
	}
	if got := l.results.of("e0", gone.URL); got != "1 gave_up 410" {
		t.Error(got)
	}
}

// TestRetry: what fails for a reason that may pass is tried again, under the same ID and newly signed, and nothing
// else of the event is.
func TestRetry(t *testing.T) {
	l := newLine(t, 2)
	flaky := newSite(t, func(_ string, times int) int { return []int{0, 503, 429, 200}[times] })
	fine := newSite(t, nil)
	l.triggers(map[string][]string{"paid": {flaky.URL, fine.URL}})
	l.produce(l.event("paid"))
	started := time.Now()
	l.start()
	testkit.Eventually(t, 20*time.Second, func() error {
		if got := l.results.of("e0", flaky.URL); got != "1 failed 503, 2 failed 429, 3 succeeded 200" {
			return errors.New(got)
		}
		return nil
	})
	if took := time.Since(started); took < 2*l.options.RetryDelay {
		t.Errorf("two passes through the retry topic in %v", took)
	}
	l.eventuallyCommitted(l.topics.Events, 1)
	l.eventuallyCommitted(l.topics.Retry, 2)
	if n := fine.times("e0"); n != 1 {
		t.Errorf("the action that had succeeded was run %d times", n)
	}
	if n := len(l.read(l.topics.DLQ)); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	for i, d := range flaky.deliveries() {
		if d.header.Get("Webhook-Id") != "e0" || d.body != flaky.deliveries()[0].body {
			t.Errorf("attempt %d: %v", i+1, d)
		}
	}
	for i, r := range l.read(l.topics.Retry) {
		retry, err := schemas.DecodeRetry(r)
		if err != nil || retry.Attempts != i+1 || retry.Action != "forward "+flaky.URL || !strings.Contains(retry.Reason, "answered") {
			t.Errorf("%+v, %v", retry, err)
		}
	}
}

// TestAttemptsUsedUp ends in a dead letter and an alert. The receiver plays Alertmanager.
func TestAttemptsUsedUp(t *testing.T) {
	notified := make(chan string, 10)
	alertmanager := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		notified <- string(body)
	}))
	defer alertmanager.Close()
	l, down := newLine(t, 1), newSite(t, func(string, int) int { return http.StatusInternalServerError })
	l.triggers(map[string][]string{"paid": {down.URL}})
	alerts, err := alert.New(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), "test", alert.Options{AlertmanagerURL: alert.URL(alertmanager.URL)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	watching := make(chan error, 2)
	go func() { watching <- alerts.Run(ctx) }()
	go func() { watching <- alert.WatchDeadLetters(ctx, slog.New(slog.DiscardHandler), alerts, l.kafka) }()
	defer func() {
		cancel()
		if err := errors.Join(<-watching, <-watching); err != nil {
			t.Error(err)
		}
	}()
	l.produce(l.event("paid"))
	l.start()
	select {
	case body := <-notified:
		if !strings.Contains(body, "1 event of acme could not be handled") || !strings.Contains(body, "answered 500 Internal Server Error") {
			t.Errorf("notified: %s", body)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody was notified")
	}
	if n := down.times("e0"); n != l.options.Attempts {
		t.Errorf("%d attempts", n)
	}
	if got := l.results.of("e0", down.URL); got != "1 failed 500, 2 failed 500, 3 gave_up 500" {
		t.Error(got)
	}
	l.eventuallyCommitted(l.topics.Retry, 2)
	dead := l.read(l.topics.DLQ)
	if letter, _ := schemas.DecodeDeadLetter(dead[0]); len(dead) != 1 || letter.Attempts != 3 || letter.Topic != l.topics.Retry {
		t.Errorf("%d dead letters: %+v", len(dead), letter)
	}
}

// TestRefusedAddress: the guard works where actions are run, and its refusal is a dead letter at once.
func TestRefusedAddress(t *testing.T) {
	l, site := newLine(t, 1), newSite(t, nil)
	l.triggers(map[string][]string{"paid": {strings.Replace(site.URL, "127.0.0.1", "localhost", 1)}})
	r := l.start() // with the configuration checked, and then the permission taken back
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	l.start(func(a *Actions) { a.forward = newForwarder(guard{}, 1) })
	l.produce(l.event("paid"))
	l.eventuallyCommitted(l.topics.Events, 1)
	if dead := l.read(l.topics.DLQ); len(dead) != 1 || site.distinct() != 0 {
		t.Errorf("%d dead letters, %d requests", len(dead), site.distinct())
	}
	l.options.Allow = nil
	_, err := New(l.options, Parts{Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Kafka: l.kafka, Config: &l.config, Results: l.results})
	if !errors.Is(err, errRefused) {
		t.Errorf("New took an address that actions may not reach: %v", err)
	}
}

// TestReload: an action that the configuration no longer has is not run, and not forgotten either.
func TestReload(t *testing.T) {
	l := newLine(t, 1)
	down, site := newSite(t, func(string, int) int { return http.StatusBadGateway }), newSite(t, nil)
	l.triggers(map[string][]string{"paid": {down.URL}})
	l.options.RetryDelay = time.Second
	l.produce(l.event("paid"))
	l.start()
	down.eventually(t, 1)
	l.triggers(map[string][]string{"paid": {site.URL}})
	l.produce(l.event("paid"))
	l.eventuallyCommitted(l.topics.Retry, 1)
	dead := l.read(l.topics.DLQ)
	letter, _ := schemas.DecodeDeadLetter(dead[0])
	if len(dead) != 1 || !strings.Contains(letter.Error, "no longer has this action") || !strings.Contains(letter.Error, "502") {
		t.Errorf("%d dead letters: %+v", len(dead), letter)
	}
	if site.times("e1") != 1 || site.times("e0") != 0 {
		t.Error("the new action was run for the wrong events")
	}
}
