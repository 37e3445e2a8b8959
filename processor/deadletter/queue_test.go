package deadletter

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
)

func letter(edit func(*schemas.DeadLetter)) Letter {
	event := schemas.Event{ID: "evt_1", Vendor: "acme", Type: "paid", Received: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Data: []byte("{\n\x1b[2J\"a\"}")}
	r := event.Record("webhooks.events")
	r.Partition, r.Offset = 3, 42
	why := schemas.DeadLetter{Stage: "map", Error: "map: Nothing\nat \"amount\"", Failed: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	edit(&why)
	dead := why.Record("webhooks.events.dlq", r)
	dead.Offset = 7
	return Letter{DeadLetter: decode(dead), record: dead}
}

func TestFilter(t *testing.T) {
	day := func(n int) When { return When{time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC)} }
	one := letter(func(*schemas.DeadLetter) {})
	for name, tt := range map[string]struct {
		filter Filter
		want   bool
	}{
		"all":             {Filter{}, true},
		"everything":      {Filter{"acme", "paid", "evt_1", "map", "NOTHING", day(1), day(3)}, true},
		"another vendor":  {Filter{Vendor: "ac"}, false},
		"another type":    {Filter{Type: "refunded"}, false},
		"another event":   {Filter{Event: "evt_2"}, false},
		"another stage":   {Filter{Stage: "store"}, false},
		"another error":   {Filter{Error: "timeout"}, false},
		"since is in":     {Filter{Since: day(2)}, true},
		"until is out":    {Filter{Until: day(2)}, false},
		"since too late":  {Filter{Since: day(3)}, false},
		"until too early": {Filter{Until: day(1)}, false},
	} {
		if got := tt.filter.Matches(&one.DeadLetter); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhen(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-03-01":                time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"2026-03-01T10:00:00+01:00": time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
		"36h":                       time.Now().Add(-36 * time.Hour),
	} {
		var w When
		if err := w.UnmarshalText([]byte(text)); err != nil || w.Sub(want).Abs() > time.Minute {
			t.Errorf("%s: %s, %v", text, w, err)
		}
	}
	for _, text := range []string{"", "yesterday", "-5m", "2026-13-01", "01.03.2026"} {
		var w When
		if err := w.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "2026-11-23") {
			t.Errorf("%q: %s, %v", text, w, err)
		}
	}
}

// TestShow prints what strangers wrote, of which nothing must reach the terminal as it is.
func TestShow(t *testing.T) {
	one := letter(func(d *schemas.DeadLetter) { d.Stage, d.Action, d.Attempts = "action", "forward http://a/", 8 })
	one.State = analytics.StateRedriven
	var shown, listed bytes.Buffer
	if err := show(&shown, one); err != nil {
		t.Fatal(err)
	}
	if err := table(&listed, []Letter{one}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"position        0/7\n", "state           redriven\n", "read from       webhooks.events/3 offset 42\n", "ce_source       /vendors/acme\n",
		"attempts        8\n", "action          forward http://a/\n", "map: Nothing\nat \"amount\"\n", "{\n\\x1b[2J\"a\"}\n"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is not in\n%s", want, shown.String())
		}
	}
	if want := "0/7       2026-03-02 12:00:00  acme    paid  evt_1  action  8         redriven  map: Nothing\\nat \"amount\"\n"; !strings.HasSuffix(listed.String(), want) {
		t.Errorf("got\n%swant\n%s", listed.String(), want)
	}
	if strings.Contains(shown.String()+listed.String(), "\x1b") {
		t.Error("an escape sequence reached the terminal")
	}
}
