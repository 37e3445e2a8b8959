package preview

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
)

// What counts nowhere is shown: test money apart from all other money, and types of events of which none counts.
func TestUncountedIsShown(t *testing.T) {
	t.Parallel()
	engine := prepared.Engine(t)
	store(t, engine, year2025())
	server := preview(t, engine, assets(t))
	const eur = in2025 + "&var-currency=EUR&var-zone=UTC"
	before := figuresOf(t, server, dashboards.SalesUID, 4, eur)[0].Fields[0].Values[0]

	const sells = `INSERT INTO sales (vendor, kind, sale_key, amount, currency, occurred_at, received_at, version, is_test) VALUES
		('sandbox', 'sale', 't1', 10, 'EUR', '2025-12-05 10:00:00', now64(3), 1, 1), ('sandbox', 'sale', 't2', 5, 'EUR', '2025-12-06 10:00:00', now64(3), 1, 1),
		('sandbox', 'refund', 't3', 2.5, 'EUR', '2025-12-07 10:00:00', now64(3), 1, 1), ('sandbox', 'sale', 't4', 1, 'EUR', 0, now64(3), 1, 1),
		('sandbox', 'sale', 't5', 7, 'USD', '2025-12-05 10:00:00', now64(3), 1, 1), ('sandbox', 'sale', 't6', 7, 'EUR', '2024-12-05 10:00:00', now64(3), 1, 1)`
	ask(t, engine, sells)
	testkit.Eventually(t, time.Minute, func() error {
		return rowsAre(figuresOf(t, server, dashboards.SalesUID, 19, eur), [][]any{
			{nil, "sandbox", 1.0, 0.0, 1.0, 1.0},
			{float64(time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).UnixMilli()), "sandbox", 15.0, 2.5, 12.5, 2.0},
		})
	})
	if after := figuresOf(t, server, dashboards.SalesUID, 4, eur)[0].Fields[0].Values[0]; after != before {
		t.Errorf("test money changes the net sales from %v to %v", before, after)
	}

	const comes = `INSERT INTO events (vendor, event_id, type, effect, occurred_at, received_at, version) VALUES
		('mute', 'm1', 'order.paid', '', '2025-12-05 10:00:00', '2025-12-05 10:00:01', 1), ('mute', 'm1', 'order.paid', '', '2025-12-05 10:00:00', '2025-12-05 10:00:02', 2),
		('mute', 'm2', '', '', 0, '2025-12-09 10:00:00', 1), ('mute', 'm3', 'order.paid', '', '2025-11-05 10:00:00', '2025-12-05 10:00:01', 1),
		('half', 'h1', 'charge', 'sale', '2025-12-05 10:00:00', '2025-12-05 10:00:01', 1), ('half', 'h2', 'charge', '', '2025-12-05 10:00:00', '2025-12-05 10:00:01', 1),
		('half', 'h3', 'customer', '', '2025-12-05 10:00:00', '2025-12-05 10:00:01', 1), ('half', 'h4', 'charge', '', '2025-12-05 10:00:00', '2025-12-05 10:00:01', 1)`
	ask(t, engine, comes)
	settleVendors(t, engine)
	second := func(day, hour, second int) float64 {
		return float64(time.Date(2025, 12, day, hour, 0, second, 0, time.UTC).UnixMilli())
	}
	err := rowsAre(figuresOf(t, server, dashboards.VendorsUID, 9, in2025+"&var-vendor=mute&var-vendor=half"), [][]any{
		{"mute", "(none)", 1.0, 0.0, second(9, 10, 0)},
		{"mute", "order.paid", 1.0, 0.0, second(5, 10, 2)},
		{"half", "customer", 1.0, 0.25, second(5, 10, 1)},
	})
	if err != nil {
		t.Error(err)
	}
}

// rowsAre compares one frame's rows.
func rowsAre(frames []Frame, want [][]any) error {
	if len(frames) != 1 || frames[0].rows() != len(want) {
		return fmt.Errorf("frames are %+v, want %v", frames, want)
	}
	for row := range want {
		var got []any
		for _, field := range frames[0].Fields {
			got = append(got, field.Values[row])
		}
		if !slices.Equal(got, want[row]) {
			return fmt.Errorf("row %d is %v, want %v", row, got, want[row])
		}
	}
	return nil
}
