package analytics_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
)

// TestInvariant4_NoPaymentIsEverInTwoMonths delivers two events of each payment, at either side of a month's edge, in
// either order, again and again and through a crash of the engine, while a reader adds the months up ten times a second.
func TestInvariant4_NoPaymentIsEverInTwoMonths(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	edge := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var begun atomic.Int64 // payments that may count
	ctx, stop := context.WithCancel(t.Context())
	read := make(chan string, 1)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				read <- ""
				return
			case <-tick.C:
			}
			totals, err := db.SalesTotals(ctx, "UTC")
			if err != nil {
				continue // the engine is down
			}
			most, sum := begun.Load(), uint64(0)
			for _, total := range totals {
				sum += total.Count
			}
			if sum > uint64(most) {
				read <- fmt.Sprintf("%d payments count %d times:\n%s", most, sum, lines(totals))
				return
			}
		}
	}()
	events := func(n int) (before, after analytics.Row) {
		payment := fmt.Sprint("ch_", n)
		before, after = sale(fmt.Sprint("before_", n), edge.Add(-time.Second)), sale(fmt.Sprint("after_", n), edge.Add(time.Second))
		for _, row := range []*analytics.Row{&before, &after} {
			row.Outcome.Effects[0].Key = payment
			if n%3 == 0 {
				row.Event.Proof = schemas.ProofWeak
			}
		}
		return before, after
	}
	const payments = 40
	for n := range payments {
		begun.Add(1)
		before, after := events(n)
		switch n % 4 {
		case 0:
			insert(t, db, after)
			insert(t, db, before, after)
		case 1:
			insert(t, db, after)
			<-time.After(time.Duration(n) * 50 * time.Millisecond) // lets the rollup count it
			insert(t, db, before)
			insert(t, db, after)
		case 2:
			insert(t, db, before)
			insert(t, db, after)
		case 3:
			insert(t, db, after, before)
		}
		if n == payments/2 {
			e.Kill()
			e.Restart()
			insert(t, db, after, before)
		}
		select {
		case wrong := <-read:
			t.Fatal(wrong)
		default:
		}
	}
	shows(t, db, "UTC", "2026-10 acme EUR sale "+strconv.Itoa(payments)+" "+strings.TrimSuffix(fmt.Sprintf("%.2f", 12.34*payments), "0"))
	stop()
	if wrong := <-read; wrong != "" {
		t.Fatal(wrong)
	}
}
