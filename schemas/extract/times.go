package extract

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones by name, where the machine has none: our image is bare
)

// Format is a way of writing a time for people. It returns the time and whether the text states its own zone; if not,
// the time is what the clock on the wall shows, as if it hung in UTC. ok is false for any other text.
type Format func(text string) (t time.Time, zoned, ok bool)

// Formats are those that have a name.
func Formats() map[string]Format {
	return map[string]Format{"rfc3339": rfc3339, "datetime": datetime, "date": date, "rfc2822": rfc2822}
}

// rfc3339 reads RFC 3339 and what people and languages make of it: a space for the T, no seconds (Java leaves out those
// that are 0), an offset without colon or minutes, UTC or GMT in place of Z, a space before the zone, a zone's name in
// brackets after it.
func rfc3339(text string) (time.Time, bool, bool) {
	wall, zone, ok := isoTime(text)
	if !ok {
		return time.Time{}, false, false
	}
	zone, _, _ = strings.Cut(strings.TrimLeft(zone, " "), "[") // RFC 9557
	if offset, abbreviation, found := strings.Cut(zone, " "); found && strings.ContainsAny(offset, "+-") && isLetters(abbreviation) {
		zone = offset // +0100 CET: the number decides
	}
	offset, ok := zoneOffset(zone)
	return wall.Add(-offset), true, ok
}

// datetime is rfc3339 without a zone.
func datetime(text string) (time.Time, bool, bool) {
	wall, zone, ok := isoTime(text)
	return wall, false, ok && zone == ""
}

// date is midnight.
func date(text string) (time.Time, bool, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return t, false, err == nil
}

// isoTime reads a date and a time of day, and returns what follows them.
func isoTime(text string) (wall time.Time, rest string, ok bool) {
	const dateSize = len(time.DateOnly)
	if len(text) <= dateSize || !strings.ContainsRune("Tt ", rune(text[dateSize])) {
		return time.Time{}, "", false
	}
	day, clock := text[:dateSize], text[dateSize+1:]
	end := 0
	for end < len(clock) && (clock[end] >= '0' && clock[end] <= '9' || strings.IndexByte(":.,", clock[end]) >= 0) {
		end++
	}
	layout := "2006-01-02T15:04:05" // a fraction may follow
	if strings.Count(clock[:end], ":") == 1 {
		layout = "2006-01-02T15:04"
	}
	wall, err := time.Parse(layout, day+"T"+clock[:end])
	return wall, clock[end:], err == nil
}

// zoneOffset reads Z, UTC, GMT, or an offset such as +01:00, +0100 or +01. No other name means the same everywhere.
func zoneOffset(zone string) (time.Duration, bool) {
	switch strings.ToUpper(zone) {
	case "Z", "UTC", "GMT", "UT":
		return 0, true
	}
	for _, layout := range []string{"-07:00", "-0700", "-07"} {
		if t, err := time.Parse(layout, zone); err == nil {
			_, seconds := t.Zone()
			return time.Duration(seconds) * time.Second, true
		}
	}
	return 0, false
}

// rfc2822 reads the dates of mails and HTTP: Mon, 2 Jan 2006 15:04:05 +0100. The day of the week and the seconds may be
// left out, and the zone may be one of the names of RFC 2822, section 4.3.
func rfc2822(text string) (time.Time, bool, bool) {
	text, _, _ = strings.Cut(text, " (")
	space := strings.LastIndexByte(text, ' ')
	if space < 0 {
		return time.Time{}, false, false
	}
	offset, ok := zoneOffset(text[space+1:])
	if !ok {
		hours, known := map[string]int{"EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8}[text[space+1:]]
		if !known {
			return time.Time{}, false, false
		}
		offset = time.Duration(hours) * time.Hour
	}
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04", "2 Jan 2006 15:04"} {
		if wall, err := time.Parse(layout, text[:space]); err == nil {
			return wall.Add(-offset), true, true
		}
	}
	return time.Time{}, false, false
}

func isLetters(text string) bool {
	return text != "" && strings.Trim(strings.ToUpper(text), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// Zone returns the zone of an offset from UTC, such as +07:00, or of a name of the IANA time zone database.
func Zone(name string) (*time.Location, error) {
	if offset, ok := zoneOffset(name); ok {
		return time.FixedZone(name, int(offset/time.Second)), nil
	}
	if name == "Local" || name == "" { // the machine's own, which differs from one to another
		return nil, errors.New("write a name such as Europe/Berlin, or an offset from UTC such as +07:00")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no zone: write a name such as Europe/Berlin, or an offset from UTC such as +07:00", name)
	}
	return zone, nil
}

// Local returns the time at which clocks in zone show what wall shows in UTC. Where they are put forward and never show
// it, and where they are put back and show it twice, the offset from before the change holds: 02:30 on the night in
// spring is half an hour after the change, and on the night in autumn it is the first of the two (RFC 5545, section
// 3.3.5).
func Local(wall time.Time, zone *time.Location) time.Time {
	at := func(offset time.Duration) time.Time { return wall.Add(-offset) }
	offsetAt := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	const day = 24 * time.Hour // no zone is further from UTC, nor changes its offset twice in two
	before, after := offsetAt(wall.Add(-day)), offsetAt(wall.Add(day))
	if t := at(after); offsetAt(at(before)) != before && offsetAt(t) == after {
		return t
	}
	return at(before)
}
