package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

// table stores rejections as ClickHouse does: one row for an identity, the highest count wins.
type table struct {
	rows    map[schemas.Rejection]uint64 // by identity: Count is 0
	sent    int
	fail    error // of the next sends
	landing bool  // failed sends land all the same: only their acknowledgement is lost
}

func (tb *table) produce(_ context.Context, records []*kgo.Record) error {
	tb.sent++
	if tb.fail != nil && !tb.landing {
		return tb.fail
	}
	for _, record := range records {
		r, err := schemas.DecodeRejection(record)
		if err != nil {
			return err
		}
		count := r.Count
		r.Count = 0
		tb.rows[r] = max(tb.rows[r], count)
	}
	return tb.fail
}

func (tb *table) sum() (n uint64) {
	for _, count := range tb.rows {
		n += count
	}
	return n
}

func newTable() (*table, *rejections) {
	tb := &table{rows: map[schemas.Rejection]uint64{}}
	return tb, &rejections{produce: tb.produce, topic: "t", instance: "i", log: slog.New(slog.DiscardHandler)}
}

var tenOClock = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func TestRejectionsAreSentOnceTheirMinuteIsOver(t *testing.T) {
	tb, r := newTable()
	for i := range 90 { // a minute and a half
		r.add("acme", "signature_mismatch", tenOClock.Add(time.Duration(i)*time.Second))
		r.add("unknown", "unknown_vendor", tenOClock.Add(time.Duration(i)*time.Second))
	}
	if err := r.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := schemas.Rejection{Vendor: "acme", Reason: "signature_mismatch", Minute: tenOClock, Instance: "i"}
	if len(tb.rows) != 2 || tb.rows[want] != 60 {
		t.Errorf("after one minute: %v", tb.rows)
	}
	r.stop(t.Context())
	if tb.sum() != 180 || tb.sent != 2 {
		t.Errorf("%d counted with %d sends, want 180 with 2", tb.sum(), tb.sent)
	}
}

func TestRejectionsOutlastKafka(t *testing.T) {
	for _, landing := range []bool{false, true} {
		t.Run(fmt.Sprintf("landing=%v", landing), func(t *testing.T) {
			tb, r := newTable()
			tb.fail, tb.landing = errors.New("no acknowledgement"), landing
			const minutes = 3 * rejectionBacklog
			for m := range minutes {
				at := tenOClock.Add(time.Duration(m) * time.Minute)
				for range 10 {
					r.add("acme", "busy", at)
				}
				r.mu.Lock()
				r.turn(at.Add(time.Minute))
				r.mu.Unlock()
				if err := r.flush(t.Context()); err == nil {
					t.Fatal("the failure is not logged")
				}
				if len(r.past) > rejectionBacklog {
					t.Fatalf("%d minutes kept, want at most %d (invariant 9)", len(r.past), rejectionBacklog)
				}
			}
			if got := r.waiting(); got != 10*minutes {
				t.Errorf("%d wait, want %d", got, 10*minutes)
			}
			tb.fail = nil
			r.stop(t.Context())
			if tb.sum() != 10*minutes || r.waiting() != 0 {
				t.Errorf("%d stored and %d waiting, want %d and 0", tb.sum(), r.waiting(), 10*minutes)
			}
			if len(tb.rows) > rejectionBacklog+1 {
				t.Errorf("%d rows", len(tb.rows))
			}
		})
	}
}

func TestRejectionsWhileASendIsUnderWay(t *testing.T) {
	tb, r := newTable()
	minutes := 0
	refuse := func(n int) {
		for range n {
			r.add("acme", "busy", tenOClock.Add(time.Duration(minutes)*time.Minute))
			minutes++
		}
	}
	r.produce = func(ctx context.Context, records []*kgo.Record) error {
		if minutes < 2*rejectionBacklog {
			refuse(rejectionBacklog)
		}
		return tb.produce(ctx, records)
	}
	refuse(rejectionBacklog)
	r.stop(t.Context())
	r.stop(t.Context())
	if tb.sum() != uint64(minutes) {
		t.Errorf("%d stored, want %d", tb.sum(), minutes)
	}
}

func TestRejectionsWhenTheClockGoesBack(t *testing.T) {
	tb, r := newTable()
	for _, offset := range []time.Duration{0, time.Minute, 10 * time.Second, time.Minute, 2 * time.Minute, 90 * time.Second} {
		r.add("acme", "busy", tenOClock.Add(offset))
		if err := r.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.stop(t.Context())
	if tb.sum() != 6 || len(tb.rows) != 3 {
		t.Errorf("got %v, want 6 in three minutes", tb.rows)
	}
}

func TestRejectionsAfterTheEndDoNoHarm(t *testing.T) { // of a delivery that outlived the drain
	_, r := newTable()
	r.stop(t.Context())
	r.add("acme", "busy", tenOClock)
	r.stop(t.Context())
	r.add("acme", "busy", tenOClock)
}
