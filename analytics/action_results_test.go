package analytics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
)

// query returns what ClickHouse answers to a SELECT, as tab-separated text.
func query(t *testing.T, e *testkit.EngineProcess, sql string) string {
	t.Helper()
	return e.Ask(t, "hookline", sql)
}

func TestInsertActionResults(t *testing.T) {
	db, engine := open(t, "UTC")
	at := time.Date(2026, 10, 31, 23, 30, 0, 123e6, time.UTC)
	one := analytics.ActionResult{
		Vendor: "acme", EventID: "evt_1", Occurred: at, Received: at.Add(time.Second), Action: "forward", Target: "http://fulfilment.internal/hooks",
		Attempt: 1, Outcome: analytics.OutcomeFailed, Status: 503, Error: "503 Service Unavailable", Started: at.Add(2 * time.Second), Duration: 1500 * time.Microsecond,
	}
	two := one
	two.Attempt, two.Outcome, two.Status, two.Error = 2, analytics.OutcomeSucceeded, 200, ""
	undated, future := two, two
	undated.EventID, undated.Occurred = "evt_2", time.Time{}
	future.EventID, future.Occurred, future.Attempt, future.Duration = "evt_3", at.AddDate(30, 0, 0), 1<<20, 1<<62
	results := []analytics.ActionResult{one, two, undated, future}
	for range 2 { // the second time changes nothing
		if err := db.InsertActionResults(t.Context(), results); err != nil {
			t.Fatal(err)
		}
	}
	var months []analytics.ActionResult // more than one INSERT may have
	for i := range 101 {
		old := one
		old.Vendor, old.EventID, old.Occurred = "old", fmt.Sprint(i), at.AddDate(0, -i, -15)
		months = append(months, old)
	}
	for _, results := range [][]analytics.ActionResult{nil, months} {
		if err := db.InsertActionResults(t.Context(), results); err != nil {
			t.Error(err)
		}
	}
	got := query(t, engine, `SELECT event_id, action, target, attempt, outcome, status, error, occurred_at, started_at, duration_ms, source_month
		FROM action_results FINAL WHERE vendor = 'acme' ORDER BY event_id, attempt`)
	const target = "\tforward\thttp://fulfilment.internal/hooks\t"
	want := strings.Join([]string{
		"evt_1" + target + "1\tfailed\t503\t503 Service Unavailable\t2026-10-31 23:30:00.123\t2026-10-31 23:30:02.123\t1\t202610",
		"evt_1" + target + "2\tsucceeded\t200\t\t2026-10-31 23:30:00.123\t2026-10-31 23:30:02.123\t1\t202610",
		"evt_2" + target + "2\tsucceeded\t200\t\t1970-01-01 00:00:00.000\t2026-10-31 23:30:02.123\t1\t0",
		"evt_3" + target + "65535\tsucceeded\t200\t\t1970-01-01 00:00:00.000\t2026-10-31 23:30:02.123\t4294967295\t0",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := query(t, engine, "SELECT count() FROM action_results FINAL WHERE vendor = 'old'"); got != "101" {
		t.Errorf("%s of 101 old ones", got)
	}
}
