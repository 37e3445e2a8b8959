package preview

import (
	"strings"
	"testing"
	"time"
)

func TestParseRange(t *testing.T) {
	utc := time.Date(2026, 3, 31, 14, 5, 6, 0, time.UTC) // a Tuesday
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from, to     string
		now          time.Time
		start, until string
	}{
		{"now-12M/M", "now", utc, "2025-03-01T00:00:00Z", "2026-03-31T14:05:06Z"},
		{"now/M", "now/M", utc, "2026-03-01T00:00:00Z", "2026-03-31T23:59:59.999Z"},
		{"now-1M/M", "now-1M/M", utc, "2026-02-01T00:00:00Z", "2026-02-28T23:59:59.999Z"},
		{"now-1M", "now", utc, "2026-02-28T14:05:06Z", "2026-03-31T14:05:06Z"},
		{"now-1y/y", "now-1y/y", utc, "2025-01-01T00:00:00Z", "2025-12-31T23:59:59.999Z"},
		{"now/w", "now/w", utc, "2026-03-30T00:00:00Z", "2026-04-05T23:59:59.999Z"},
		{"now/Q", "now/Q", utc, "2026-01-01T00:00:00Z", "2026-03-31T23:59:59.999Z"},
		{"now-1d/d", "now/d", utc, "2026-03-30T00:00:00Z", "2026-03-31T23:59:59.999Z"},
		{"now-6h", "now-5m", utc, "2026-03-31T08:05:06Z", "2026-03-31T14:00:06Z"},
		{"now-1d+2h", "now+1s", utc, "2026-03-30T16:05:06Z", "2026-03-31T14:05:07Z"},
		{"2026-01-01", "2026-01-31", utc, "2026-01-01T00:00:00Z", "2026-01-31T23:59:59.999Z"},
		{"2026-01-01T08:00:00Z", "2026-01-01T10:00:00+01:00", utc, "2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z"},
		{"1735689600000", "1767225599999", utc, "2025-01-01T00:00:00Z", "2025-12-31T23:59:59.999Z"},
		{" now-1h ", "now", utc, "2026-03-31T13:05:06Z", "2026-03-31T14:05:06Z"},
		// The day on which summer time begins has 23 hours.
		{"2026-03-29", "2026-03-29", utc.In(berlin), "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999Z"},
		{"now-2d/d", "now-2d/d", utc.In(berlin), "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999Z"},
		// Leap day.
		{"now-12M", "now", time.Date(2025, 2, 28, 0, 0, 0, 0, time.UTC), "2024-02-28T00:00:00Z", "2025-02-28T00:00:00Z"},
		{"now-1y", "now", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), "2023-02-28T00:00:00Z", "2024-02-29T00:00:00Z"},
	} {
		got, err := ParseRange(test.from, test.to, test.now)
		if err != nil {
			t.Errorf("%s to %s: %v", test.from, test.to, err)
			continue
		}
		start, until := got.From.UTC().Format(time.RFC3339Nano), got.To.UTC().Format(time.RFC3339Nano)
		if start != test.start || until != test.until {
			t.Errorf("%s to %s is %s to %s, want %s to %s", test.from, test.to, start, until, test.start, test.until)
		}
	}
}

func TestParseRangeRefuses(t *testing.T) {
	now := time.Date(2026, 3, 31, 14, 5, 6, 0, time.UTC)
	for _, test := range []struct{ from, to, want string }{
		{"", "now", "is no time"},
		{"yesterday", "now", "is no time"},
		{"now-1x", "now", "is no time"},
		{"now-", "now", "is no time"},
		{"now/M/M", "now", "is no time"},
		{"now-999999M", "now", "is no time"},
		{"now-99999y", "now", "outside the years"},
		{"now-99999y+99999y-99999y", "now", "outside the years"},
		{"9999999999999999", "now", "outside the years"},
		{"2026-02-30", "now", "is no time"},
		{"now", "now-1h", "before it starts"},
		{"now", "now", "before it starts"},
		{"now-1h", "now'); DROP TABLE sales --", "is no time"},
	} {
		got, err := ParseRange(test.from, test.to, now)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q to %q: %v, %v; want an error with %q", test.from, test.to, got, err, test.want)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("now-12M/M", "now", int64(1774965906))
	f.Add("now-99999y+99999Q", "now/y", int64(0))
	f.Add("2026-01-31", "1767225599999", int64(4102444800))
	f.Add("now-00001w/w", "2026-01-31T08:00:00+14:00", int64(-1))
	f.Fuzz(func(t *testing.T, from, to string, unix int64) {
		now := time.Unix(unix%(1<<33), 0).UTC()
		got, err := ParseRange(from, to, now)
		if err != nil {
			return
		}
		if !got.From.Before(got.To) || got.From.Before(earliest) || !got.To.Before(latest) {
			t.Errorf("%q to %q at %s is %s to %s", from, to, now, got.From, got.To)
		}
	})
}
