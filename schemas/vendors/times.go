package vendors

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas/extract"
)

// timeValue is a compiled timeSpec.
type timeValue struct {
	value
	formats []extract.Format
	zone    *time.Location // of times that state none
}

// unixFormats count time since 1970.
var unixFormats = map[string]extract.Format{
	"unix": unixTime(0), "unix_ms": unixTime(-3), "unix_us": unixTime(-6), "unix_ns": unixTime(-9),
}

func (v *timeValue) parse(text string) (time.Time, bool) {
	for _, format := range v.formats {
		t, zoned, ok := format(text)
		if !ok {
			continue
		}
		if !zoned {
			t = extract.Local(t, v.zone)
		}
		t = t.UTC()
		return t, storable(t)
	}
	return time.Time{}, false
}

// unixTime reads a count of 10^exponent seconds since 1970, exactly; digits below the nanosecond are cut off.
func unixTime(exponent int32) extract.Format {
	return func(text string) (t time.Time, zoned, ok bool) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && isDigits(strings.TrimPrefix(text, "-")) {
			t, ok = fromUnits(n, exponent)
			return t, true, ok
		}
		d, err := parseNumber(text)
		if err != nil {
			return time.Time{}, true, false
		}
		d = d.Shift(exponent)
		seconds := d.Floor()
		if seconds.Abs().GreaterThan(maxUnix) {
			return time.Time{}, true, false
		}
		t = time.Unix(seconds.IntPart(), d.Sub(seconds).Shift(9).IntPart()).UTC()
		return t, true, storable(t)
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
	out := timeValue{value: c.compileValue(spec, &spec.valueSpec, mapping), zone: c.zone}
	if out.zone == nil {
		out.zone = time.UTC
	}
	if len(spec.Format) == 0 {
		out.formats = []extract.Format{extract.Formats()["rfc3339"]}
		if c.zone != nil || spec.Zone != "" { // a zone is named for times that state none
			out.formats = append(out.formats, extract.Formats()["datetime"])
		}
	}
	for i, name := range spec.Format {
		format, err := timeFormat(name)
		if err != nil {
			c.fail(&spec.Format[i], "%s", err)
			continue
		}
		out.formats = append(out.formats, format)
	}
	if spec.Zone != "" {
		out.zone = c.compileZone(&spec.Zone)
	}
	return out
}

// timeFormat returns the format of a name or a layout.
func timeFormat(name string) (extract.Format, error) {
	if strings.Contains(name, "%") {
		return extract.Layout(name)
	}
	if format, ok := unixFormats[name]; ok {
		return format, nil
	}
	if format, ok := extract.Formats()[name]; ok {
		return format, nil
	}
	return nil, fmt.Errorf("unknown time format %q%s; a layout is written like \"%%d.%%m.%%Y %%H:%%M\"",
		name, suggest(name, timeFormatNames()))
}

func timeFormatNames() []string {
	return append(keysOfMap(unixFormats), keysOfMap(extract.Formats())...)
}

// compileZone returns UTC for a zone that there is not.
func (c *compiler) compileZone(name *string) *time.Location {
	zone, err := extract.Zone(*name)
	if err != nil {
		c.fail(name, "zone: %s", err)
		return time.UTC
	}
	return zone
}
