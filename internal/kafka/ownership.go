package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Partition is one partition of one topic.
type Partition struct {
	Topic string
	ID    int32
}

// ownership knows which partitions the group has assigned to this member, each with the epoch of its assignment.
type ownership struct {
	mu     sync.Mutex
	epochs map[Partition]uint64
	last   uint64
	as     membership
}

// membership is by what a group knows a member, from one rebalance to the next.
type membership struct {
	member     string
	generation int32
}

func newOwnership() *ownership { return &ownership{epochs: map[Partition]uint64{}} }

// assigned ends a rebalance. It is called for each one, also where no partition is new.
func (o *ownership) assigned(topics map[string][]int32, as membership) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.as = as
	o.last++
	for topic, ids := range topics {
		for _, id := range ids {
			o.epochs[Partition{topic, id}] = o.last
		}
	}
}

func (o *ownership) lost(topics map[string][]int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for topic, ids := range topics {
		for _, id := range ids {
			delete(o.epochs, Partition{topic, id})
		}
	}
}

// membership is that of the last rebalance that is over.
func (o *ownership) membership() membership {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.as
}

// ours takes out of offsets the partitions that are not this member's.
func (o *ownership) ours(offsets Offsets) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for topic, ids := range offsets {
		for id := range ids {
			if o.epochs[Partition{topic, id}] == 0 {
				delete(ids, id)
			}
		}
		if len(ids) == 0 {
			delete(offsets, topic)
		}
	}
}

func (o *ownership) epoch(p Partition) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.epochs[p]
}

func (o *ownership) of(topic string) map[Partition]uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[Partition]uint64{}
	for p, epoch := range o.epochs {
		if p.Topic == topic {
			out[p] = epoch
		}
	}
	return out
}

// Offsets are what to commit: for each partition the offset after the last record that is done.
type Offsets map[string]map[int32]kgo.EpochOffset

// Set notes that everything of p before at is done.
func (o Offsets) Set(p Partition, at kgo.EpochOffset) {
	if o[p.Topic] == nil {
		o[p.Topic] = map[int32]kgo.EpochOffset{}
	}
	o[p.Topic][p.ID] = at
}

// Add notes that r is done, and all before it.
func (o Offsets) Add(r *kgo.Record) {
	o.Set(Partition{r.Topic, r.Partition}, kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1})
}
