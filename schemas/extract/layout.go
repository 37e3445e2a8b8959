package extract

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// directives are those of strptime(3) that a layout may have, with what package time calls them.
var directives = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
	'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday", 'j': "002", '%': "%",
}

// Layout compiles a format of one's own such as "%d.%m.%Y %H:%M". It has the directives of strptime(3): %Y %y %m %b %B %d
// %e %j %a %A for the date, %H %I %p %M %S for the time of day, %z for the zone (Z, UTC, GMT or an offset) and %% for a
// percent sign. A fraction may follow the seconds.
func Layout(text string) (Format, error) {
	var layout strings.Builder
	var used []byte
	zoned := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case zoned:
			return nil, fmt.Errorf("time format %q: %%z must be its end", text)
		case c != '%':
			layout.WriteByte(c)
			continue
		case i+1 == len(text):
			return nil, fmt.Errorf("time format %q ends in a lone %%", text)
		}
		i++
		if zoned = text[i] == 'z'; zoned {
			continue
		}
		directive, ok := directives[text[i]]
		if !ok {
			return nil, fmt.Errorf("time format %q: there is no %%%c; there are %s", text, text[i],
				"%Y %y %m %b %B %d %e %j %a %A %H %I %p %M %S %z %%")
		}
		used = append(used, text[i])
		layout.WriteString(directive)
	}
	if err := checkLayout(text, used); err != nil {
		return nil, err
	}
	compiled := layout.String()
	return func(text string) (time.Time, bool, bool) {
		if !zoned {
			t, err := time.Parse(compiled, text)
			return t, false, err == nil
		}
		return parseZoned(compiled, text)
	}, nil
}

// checkLayout refuses a layout that names no day, and literal text that package time would take for a field.
func checkLayout(text string, used []byte) error {
	has := func(directives string) bool {
		return slices.ContainsFunc(used, func(d byte) bool { return strings.IndexByte(directives, d) >= 0 })
	}
	if !has("Yy") || !has("j") && (!has("mbB") || !has("de")) {
		return fmt.Errorf("time format %q: a time needs a year, a month and a day", text)
	}
	if has("I") != has("p") {
		return fmt.Errorf("time format %q: %%I, the hours to 12, goes with %%p, AM or PM", text)
	}
	for i, literal := range strings.Split(text, "%") {
		if i > 0 && literal != "" {
			literal = literal[1:]
		}
		// The two times differ in every field: a text that one of them changes is no literal.
		for _, t := range []time.Time{time.Unix(1, 0).UTC(), time.Unix(1e9, 123456789).UTC()} {
			if t.Format(literal) != literal {
				return fmt.Errorf("time format %q: %q between fields would be taken for a field", text, literal)
			}
		}
	}
	return nil
}

// parseZoned reads a zone at the end of text, where the layout does not say how long what is before it is.
func parseZoned(layout, text string) (time.Time, bool, bool) {
	for i := len(text) - 1; i >= 0 && i >= len(text)-len("+01:00"); i-- {
		offset, ok := zoneOffset(text[i:])
		if !ok {
			continue
		}
		if t, err := time.Parse(layout, text[:i]); err == nil {
			return t.Add(-offset), true, true
		}
	}
	return time.Time{}, false, false
}
