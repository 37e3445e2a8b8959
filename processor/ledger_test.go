package processor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
)

// leftBehind plays a store that has these entries of today, and no other table.
type leftBehind []analytics.LedgerEntry

func (leftBehind) Insert(context.Context, *analytics.Batch) error { panic("not a store of rows") }
func (leftBehind) WriteLedger(context.Context, []analytics.LedgerEntry) error {
	panic("not written to")
}
func (l leftBehind) LedgerToday(context.Context, string) ([]analytics.LedgerEntry, error) {
	return l, nil
}

func TestInvariant6_LedgerEntriesGrowWhileReadingGoesOn(t *testing.T) {
	now := time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)
	l := newLedger(leftBehind{
		{Group: "g", Topic: "t", Partition: 0, First: 5, End: 10, Stored: 4, Dead: 1, Vendors: map[string]uint32{"acme": 5}},
		{Group: "g", Topic: "t", Partition: 1, First: 0, End: 10, Stored: 10},
		{Group: "g", Topic: "t", Partition: 2, First: 0, End: 9, Stored: 9},
	}, "g")
	l.now = func() time.Time { return now }
	read := func(id int32, epoch uint64, first, last int64) *offsetRange {
		return &offsetRange{Partition: kafka.Partition{Topic: "t", ID: id}, epoch: epoch, first: first, last: last,
			rowCounts: rowCounts{stored: uint32(last - first + 1), vendors: map[string]uint32{"acme": uint32(last - first + 1)}}}
	}
	flush := func(want string, ranges ...*offsetRange) {
		t.Helper()
		if err := l.look(t.Context(), ranges); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range l.extend(ranges) {
			got = append(got, fmt.Sprintf("%d: %d-%d stored %d dead %d acme %d", e.Partition, e.First, e.End, e.Stored, e.Dead, e.Vendors["acme"]))
		}
		if all := strings.Join(got, "; "); all != want {
			t.Errorf("got  %s\nwant %s", all, want)
		}
	}
	// Partition 0 goes on where a clean stop left it, 1 was read further than it was committed, in 2 there is a gap, 3 is new.
	flush("0: 5-12 stored 6 dead 1 acme 7; 1: 7-12 stored 5 dead 0 acme 5; 2: 11-12 stored 1 dead 0 acme 1; 3: 0-2 stored 2 dead 0 acme 2",
		read(0, 1, 10, 11), read(1, 1, 7, 11), read(2, 1, 11, 11), read(3, 1, 0, 1))
	flush("0: 5-20 stored 14 dead 1 acme 15", read(0, 1, 12, 19))
	flush("0: 25-30 stored 5 dead 0 acme 5; 0: 25-31 stored 6 dead 0 acme 6", read(0, 1, 25, 29), read(0, 1, 30, 30))
	now = now.Add(time.Hour) // another day
	flush("0: 31-32 stored 1 dead 0 acme 1", read(0, 1, 31, 31))
	// Taken away and given back: another member may have gone on in between.
	flush("0: 28-33 stored 5 dead 0 acme 5", read(0, 2, 28, 32))
}
