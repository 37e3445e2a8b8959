package analytics

import (
	"errors"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

func TestInvariant5_SourceMonthDependsOnTheTimeAlone(t *testing.T) {
	for _, c := range []struct {
		at   string
		want uint32
	}{
		{"2026-10-31T23:30:00Z", 202610},
		{"2026-11-01T00:30:00+01:00", 202610},
		{"2026-10-31T20:30:00-04:00", 202611},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := sourceMonth(at); got != c.want {
			t.Errorf("%s is in %d, want %d", c.at, got, c.want)
		}
	}
	if sourceMonth(time.Time{}) != 0 {
		t.Error("an undated sale is in a month")
	}
}

func TestUnitsAreExactOrRefused(t *testing.T) {
	for _, c := range []struct {
		amount string
		want   int64 // -1: refused
	}{
		{"0", 0}, {"12.34", 123400}, {"1.5000000", 15000}, {"0.0001", 1}, {"0.00010", 1}, {"1e3", 10000000},
		{"99999999999999.9999", maxAmount}, {"99999999999999.99990000000000000000", maxAmount},
		{"0.00001", -1}, {"12.34567", -1}, {"-0.01", -1}, {"100000000000000", -1}, {"1e14", -1}, {"1e18", -1},
		{"1e9999", -1}, {"-1e9999", -1}, {"1e-9999", -1}, {"9223372036854775807", -1}, {"99999999999999999999999999", -1},
	} {
		got, err := units(decimal.RequireFromString(c.amount))
		if c.want < 0 {
			if !errors.Is(err, ErrAmount) {
				t.Errorf("%s: got %d, %v; want it refused", c.amount, got, err)
			}
		} else if got != c.want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", c.amount, got, err, c.want)
		}
	}
}

func FuzzUnits(f *testing.F) {
	for _, s := range []string{"0", "12.34", "-1", "1e14", "0.00010", "1e-5", "99999999999999.9999", "123456789012345678901234567890e-20"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := decimal.NewFromString(s)
		if err != nil {
			return
		}
		got, err := units(d)
		if err != nil {
			return
		}
		if !decimal.New(got, -scale).Equal(d) {
			t.Errorf("%s became %s", d, decimal.New(got, -scale))
		}
	})
}

func TestTimesOutOfRangeAreRefused(t *testing.T) {
	received := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at string
		ok bool
	}{
		{"2000-01-01T00:00:00Z", true}, {"1999-12-31T23:59:59.999Z", false}, {"1970-01-01T00:00:00Z", false},
		{"2026-06-03T12:00:00Z", true}, {"2026-06-03T12:00:00.001Z", false}, {"2262-04-12T00:00:00Z", false},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkTime("event", at, received); (err == nil) != c.ok || (err != nil && !errors.Is(err, ErrTime)) {
			t.Errorf("%s: %v", c.at, err)
		}
	}
	if err := checkTime("event", time.Time{}, received); err != nil {
		t.Errorf("undated: %v", err)
	}
}
