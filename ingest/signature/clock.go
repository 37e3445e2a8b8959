package signature

import (
	"strconv"
	"time"
)

// clock is how a scheme writes the signed time. Its zero value: no time is signed.
// parse is strict, because a lax one would accept text whose signed meaning differs from its parsed one.
type clock struct {
	parse  func(string) (time.Time, bool)
	format func(time.Time) string
}

func unixSeconds() clock {
	return clock{
		parse: func(s string) (time.Time, bool) {
			n, ok := digits(s)
			return time.Unix(n, 0), ok
		},
		format: func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
	}
}

func unixMillis() clock {
	return clock{
		parse: func(s string) (time.Time, bool) {
			n, ok := digits(s)
			return time.UnixMilli(n), ok
		},
		format: func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) },
	}
}

func rfc3339() clock {
	return clock{
		parse: func(s string) (time.Time, bool) {
			var t time.Time
			err := t.UnmarshalText([]byte(s)) // strict, where time.Parse takes "T1:02:03" and a comma too
			return t, err == nil
		},
		format: func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
}

// anyClock tells the forms apart by their shape: 13 digits are milliseconds (until the year 2286), fewer are
// seconds, the rest RFC 3339.
func anyClock() clock {
	seconds, millis, text := unixSeconds(), unixMillis(), rfc3339()
	return clock{
		parse: func(s string) (time.Time, bool) {
			if _, ok := digits(s); !ok {
				return text.parse(s)
			}
			if len(s) >= 13 {
				return millis.parse(s)
			}
			return seconds.parse(s)
		},
		format: seconds.format,
	}
}

// digits reads 1 to 15 decimal digits and nothing else: no sign, no space, no overflow.
func digits(s string) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 15 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// within says whether t lies at most tolerance before or after now.
func within(now, t time.Time, tolerance time.Duration) bool {
	return !t.Before(now.Add(-tolerance)) && !t.After(now.Add(tolerance))
}
