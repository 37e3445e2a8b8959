package extract

import (
	"testing"
	"time"
)

// TestLocal holds every quarter of an hour of two years against what clocks showed: the time found is one at which they
// showed it, and the first such; of a time that none showed, the one that lies as far behind the change as it would.
func TestLocal(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "-03:30"} {
		zone, err := Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		shown := map[time.Time]time.Time{} // what clocks show, by the first time at which they do
		start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		for at := start; at.Year() < 2027; at = at.Add(15 * time.Minute) {
			_, seconds := at.In(zone).Zone()
			if wall := at.Add(time.Duration(seconds) * time.Second); shown[wall].IsZero() {
				shown[wall] = at
			}
		}
		for wall := start.Add(48 * time.Hour); wall.Year() < 2026 || wall.YearDay() < 360; wall = wall.Add(15 * time.Minute) {
			got := Local(wall, zone)
			if want, is := shown[wall]; is && !got.Equal(want) {
				t.Fatalf("%s in %s: %s, clocks showed it at %s", wall, name, got, want)
			} else if !is && !got.Equal(Local(wall.Add(-2*time.Hour), zone).Add(2*time.Hour)) {
				t.Fatalf("%s in %s, which no clock showed: %s", wall, name, got)
			}
		}
	}
}

// FuzzTimes: whatever the text, a format reads it or not, and a layout reads what it writes.
func FuzzTimes(f *testing.F) {
	for _, seed := range []string{"2026-11-20T10:00Z", "2026-11-20 10:00:00 +0100", "Mon, 2 Nov 2026 10:15:00 GMT", "2026-11-20", "20.11.2026 10:15 +01:00", "2026-11-20T10:00:00+01:00[Europe/Berlin]"} {
		f.Add(seed, "%d.%m.%Y %H:%M %z")
	}
	f.Add("11/03/26 1:15 PM", "%m/%d/%y %I:%M %p")
	f.Fuzz(func(t *testing.T, text, layout string) {
		for name, format := range Formats() {
			if at, zoned, ok := format(text); ok && zoned == (name == "datetime" || name == "date") {
				t.Fatalf("%s: %q is %s, zoned %v", name, text, at, zoned)
			}
		}
		if format, err := Layout(layout); err == nil {
			format(text)
		}
	})
}
