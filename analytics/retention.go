package analytics

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Retention says for how many days after the end of their month rows are kept; 0: forever. Whole months go at
// a time. Undated events and sales stay. Figures of months whose sales are gone stay in sales_per_month and
// sales_daily, and no longer change.
type Retention struct {
	Events   int `name:"events" placeholder:"DAYS" help:"Days to keep events and their payloads after the end of the month in which they happened. 0: forever."`
	Sales    int `name:"sales" placeholder:"DAYS" help:"The same for sales. Monthly and daily figures stay for good."`
	Outcomes int `name:"outcomes" placeholder:"DAYS" help:"The same for action results, rejections, dead letters and the ledger, unless the next four say otherwise."`

	ActionResults *int `name:"action-results" placeholder:"DAYS" help:"The same for action results."`
	Rejections    *int `name:"rejections" placeholder:"DAYS" help:"The same for counts of refused deliveries."`
	DeadLetters   *int `name:"dead-letters" placeholder:"DAYS" help:"The same for dead letters and their payloads, by when they were given up."`
	Ledger        *int `name:"ledger" placeholder:"DAYS" help:"The same for the ledger, which 'hookline audit' compares Kafka with: longer than Kafka keeps records."`
}

// kept is a table that loses its rows with their age, by a column of times.
type kept struct {
	table, time string
	days        int
}

// tables are those that grow with the events.
func (r Retention) tables() []kept {
	outcome := func(own *int) int {
		if own != nil {
			return *own
		}
		return r.Outcomes
	}
	return []kept{
		{"events", "occurred_at", r.Events},
		{"event_variants", "occurred_at", r.Events},
		{"sales", "occurred_at", r.Sales},
		{"action_results", "started_at", outcome(r.ActionResults)},
		{"rejections", "minute", outcome(r.Rejections)},
		{"dead_letters", "failed_at", outcome(r.DeadLetters)},
		{"ledger", "written_at", outcome(r.Ledger)},
	}
}

func (r Retention) check() error {
	for _, t := range append(r.tables(), kept{table: "outcomes", days: r.Outcomes}) {
		if t.days < 0 || t.days > 36500 {
			return fmt.Errorf("set up retention: keep %s for %d days: give 0 (forever) to 36500", t.table, t.days)
		}
	}
	return nil
}

// steps make the tables' retention r where it is not; current is what they have, by table.
func (r Retention) steps(current map[string]int) []step {
	var steps []step
	for _, t := range r.tables() {
		now, isSet := current[t.table]
		switch {
		case t.days == 0 && isSet:
			steps = append(steps, step{"keep " + t.table + " forever", "ALTER TABLE " + t.table + " REMOVE TTL"})
		case t.days > 0 && now != t.days:
			steps = append(steps, step{fmt.Sprintf("keep %s for %d days", t.table, t.days), fmt.Sprintf("ALTER TABLE %s MODIFY TTL %s", t.table, expiry(t.time, t.days))})
		}
	}
	return steps
}

// expiry is when a row goes: at the same moment as all others of its month, so that a month is there or gone.
func expiry(time string, days int) string {
	return fmt.Sprintf("if(%[1]s < toDateTime('2000-01-01 00:00:00', 'UTC'), toDate('2149-01-01'), toStartOfMonth(toDate(%[1]s)) + toIntervalMonth(1) + toIntervalDay(%[2]d))", time, days)
}

// ttls returns the days of those tables that have a retention.
func (db *DB) ttls(ctx context.Context, server *DB) (map[string]int, error) {
	type table struct{ name, engine string }
	tables, err := collect(ctx, server, "look at retention", "SELECT name, engine_full FROM system.tables WHERE database = ?",
		func(rows driver.Rows) (t table, err error) { return t, rows.Scan(&t.name, &t.engine) }, db.Name())
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, t := range tables {
		if _, ttl, ok := strings.Cut(t.engine, " TTL "); ok {
			days := 0
			if _, text, ok := strings.Cut(ttl, "toIntervalDay("); ok {
				_, _ = fmt.Sscanf(text, "%d", &days) // one that is not ours counts as another
			}
			out[t.name] = days
		}
	}
	return out, nil
}
