package analytics

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// EventID is what an event is known by.
type EventID struct{ Vendor, ID string }

// Stored returns those of the events, given with their own times, that are stored.
func (db *DB) Stored(ctx context.Context, events map[EventID]time.Time) (map[EventID]bool, error) {
	if len(events) == 0 {
		return nil, nil
	}
	// One whose time is out of range is stored undated.
	months := map[uint32]bool{0: true}
	ids := make([]string, 0, len(events))
	for id, at := range events {
		months[sourceMonth(at)] = true
		ids = append(ids, "("+literal(id.Vendor)+","+literal(id.ID)+")")
	}
	list := make([]string, 0, len(months))
	for month := range months {
		list = append(list, fmt.Sprint(month))
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_query_size": 1 << 30}))
	found, err := collect(ctx, db, "look up events",
		"SELECT vendor, event_id FROM events WHERE source_month IN ("+strings.Join(list, ",")+") AND (vendor, event_id) IN ("+strings.Join(ids, ",")+")",
		func(rows driver.Rows) (id EventID, err error) { return id, rows.Scan(&id.Vendor, &id.ID) })
	out := make(map[EventID]bool, len(found))
	for _, id := range found {
		out[id] = true
	}
	return out, err
}

// EventCopies returns every event that is stored, with how often the views show it: once, or something is wrong.
func (db *DB) EventCopies(ctx context.Context) (map[EventID]uint64, error) {
	type copies struct {
		EventID
		n uint64
	}
	found, err := collect(ctx, db, "count the copies of events", "SELECT vendor, event_id, count() FROM current_events GROUP BY vendor, event_id",
		func(rows driver.Rows) (c copies, err error) { return c, rows.Scan(&c.Vendor, &c.ID, &c.n) })
	out := make(map[EventID]uint64, len(found))
	for _, c := range found {
		out[c.EventID] = c.n
	}
	return out, err
}
