package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/internal/testkit"
)

var retrying = Alert{Name: "HooklineRetrying", Key: "hold/insert", Summary: "ClickHouse takes nothing", Details: "Look at it.", Labels: map[string]string{"part": "store"}}

func TestAlertmanager(t *testing.T) {
	am := newReceiver(t, "")
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := start(t, Options{AlertmanagerURL: URL(am.URL + "/prefix"), AlertmanagerTokenFile: token, Resend: time.Hour})
	for range 3 {
		n.Raise(retrying)
	}
	testkit.Eventually(t, 5*time.Second, am.count(1))
	n.Resolve(retrying.Key)
	n.Resolve(retrying.Key)
	n.Resolve("nothing of the kind")
	testkit.Eventually(t, 5*time.Second, am.count(2))

	q := am.got()[0]
	if q.path != "POST /prefix/api/v2/alerts" || q.auth != "Bearer s3cret" {
		t.Errorf("%s with %q", q.path, q.auth)
	}
	got := am.alerts(t)
	labels := map[string]string{"alertname": "HooklineRetrying", "severity": "critical", "service": "hookline-test", "instance": "host-1", "key": "hold/insert", "part": "store"}
	for _, one := range got {
		if !maps.Equal(one.Labels, labels) || one.Annotations["summary"] != retrying.Summary || one.Annotations["description"] != retrying.Details {
			t.Errorf("%+v", one)
		}
		if !one.StartsAt.Equal(got[0].StartsAt) {
			t.Errorf("starts at %v and at %v", one.StartsAt, got[0].StartsAt)
		}
	}
	if left := time.Until(got[0].EndsAt); left < 3*time.Hour || left > 4*time.Hour {
		t.Errorf("ends in %v while it lasts, want four resends from now", left)
	}
	if got[1].EndsAt.After(time.Now()) || got[1].Annotations["occurrences"] != "3" {
		t.Errorf("when it is over: %+v", got[1])
	}
	if n := n.log.count("level=ERROR", "ClickHouse takes nothing"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	if strings.Contains(q.body, `"status"`) {
		t.Errorf("Alertmanager has no status: %s", q.body)
	}
}

// TestResend notifies Alertmanager again of what lasts, since it forgets, and the webhook only of changes.
func TestResend(t *testing.T) {
	am, hook := newReceiver(t, ""), newReceiver(t, "")
	n := start(t, Options{AlertmanagerURL: URL(am.URL), WebhookURL: URL(hook.URL + "/services/T0/secret"), Resend: 50 * time.Millisecond})
	n.Raise(retrying)
	testkit.Eventually(t, 5*time.Second, func() error {
		if got := len(am.got()); got < 4 {
			return fmt.Errorf("notified %d times", got)
		}
		return nil
	})
	n.Resolve(retrying.Key)
	testkit.Eventually(t, 5*time.Second, hook.count(2))
	var letters []letter
	for _, q := range hook.got() {
		var one letter
		if err := json.Unmarshal([]byte(q.body), &one); err != nil {
			t.Fatal(err)
		}
		letters = append(letters, one)
	}
	first, last := letters[0], letters[1]
	if first.Status != "firing" || first.Text != "ClickHouse takes nothing\nLook at it." || len(first.Alerts) != 1 || !first.Alerts[0].EndsAt.IsZero() {
		t.Errorf("%+v", first)
	}
	if last.Status != "resolved" || last.Text != "over: ClickHouse takes nothing" || last.Alerts[0].EndsAt.IsZero() {
		t.Errorf("%+v", last)
	}
	testkit.Eventually(t, 5*time.Second, func() error {
		if all := am.alerts(t); all[len(all)-1].EndsAt.After(time.Now()) {
			return errors.New("Alertmanager has not heard of the end")
		}
		return nil
	})
	if got := n.metric(t, "hookline_alerts_firing", ""); got != 0 {
		t.Errorf("%v alerts are said to last", got)
	}
}

// TestUntilDelivered: what fails, redirects or hangs is tried again until it takes the alert, while Raise returns
// at once and the other destination gets it without delay.
func TestUntilDelivered(t *testing.T) {
	for _, mode := range []string{"fail", "redirect", "hang"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			am, hook := newReceiver(t, mode), newReceiver(t, "")
			n := start(t, Options{AlertmanagerURL: URL(am.URL), WebhookURL: URL(hook.URL + "/secret-path"), Resend: time.Hour, Timeout: 300 * time.Millisecond})
			before := time.Now()
			n.Raise(retrying)
			if took := time.Since(before); took > 100*time.Millisecond {
				t.Errorf("Raise took %v", took)
			}
			testkit.Eventually(t, 5*time.Second, hook.count(1))
			testkit.Eventually(t, 10*time.Second, func() error {
				if n.metric(t, "hookline_alerts_delivery_failures_total", "alertmanager") < 2 {
					return errors.New("no second try yet")
				}
				return nil
			})
			if got := n.metric(t, "hookline_alerts_undelivered", "alertmanager"); got != 1 {
				t.Errorf("%v undelivered", got)
			}
			am.set("")
			testkit.Eventually(t, 10*time.Second, am.count(1))
			testkit.Eventually(t, 5*time.Second, func() error {
				if got := n.metric(t, "hookline_alerts_undelivered", "alertmanager"); got != 0 {
					return fmt.Errorf("%v undelivered", got)
				}
				return nil
			})
			if n.log.count("secret-path") > 0 {
				t.Error("the log shows the webhook's URL")
			}
		})
	}
}

// TestDeliver waits for every destination.
func TestDeliver(t *testing.T) {
	am, hook := newReceiver(t, ""), newReceiver(t, "fail")
	n := start(t, Options{AlertmanagerURL: URL(am.URL), WebhookURL: URL(hook.URL), Resend: time.Hour})
	happened := Alert{Name: "HooklineDeadLetters", Summary: "3 events", Lasts: time.Hour}
	bounded, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := n.Deliver(bounded, happened); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v while the webhook fails", err)
	}
	if got := len(am.got()); got != 1 {
		t.Errorf("Alertmanager has %d", got)
	}
	hook.set("")
	if err := n.Deliver(t.Context(), happened); err != nil {
		t.Fatal(err)
	}
	if len(hook.got()) == 0 {
		t.Error("returned before the webhook had it")
	}
	for _, one := range am.alerts(t) {
		if left := time.Until(one.EndsAt); left < 50*time.Minute || left > time.Hour {
			t.Errorf("ends in %v", left)
		}
	}
	if n.mu.Lock(); len(n.entries) != 0 {
		t.Errorf("%d entries are kept of what happened and was delivered", len(n.entries))
	}
	n.mu.Unlock()
}

// TestDrain delivers at the stop what could not be delivered before, and gives up when its time is over.
func TestDrain(t *testing.T) {
	t.Run("delivered", func(t *testing.T) {
		am := newReceiver(t, "fail")
		n := start(t, Options{AlertmanagerURL: URL(am.URL), Resend: time.Hour, DrainTimeout: time.Minute})
		n.Raise(retrying)
		testkit.Eventually(t, 5*time.Second, func() error {
			if n.metric(t, "hookline_alerts_delivery_failures_total", "alertmanager") < 1 {
				return errors.New("not tried")
			}
			return nil
		})
		am.set("")
		n.stop()
		if err := am.count(1)(); err != nil {
			t.Error(err)
		}
	})
	t.Run("given up", func(t *testing.T) {
		am := newReceiver(t, "hang")
		n := start(t, Options{AlertmanagerURL: URL(am.URL), Resend: time.Hour, DrainTimeout: 200 * time.Millisecond})
		n.Raise(retrying)
		before := time.Now()
		n.stop()
		if took := time.Since(before); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		if n.log.count("stopping with alerts that did not arrive") != 1 {
			t.Error("nothing is said of the alert that did not arrive")
		}
	})
}

func TestNoDestination(t *testing.T) {
	n := start(t, Options{})
	n.Raise(retrying)
	if n.log.count("level=ERROR", "ClickHouse takes nothing", "Look at it.") != 1 {
		t.Error("not logged")
	}
	if err := n.Deliver(t.Context(), Alert{Name: "x", Lasts: time.Hour}); err != nil {
		t.Error(err)
	}
	n.Resolve(retrying.Key)
	if n.mu.Lock(); len(n.entries) != 0 {
		t.Errorf("%d entries are left", len(n.entries))
	}
	n.mu.Unlock()
}

// TestInvariant9_Bounded raises more different alerts than are kept.
func TestInvariant9_Bounded(t *testing.T) {
	n := start(t, Options{})
	for i := range maxEntries + 5 {
		n.Raise(Alert{Name: "HooklineRetrying", Key: fmt.Sprint(i)})
	}
	if got := n.metric(t, "hookline_alerts_firing", ""); got != maxEntries {
		t.Errorf("%v kept", got)
	}
	if got := n.metric(t, "hookline_alerts_dropped_total", ""); got != 5 {
		t.Errorf("%v dropped", got)
	}
	if err := n.Deliver(t.Context(), Alert{Name: "y"}); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

// TestInvariant7_URL: the address of a webhook is a secret in most chat tools.
func TestInvariant7_URL(t *testing.T) {
	o := Options{WebhookURL: "https://user:pass@chat.example/services/T0/s3cret?token=s3cret"}
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).Info("options", "o", o, "url", o.WebhookURL)
	text := out.String() + fmt.Sprintf("%v %+v %#v %s", o, o, o, o.WebhookURL)
	if strings.Contains(text, "s3cret") || strings.Contains(text, "pass") {
		t.Error(text)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no scheme": {AlertmanagerURL: "alertmanager:9093"},
		"no host":   {WebhookURL: "http:///x"},
		"ftp":       {WebhookURL: "ftp://host/s3cret"},
		"not a URL": {WebhookURL: "http://h\x00/s3cret"},
		"no token":  {AlertmanagerURL: "http://h", AlertmanagerTokenFile: "/nonexistent"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), "x", o)
			if err == nil || !strings.Contains(err.Error(), "--alert-") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v", err)
			}
		})
	}
}
