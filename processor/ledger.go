package processor

import (
	"context"
	"maps"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
)

// ledger accounts for what flushes have stored (invariant 6). The entry of a partition grows with each flush for as
// long as reading goes on without a break, for a day at most; so the account of a year is a few thousand rows.
type ledger struct {
	store Store
	group string
	open  map[kafka.Partition]*entry
	now   func() time.Time
}

// entry is one that may go on growing.
type entry struct {
	analytics.LedgerEntry
	epoch uint64
	day   time.Time
}

func newLedger(store Store, group string) *ledger {
	return &ledger{store: store, group: group, open: map[kafka.Partition]*entry{}, now: time.Now}
}

// look finds out which entries of the partitions that are new to us may be carried on: those that a clean stop left
// behind. It may be repeated.
func (l *ledger) look(ctx context.Context, ranges []*offsetRange) error {
	known := true
	for _, s := range ranges {
		open := l.open[s.Partition]
		known = known && open != nil && open.epoch == s.epoch
	}
	if known {
		return nil
	}
	left, err := l.store.LedgerToday(ctx, l.group)
	if err != nil {
		return err
	}
	ends := map[kafka.Partition]analytics.LedgerEntry{}
	for _, e := range left {
		ends[kafka.Partition{Topic: e.Topic, ID: e.Partition}] = e
	}
	for _, s := range ranges {
		if open := l.open[s.Partition]; open == nil || open.epoch != s.epoch {
			delete(l.open, s.Partition)
			if e, ok := ends[s.Partition]; ok && e.End == s.first {
				l.open[s.Partition] = &entry{LedgerEntry: e, epoch: s.epoch, day: l.today()}
			}
		}
	}
	return nil
}

// extend returns the entries that account for ranges, besides what they accounted for before. look comes first.
func (l *ledger) extend(ranges []*offsetRange) []analytics.LedgerEntry {
	var out []analytics.LedgerEntry
	for _, s := range ranges {
		e := l.open[s.Partition]
		if e == nil || e.epoch != s.epoch || e.End != s.first || !e.day.Equal(l.today()) {
			e = &entry{epoch: s.epoch, day: l.today(), LedgerEntry: analytics.LedgerEntry{
				Group: l.group, Topic: s.Topic, Partition: s.ID, First: s.first, Vendors: map[string]uint32{},
			}}
			l.open[s.Partition] = e
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
