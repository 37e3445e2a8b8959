package preview

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// daysEqualLedger sums the chart by day or week, and follows the lines of a month to their ends.
func daysEqualLedger(t *testing.T, server *httptest.Server, ledger []sold) {
	net := func(since, until string) decimal.Decimal {
		return netOf(ledger, func(s sold) bool {
			return s.currency == "EUR" && s.at != "" && s.at[:10] >= since && s.at[:10] <= until
		})
	}
	for _, test := range []struct {
		since, until string
		weeks        bool
	}{
		{"2025-01-01", "2025-12-31", true},
		{"2025-01-02", "2025-05-02", false},
		{"2025-01-02", "2025-05-03", true},
	} {
		chart := frames(t, server, 13, "from="+test.since+"&to="+test.until+"&var-currency=EUR&var-zone=UTC")[0]
		var sum decimal.Decimal
		others := false // than Mondays
		for row := range chart.rows() {
			at, err := time.Parse("2 Jan 2006", chart.Fields[0].Values[row].(string))
			if err != nil {
				t.Fatal(err)
			}
			others = others || at.Weekday() != time.Monday
			for _, field := range chart.Fields[1:] {
				if value, ok := field.Values[row].(float64); ok {
					sum = sum.Add(decimal.NewFromFloat(value))
				}
			}
		}
		if others == test.weeks {
			t.Errorf("%s to %s: days other than Mondays: %v", test.since, test.until, others)
		}
		if want := net(test.since, test.until); !sum.Equal(want) {
			t.Errorf("%s to %s: %s, want %s", test.since, test.until, sum, want)
		}
	}

	// Totals of a year and the one before have the same days.
	years := frames(t, server, 11, "from=2025-01-01&to=2025-12-20&var-currency=EUR&var-zone=UTC")[0]
	for name, span := range map[string][2]string{"12 months to Dec 2025": {"2025-01-01", "2025-12-20"}, "12 months before": {"2024-01-01", "2024-12-20"}} {
		field, ok := years.field(name)
		var sum decimal.Decimal
		for _, value := range field.Values {
			sum = sum.Add(decimal.NewFromFloat(value.(float64)))
		}
		if want := net(span[0], span[1]); !ok || years.rows() != 12 || !sum.Equal(want) {
			t.Errorf("%s: %s in %d months, want %s", name, sum, years.rows(), want)
		}
	}

	so := frames(t, server, 17, "from=2025-01-01&to=2025-12-20&var-currency=EUR&var-zone=UTC")[0]
	for name, line := range map[string]struct {
		first string
		days  int
	}{"This month": {"2025-12-01", 20}, "Month before": {"2025-11-01", 30}, "Year before": {"2024-12-01", 31}} {
		field, _ := so.field(name)
		for row := range so.rows() {
			day := int(number(t, so, "Day", row))
			value, shown := field.Values[row].(float64)
			if shown != (day <= line.days) {
				t.Errorf("%s, day %d: %v", name, day, field.Values[row])
			}
			want := net(line.first, fmt.Sprintf("%s-%02d", line.first[:7], day))
			if shown && !decimal.NewFromFloat(value).Equal(want) {
				t.Errorf("%s up to day %d: %v, want %s", name, day, value, want)
			}
		}
	}
	if so.rows() != 31 {
		t.Errorf("%d days, want 31", so.rows())
	}
}
