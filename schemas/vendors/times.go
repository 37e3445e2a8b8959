package vendors

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// timeValue is a compiled timeSpec.
type timeValue struct {
	value
	formats []string
	offset  time.Duration // of the zone of times that state none
}

// timeFormat reads one way of writing a time; ok is false for any other text.
type timeFormat func(text string) (t time.Time, ok bool)

// timeFormats are the names that format takes.
var timeFormats = map[string]timeFormat{
	"unix":     unixTime(0),
	"unix_ms":  unixTime(-3),
	"unix_us":  unixTime(-6),
	"unix_ns":  unixTime(-9),
	"rfc3339":  layoutTime(time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07:00"),
	"datetime": layoutTime("2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"), // no zone stated: timeSpec's
	"date":     layoutTime(time.DateOnly),                                                    // midnight there
	"rfc2822":  layoutTime(time.RFC1123Z, time.RFC1123, "Mon, 2 Jan 2006 15:04:05 -0700"),
}

func (v *timeValue) parse(text string) (time.Time, bool) {
	for _, name := range v.formats {
		t, ok := timeFormats[name](text)
		if ok && (name == "datetime" || name == "date") {
			t = t.Add(-v.offset)
			ok = storable(t)
		}
		if ok {
			return t, true
		}
	}
	return time.Time{}, false
}

// layoutTime reads the layouts of package time.
func layoutTime(layouts ...string) timeFormat {
	return func(text string) (time.Time, bool) {
		for _, layout := range layouts {
			if t, err := time.Parse(layout, text); err == nil {
				t = t.UTC()
				return t, storable(t)
			}
		}
		return time.Time{}, false
	}
}

// unixTime reads a count of 10^exponent seconds since 1970, exactly; digits below the nanosecond are cut off.
func unixTime(exponent int32) timeFormat {
	return func(text string) (time.Time, bool) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && isDigits(strings.TrimPrefix(text, "-")) {
			return fromUnits(n, exponent)
		}
		d, err := parseNumber(text)
		if err != nil {
			return time.Time{}, false
		}
		d = d.Shift(exponent)
		seconds := d.Floor()
		if seconds.Abs().GreaterThan(maxUnix) {
			return time.Time{}, false
		}
		t := time.Unix(seconds.IntPart(), d.Sub(seconds).Shift(9).IntPart()).UTC()
		return t, storable(t)
	}
}

// maxUnix is beyond the year 9999.
var maxUnix = decimal.New(1, 12)

func fromUnits(n int64, exponent int32) (time.Time, bool) {
	var t time.Time
	switch exponent {
	case 0:
		if n > 1e12 || n < -1e12 {
			return time.Time{}, false
		}
		t = time.Unix(n, 0)
	case -3:
		t = time.UnixMilli(n)
	case -6:
		t = time.UnixMicro(n)
	default:
		t = time.Unix(0, n)
	}
	t = t.UTC()
	return t, storable(t)
}

// storable says whether RFC 3339 can write t, as the event's header must (it has years of four digits).
func storable(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

func (c *compiler) compileTime(spec *timeSpec, mapping bool) timeValue {
	out := timeValue{value: c.compileValue(spec, &spec.valueSpec, mapping)}
	names := spec.Format
	if len(names) == 0 {
		names = []string{"rfc3339"}
	}
	for i := range names {
		if _, ok := timeFormats[names[i]]; !ok {
			c.fail(&spec.Format[i], "unknown time format %q%s", names[i], suggest(names[i], keysOfMap(timeFormats)))
			continue
		}
		out.formats = append(out.formats, names[i])
	}
	if spec.Zone != "" {
		zone, err := time.Parse("Z07:00", spec.Zone)
		if err != nil {
			c.fail(&spec.Zone, "zone %q: write the offset from UTC, such as +07:00", spec.Zone)
		}
		_, seconds := zone.Zone()
		out.offset = time.Duration(seconds) * time.Second
	}
	return out
}
