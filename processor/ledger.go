package processor

import (
	"context"
	"maps"
	"time"

	"github.com/hookline-io/hookline/analytics"
)

// ledger accounts for what flushes have stored (invariant 6). The entry of a partition grows with each flush for as
// long as reading goes on without a break, for a day at most; so the account of a year is a few thousand rows.
type ledger struct {
	store Store
	group string
	open  map[partition]*entry
	now   func() time.Time
}

// entry is one that may go on growing.
type entry struct {
	analytics.LedgerEntry
	grant uint64
	day   time.Time
}

func newLedger(store Store, group string) *ledger {
	return &ledger{store: store, group: group, open: map[partition]*entry{}, now: time.Now}
}

// look finds out which entries of the partitions that are new to us may be carried on: those that a clean stop left
// behind. It may be repeated.
func (l *ledger) look(ctx context.Context, spans []*span) error {
	known := true
	for _, s := range spans {
		open := l.open[s.partition]
		known = known && open != nil && open.grant == s.grant
	}
	if known {
		return nil
	}
	left, err := l.store.LedgerToday(ctx, l.group)
	if err != nil {
		return err
	}
	ends := map[partition]analytics.LedgerEntry{}
	for _, e := range left {
		ends[partition{e.Topic, e.Partition}] = e
	}
	for _, s := range spans {
		if open := l.open[s.partition]; open == nil || open.grant != s.grant {
			delete(l.open, s.partition)
			if e, ok := ends[s.partition]; ok && e.End == s.first {
				l.open[s.partition] = &entry{LedgerEntry: e, grant: s.grant, day: l.today()}
			}
		}
	}
	return nil
}

// extend returns the entries that account for spans, besides what they accounted for before. look comes first.
func (l *ledger) extend(spans []*span) []analytics.LedgerEntry {
	var out []analytics.LedgerEntry
	for _, s := range spans {
		e := l.open[s.partition]
		if e == nil || e.grant != s.grant || e.End != s.first || !e.day.Equal(l.today()) {
			e = &entry{grant: s.grant, day: l.today(), LedgerEntry: analytics.LedgerEntry{
				Group: l.group, Topic: s.topic, Partition: s.id, First: s.first, Vendors: map[string]uint32{},
			}}
			l.open[s.partition] = e
		}
		e.End = s.last + 1
		e.Stored += s.stored
		e.Duplicates += s.duplicates
		e.Retried += s.retried
		e.Dead += s.dead
		e.Skipped += s.skipped
		for vendor, n := range s.vendors {
			e.Vendors[vendor] += n
		}
		written := e.LedgerEntry
		written.Vendors = maps.Clone(e.Vendors)
		out = append(out, written)
	}
	return out
}

func (l *ledger) today() time.Time { return l.now().UTC().Truncate(24 * time.Hour) }
