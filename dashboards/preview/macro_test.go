package preview

import (
	"strings"
	"testing"
	"time"
)

var shown2025 = Range{
	From: time.Date(2025, 1, 1, 0, 0, 0, 123e6, time.UTC),
	To:   time.Date(2025, 12, 31, 23, 59, 59, 999e6, time.UTC),
}

// The expected texts are those of the plugin's own documentation and tests, pkg/macros/macros_test.go.
func TestExpandMacros(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT 1":        "SELECT 1",
		"$__fromTime":     "toDateTime(1735689600)",
		"$__toTime":       "toDateTime(1767225599)",
		"$__fromTime_ms":  "fromUnixTimestamp64Milli(1735689600123)",
		"$__toTime_ms":    "fromUnixTimestamp64Milli(1767225599999)",
		"$__interval_s":   "43200",
		"$__fromTime()":   "toDateTime(1735689600)",
		"a $__toTime, 'x": "a toDateTime(1767225599), 'x",

		"$__timeFilter(at)":           "at >= toDateTime(1735689600) AND at <= toDateTime(1767225599)",
		"$__timeFilter_ms(at)":        "at >= fromUnixTimestamp64Milli(1735689600123) AND at <= fromUnixTimestamp64Milli(1767225599999)",
		"$__dateFilter(day)":          "day >= toDate('2025-01-01') AND day <= toDate('2025-12-31')",
		"$__dateTimeFilter(day, at)":  "(day >= toDate('2025-01-01') AND day <= toDate('2025-12-31')) AND (at >= toDateTime(1735689600) AND at <= toDateTime(1767225599))",
		"$__dt(day, at)":              "(day >= toDate('2025-01-01') AND day <= toDate('2025-12-31')) AND (at >= toDateTime(1735689600) AND at <= toDateTime(1767225599))",
		"$__timeInterval(at)":         "toStartOfInterval(toDateTime(at), INTERVAL 43200 second)",
		"$__timeInterval_ms(at)":      "toStartOfInterval(toDateTime64(at, 3), INTERVAL 43200000 millisecond)",
		"x($__timeInterval(f(a, b)))": "x(toStartOfInterval(toDateTime(f(a, b)), INTERVAL 43200 second))",
		"$__dateFilter(f(')', day))":  "f(')', day) >= toDate('2025-01-01') AND f(')', day) <= toDate('2025-12-31')",
	} {
		got, err := ExpandMacros(in, shown2025, 12*time.Hour)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestExpandMacrosRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"$__unheardOf":       "no macro that the preview knows",
		"$__timeFilter":      "takes 1 argument(s), not 0",
		"$__timeFilter(a,b)": "takes 1 argument(s), not 2",
		"$__timeFilter(a":    "no closing parenthesis",
		"$__fromTime(a)":     "takes 0 argument(s), not 1",
	} {
		got, err := ExpandMacros(in, shown2025, time.Hour)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v; want an error with %q", in, got, err, want)
		}
	}
}

func FuzzExpandMacros(f *testing.F) {
	f.Add("SELECT $__timeInterval(at) WHERE $__timeFilter(at)")
	f.Add(`$__dateFilter(f(')', "(`)
	f.Add("$__$__fromTime(('")
	f.Fuzz(func(t *testing.T, sql string) {
		out, err := ExpandMacros(sql, shown2025, time.Hour)
		if err == nil && !strings.Contains(sql, "$__") && out != sql {
			t.Errorf("%q without a macro became %q", sql, out)
		}
	})
}
