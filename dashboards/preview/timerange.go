package preview

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Range is the time that a board shows, both ends included.
type Range struct{ From, To time.Time }

// earliest and latest bound the times that are understood: ClickHouse's DateTime64 begins and Go's
// nanoseconds end near them.
var (
	earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ParseRange reads the two ends of a range as Grafana writes them: relative to now ("now-12M/M", "now"), as
// milliseconds since 1970, as a date ("2026-01-31") or as an RFC 3339 time. A rounded start ("/M") is the
// beginning of its month, a rounded end the last millisecond of it. Months, weeks (from Monday) and days are
// those of now's location, and so are dates.
func ParseRange(from, to string, now time.Time) (Range, error) {
	start, err := parseTime(from, now, false)
	if err != nil {
		return Range{}, fmt.Errorf("start of the range: %w", err)
	}
	end, err := parseTime(to, now, true)
	if err != nil {
		return Range{}, fmt.Errorf("end of the range: %w", err)
	}
	if !start.Before(end) {
		return Range{}, fmt.Errorf("the range ends (%s) before it starts (%s)", to, from)
	}
	return Range{From: start, To: end}, nil
}

var (
	relative = regexp.MustCompile(`^now((?:[+-]\d{1,5}[smhdwMQy])*)(?:/([smhdwMQy]))?$`)
	move     = regexp.MustCompile(`([+-]\d+)([smhdwMQy])`)
	digits   = regexp.MustCompile(`^-?\d{1,16}$`)
)

func parseTime(text string, now time.Time, end bool) (time.Time, error) {
	text = strings.TrimSpace(text)
	at, err := readTime(text, now, end)
	if err != nil {
		return time.Time{}, err
	}
	if at.Before(earliest) || !at.Before(latest) {
		return time.Time{}, fmt.Errorf("%q lies outside the years %d to %d", text, earliest.Year(), latest.Year()-1)
	}
	return at, nil
}

func readTime(text string, now time.Time, end bool) (time.Time, error) {
	if parts := relative.FindStringSubmatch(text); parts != nil {
		at := now
		for _, step := range move.FindAllStringSubmatch(parts[1], -1) {
			n, err := strconv.Atoi(step[1])
			if err != nil {
				return time.Time{}, fmt.Errorf("%q: %w", text, err)
			}
			if at = shift(at, n, step[2]); at.Before(earliest) || at.After(latest) {
				return at, nil // shifted further, it might overflow
			}
		}
		if parts[2] == "" {
			return at, nil
		}
		at = floor(at, parts[2])
		if end {
			at = shift(at, 1, parts[2]).Add(-time.Millisecond)
		}
		return at, nil
	}
	if digits.MatchString(text) {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q: %w", text, err)
		}
		return time.UnixMilli(ms).In(now.Location()), nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		if end {
			day = day.AddDate(0, 0, 1).Add(-time.Millisecond)
		}
		return day, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.In(now.Location()), nil
	}
	return time.Time{}, fmt.Errorf(`%q is no time: write "now-12M/M", "2026-01-31", "2026-01-31T08:00:00Z" or milliseconds since 1970`, text)
}

// shift moves at by n units. A day that its new month does not have becomes that month's last day.
func shift(at time.Time, n int, unit string) time.Time {
	switch unit {
	case "s":
		return at.Add(time.Duration(n) * time.Second)
	case "m":
		return at.Add(time.Duration(n) * time.Minute)
	case "h":
		return at.Add(time.Duration(n) * time.Hour)
	case "d":
		return at.AddDate(0, 0, n)
	case "w":
		return at.AddDate(0, 0, 7*n)
	case "Q":
		return addMonths(at, 3*n)
	case "y":
		return addMonths(at, 12*n)
	default:
		return addMonths(at, n)
	}
}

func addMonths(at time.Time, n int) time.Time {
	moved := at.AddDate(0, n, 0)
	if moved.Day() != at.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// floor is the beginning of the unit that at lies in.
func floor(at time.Time, unit string) time.Time {
	year, month, day := at.Date()
	hour, minute, second := at.Clock()
	switch unit {
	case "s":
	case "m":
		second = 0
	case "h":
		minute, second = 0, 0
	case "d":
		hour, minute, second = 0, 0, 0
	case "w":
		hour, minute, second = 0, 0, 0
		day -= (int(at.Weekday()) + 6) % 7
	case "M":
		day, hour, minute, second = 1, 0, 0, 0
	case "Q":
		month, day, hour, minute, second = (month-1)/3*3+1, 1, 0, 0, 0
	case "y":
		month, day, hour, minute, second = 1, 1, 0, 0, 0
	}
	return time.Date(year, month, day, hour, minute, second, 0, at.Location())
}
