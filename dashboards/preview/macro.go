package preview

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// macro finds the macros of the ClickHouse plugin, "$__name".
var macro = regexp.MustCompile(`\$__(\w+)`)

// ExpandMacros replaces the macros of the ClickHouse plugin in sql as the plugin does
// (github.com/grafana/clickhouse-datasource, pkg/macros/macros.go at v4.14), for the range that the board
// shows; interval is how much of it one point of a chart stands for. What the plugin would leave for
// ClickHouse to stumble over is an error here: a macro it does not know, or the wrong number of arguments.
func ExpandMacros(sql string, shown Range, interval time.Duration) (string, error) {
	var out strings.Builder
	for {
		found := macro.FindStringSubmatchIndex(sql)
		if found == nil {
			out.WriteString(sql)
			return out.String(), nil
		}
		name, rest := sql[found[2]:found[3]], sql[found[1]:]
		arguments, rest, err := splitArguments(rest)
		if err != nil {
			return "", fmt.Errorf("$__%s: %w", name, err)
		}
		text, err := expandMacro(name, arguments, shown, interval)
		if err != nil {
			return "", err
		}
		out.WriteString(sql[:found[0]])
		out.WriteString(text)
		sql = rest
	}
}

func expandMacro(name string, arguments []string, shown Range, interval time.Duration) (string, error) {
	date := func(t time.Time) string { return "toDate('" + t.UTC().Format(time.DateOnly) + "')" }
	seconds := func(t time.Time) string { return fmt.Sprintf("toDateTime(%d)", t.Unix()) }
	millis := func(t time.Time) string { return fmt.Sprintf("fromUnixTimestamp64Milli(%d)", t.UnixMilli()) }
	between := func(column string, literal func(time.Time) string) string {
		return fmt.Sprintf("%s >= %s AND %s <= %s", column, literal(shown.From), column, literal(shown.To))
	}
	step := max(int64(interval/time.Second), 1)
	stepMillis := max(interval.Milliseconds(), 1)

	known := map[string]struct {
		arguments int
		expand    func(a []string) string
	}{
		"fromTime":    {0, func([]string) string { return seconds(shown.From) }},
		"toTime":      {0, func([]string) string { return seconds(shown.To) }},
		"fromTime_ms": {0, func([]string) string { return millis(shown.From) }},
		"toTime_ms":   {0, func([]string) string { return millis(shown.To) }},
		"interval_s":  {0, func([]string) string { return fmt.Sprint(step) }},

		"timeFilter":    {1, func(a []string) string { return between(a[0], seconds) }},
		"timeFilter_ms": {1, func(a []string) string { return between(a[0], millis) }},
		"dateFilter":    {1, func(a []string) string { return between(a[0], date) }},
		"timeInterval": {1, func(a []string) string {
			return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", a[0], step)
		}},
		"timeInterval_ms": {1, func(a []string) string {
			return fmt.Sprintf("toStartOfInterval(toDateTime64(%s, 3), INTERVAL %d millisecond)", a[0], stepMillis)
		}},
		"dateTimeFilter": {2, func(a []string) string {
			return fmt.Sprintf("(%s) AND (%s)", between(a[0], date), between(a[1], seconds))
		}},
	}
	known["dt"] = known["dateTimeFilter"]

	m, ok := known[name]
	if !ok {
		return "", fmt.Errorf("$__%s is no macro that the preview knows", name)
	}
	if len(arguments) != m.arguments {
		return "", fmt.Errorf("$__%s takes %d argument(s), not %d", name, m.arguments, len(arguments))
	}
	return m.expand(arguments), nil
}

// splitArguments reads "(a, b)" at the start of sql and returns what follows it. Parentheses may be nested,
// and inside quotes they do not count.
func splitArguments(sql string) (arguments []string, rest string, err error) {
	if !strings.HasPrefix(sql, "(") {
		return nil, sql, nil
	}
	depth, start := 0, 1
	var quote byte
	for i := 0; i < len(sql); i++ {
		c := sql[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				if last := strings.TrimSpace(sql[start:i]); last != "" || len(arguments) > 0 {
					arguments = append(arguments, last)
				}
				return arguments, sql[i+1:], nil
			}
		case c == ',' && depth == 1:
			arguments = append(arguments, strings.TrimSpace(sql[start:i]))
			start = i + 1
		}
	}
	return nil, "", fmt.Errorf("no closing parenthesis after %.40q", sql)
}
