package analytics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
)

// A server with a deduplication window acknowledges and drops an INSERT that equals an earlier one, also when the rows of
// that one were deleted. Replicated tables have such a window by default.
func TestInsertsAreNeverSwallowed(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	letter := analytics.DeadLetter{Event: sale("evt_1", halloween).Event, State: analytics.StateDead, Changed: halloween}
	letter.Topic = "webhooks.events"
	for tables, insert := range map[string]func() error{
		"events sales": func() error {
			b := analytics.NewBatch()
			if err := b.Append(sale("evt_1", halloween)); err != nil {
				return err
			}
			return db.Insert(t.Context(), b)
		},
		"dead_letters": func() error { return db.InsertDeadLetters(t.Context(), []analytics.DeadLetter{letter}) },
		"ledger": func() error {
			return db.WriteLedger(t.Context(), []analytics.LedgerEntry{{Group: "g", Topic: "webhooks.events", First: 1, End: 2, Stored: 1}})
		},
		"rejections": func() error {
			return db.InsertRejections(t.Context(), []schemas.Rejection{{Vendor: "acme", Reason: "bad_signature", Minute: halloween, Instance: "i", Count: 1}})
		},
		"action_results": func() error {
			return db.InsertActionResults(t.Context(), []analytics.ActionResult{{Vendor: "acme", EventID: "evt_1", Action: "forward", Attempt: 1,
				Outcome: analytics.OutcomeSucceeded, Started: halloween, Duration: time.Second}})
		},
		"reprocess_runs": func() error {
			return db.SaveReprocess(t.Context(), analytics.Reprocess{Generation: 1, Vendor: "acme", State: analytics.ReprocessMapping})
		},
	} {
		for _, table := range strings.Fields(tables) {
			ask(t, e, "ALTER TABLE "+table+" MODIFY SETTING non_replicated_deduplication_window = 100")
		}
		for range 3 {
			if err := insert(); err != nil {
				t.Fatalf("%s: %v", tables, err)
			}
			for _, table := range strings.Fields(tables) {
				if got := ask(t, e, "SELECT count() FROM "+table); got != "1" {
					t.Errorf("%s has %s rows after an insert, want 1", table, got)
				}
				ask(t, e, "ALTER TABLE "+table+" DELETE WHERE 1 SETTINGS mutations_sync = 2")
			}
		}
	}
}
