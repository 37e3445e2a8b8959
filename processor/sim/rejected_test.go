//go:build synctests

package sim

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// TestInvariant8_ManyRowsRejectedAtOnce has batches in which all rows are rejected, or all of one half: those of
// events whose rows were rejected before, and of one event that comes many times. They cost only themselves.
func TestInvariant8_ManyRowsRejectedAtOnce(t *testing.T) {
	g := load(t)
	events := func(w *world, at time.Duration, fate fate, name string, different, each int) (out []*delivery) {
		for i := range different {
			e := newEvent(fmt.Sprint(name, i), w.began.Add(-time.Hour), fate, 125)
			for range each {
				out = append(out, &delivery{event: e, at: at, record: e.Record(w.topics.Events)})
			}
		}
		return out
	}
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) {
			out := g.play(seed, slog.New(slog.DiscardHandler), func(w *world) *sent {
				w.options.Batch.MaxRows, w.options.Batch.MaxWait = 200, time.Second
				var all []*delivery
				all = append(all, events(w, time.Second, refused, "bad", 24, 1)...)
				all = append(all, events(w, time.Second, good, "good", 24, 1)...)
				all = append(all, events(w, 20*time.Second, refused, "again", 1, 40)...)
				sent := w.send(all)
				w.start("")
				return sent
			})
			if len(out.wrong) > 0 {
				t.Errorf("seed %d\n%v", seed, out)
			}
		})
	}
}
