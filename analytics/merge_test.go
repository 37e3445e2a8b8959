package analytics_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hookline-io/hookline/internal/testkit"
)

// TestClosedMonthsAreMergedToOnePart: a month that nothing was added to for a day becomes one part, the month that is
// written to stays as it is, and no figure changes. Merges for any other reason are turned off.
func TestClosedMonthsAreMergedToOnePart(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	if got := ask(t, e, "SELECT extract(engine_full, 'min_age_to_force_merge_seconds = (\\\\d+)'), extract(engine_full, 'min_age_to_force_merge_on_partition_only = (\\\\d+)') FROM system.tables WHERE database = 'hookline' AND name = 'sales'"); got != "86400\t1" {
		t.Fatalf("the table's settings are %s", got)
	}
	ask(t, e, `ALTER TABLE sales MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1,
		enable_max_bytes_limit_for_min_age_to_force_merge = 0, merge_selecting_sleep_ms = 100, max_merge_selecting_sleep_ms = 100`)
	now := time.Now().UTC().Truncate(time.Millisecond)
	closed, half := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC), time.Date(2026, 5, 15, 12, 0, 0, 0, time.UTC)
	for i := range 3 {
		for _, at := range []time.Time{closed, half, now} {
			row := sale(fmt.Sprint("evt_", at.Unix(), i), at)
			insert(t, db, row, sale(fmt.Sprint("evt_", at.Unix(), "again"), at)) // one of them in every part
		}
	}
	month := now.Format("2006-01")
	want := []string{"2026-03 acme EUR sale 4 49.36", "2026-05 acme EUR sale 4 49.36", month + " acme EUR sale 4 49.36"}
	shows(t, db, "UTC", want...)
	testkit.Eventually(t, converge, func() error { return upToDate(db, 3) })
	final := "SELECT source_month, count(), sum(amount), groupBitXor(cityHash64(sale_key, event_id, version, amount)) FROM sales FINAL GROUP BY source_month ORDER BY source_month"
	parts := "SELECT partition, count(), sum(rows) FROM system.parts WHERE database = 'hookline' AND table = 'sales' AND active GROUP BY partition ORDER BY partition"
	figures, unmerged := ask(t, e, final), fmt.Sprintf("202603\t3\t6\n202605\t3\t6\n%s\t3\t6", now.Format("200601"))
	if got := ask(t, e, parts); got != unmerged {
		t.Fatalf("parts to begin with:\n%s", got)
	}

	// Two days pass for all of March, and for two parts of three in May. The engine learns the age of parts from their
	// folders, when it starts.
	for _, folder := range splitLines(ask(t, e, "SELECT path FROM system.parts WHERE database = 'hookline' AND table = 'sales' AND active AND (partition = '202603' OR partition = '202605' AND name NOT IN (SELECT max(name) FROM system.parts WHERE database = 'hookline' AND table = 'sales' AND partition = '202605'))")) {
		before := time.Now().AddDate(0, 0, -2)
		if err := os.Chtimes(folder, before, before); err != nil {
			t.Fatal(err)
		}
	}
	e.Restart()
	merged := fmt.Sprintf("202603\t1\t4\n202605\t3\t6\n%s\t3\t6", now.Format("200601"))
	testkit.Eventually(t, converge, func() error {
		if got := ask(t, e, parts); got != merged {
			return fmt.Errorf("parts:\n%s\nwant\n%s", got, merged)
		}
		return nil
	})
	if got := ask(t, e, final); got != figures {
		t.Errorf("figures with FINAL after the merge:\n%s\nbefore:\n%s", got, figures)
	}
	shows(t, db, "UTC", want...)
	if got := ask(t, e, parts); got != merged {
		t.Errorf("parts in the end:\n%s", got)
	}
}
