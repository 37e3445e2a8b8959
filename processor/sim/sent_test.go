//go:build synctests

package sim

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// sent is the traffic of a running schedule.
type sent struct {
	deliveries []*delivery
	done       chan struct{} // closed when all of them are acknowledged
}

// send plays ingest: it sends deliveries, each at its time.
func (w *world) send(deliveries []*delivery) *sent {
	rng := rand.New(rand.NewPCG(w.seed, 3))
	s := &sent{deliveries: deliveries, done: make(chan struct{})}
	slices.SortStableFunc(s.deliveries, func(a, b *delivery) int { return cmp.Compare(a.at, b.at) })
	lasts := s.deliveries[len(s.deliveries)-1].at
	w.server.sales = rng.IntN(2) == 0
	partitions := len(w.cluster.PartitionInfos(w.topics.Events))
	received := map[time.Time]bool{}
	for _, d := range s.deliveries {
		switch d.fate {
		case refused:
			w.server.refuse[d.ID] = w.began.AddDate(10, 0, 0)
		case flaky:
			w.server.refuse[d.ID] = w.began.Add(time.Duration(rng.Int64N(int64(lasts) + 1)))
		}
		// Redeliveries may come through another partition, and months later: identity alone says what is the same.
		d.record.Partition = int32(rng.IntN(partitions))
		d.received = w.began.Add(d.at).Truncate(time.Millisecond)
		if rng.IntN(8) == 0 {
			d.received = d.received.AddDate(0, 0, rng.IntN(60))
		}
		for received[d.received] {
			d.received = d.received.Add(time.Millisecond)
		}
		received[d.received] = true
		d.record.Timestamp = d.received
	}
	go func() {
		defer close(s.done)
		for _, d := range s.deliveries {
			time.Sleep(time.Until(w.began.Add(d.at)))
			if err := w.ingest.ProduceSync(context.Background(), d.record).FirstErr(); err != nil {
				w.books.complain("ingest: %v", err)
			}
		}
	}()
	return s
}

// drain waits until all that was sent is committed, and all that came of it in the retry topic.
func (w *world) drain(s *sent) {
	<-s.done
	for deadline := time.Now().Add(drains); ; time.Sleep(200 * time.Millisecond) {
		left := w.left()
		if left == "" || w.books.failed() {
			return
		}
		if time.Now().After(deadline) {
			w.books.complain("not drained %v after all faults ended: %s", drains, left)
			return
		}
	}
}

// left says what is not committed yet; empty when all is.
func (w *world) left() string {
	info := w.cluster.GroupInfo(group)
	if info == nil {
		return "the group has no member"
	}
	for _, topic := range []string{w.topics.Events, w.topics.Retry} {
		for _, p := range w.cluster.PartitionInfos(topic) {
			if at := info.Commits[topic][p.Partition].Offset; at < p.HighWatermark {
				return place{topic, p.Partition, at}.String() + " and what follows is not committed; the group is " + info.State
			}
		}
	}
	return ""
}
