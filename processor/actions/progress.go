package actions

import (
	"maps"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tracker knows how far each partition is done. Records finish in any order, a fast target's before a slow one's;
// an offset is committed once everything before it is finished (invariant 3).
type tracker struct {
	mu         sync.Mutex
	partitions map[string]map[int32]*progress
}

// progress is one partition while it is ours. When it is taken away and given back it gets a new one, so that what
// was read before counts for nothing: another member may have gone further in between.
type progress struct {
	next      kgo.EpochOffset // the offset after the last record taken; Offset -1: none was
	open      map[int64]int   // how many jobs of a record, by its offset, are not finished; none that are
	committed int64
}

// ticket is one job's part in a record: finish is told when it is done with.
type ticket struct {
	progress *progress
	offset   int64
}

func newTracker() *tracker { return &tracker{partitions: map[string]map[int32]*progress{}} }

func (t *tracker) assigned(topics map[string][]int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for topic, ids := range topics {
		if t.partitions[topic] == nil {
			t.partitions[topic] = map[int32]*progress{}
		}
		for _, id := range ids {
			t.partitions[topic][id] = &progress{next: kgo.EpochOffset{Offset: -1}, open: map[int64]int{}, committed: -1}
		}
	}
}

func (t *tracker) lost(topics map[string][]int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for topic, ids := range topics {
		for _, id := range ids {
			delete(t.partitions[topic], id)
		}
	}
}

// of returns the partition's progress, or nil where it is not ours.
func (t *tracker) of(topic string, id int32) *progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.partitions[topic][id]
}

// took notes that r was taken and has that many jobs. Records of a partition are taken in order.
func (t *tracker) took(p *progress, r *kgo.Record, jobs int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.next = kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
	if jobs > 0 {
		p.open[r.Offset] = jobs
	}
}

// fresh returns the records that were not taken yet: what a consumer that rested has passed over may still come.
func (t *tracker) fresh(p *progress, records []*kgo.Record) []*kgo.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(records) > 0 && records[0].Offset < p.next.Offset {
		records = records[1:]
	}
	return records
}

// skipped notes that everything before end is finished, but for what was taken and is still open.
func (t *tracker) skipped(p *progress, end kgo.EpochOffset) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if end.Offset > p.next.Offset {
		p.next = end
	}
}

// all returns the progress of a topic's partitions that are ours.
func (t *tracker) all(topic string) map[int32]*progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.partitions[topic])
}

// taken returns the offset after the last record taken of each partition of a topic, where any was.
func (t *tracker) taken(topic string) map[int32]kgo.EpochOffset {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[int32]kgo.EpochOffset{}
	for id, p := range t.partitions[topic] {
		if p.next.Offset >= 0 {
			out[id] = p.next
		}
	}
	return out
}

func (t *tracker) finish(tickets []ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range tickets {
		if one.progress.open[one.offset]--; one.progress.open[one.offset] <= 0 {
			delete(one.progress.open, one.offset)
		}
	}
}

// offsets returns what to commit: for each partition that went on since the last commit, the first offset that is
// not finished.
func (t *tracker) offsets() map[string]map[int32]kgo.EpochOffset {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[string]map[int32]kgo.EpochOffset{}
	for topic, partitions := range t.partitions {
		for id, p := range partitions {
			at := p.next
			for offset := range p.open {
				at.Offset = min(at.Offset, offset)
			}
			if at.Offset <= p.committed {
				continue
			}
			if out[topic] == nil {
				out[topic] = map[int32]kgo.EpochOffset{}
			}
			out[topic][id] = at
		}
	}
	return out
}

// committed notes that offsets were committed.
func (t *tracker) committed(offsets map[string]map[int32]kgo.EpochOffset) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for topic, partitions := range offsets {
		for id, at := range partitions {
			if p := t.partitions[topic][id]; p != nil {
				p.committed = max(p.committed, at.Offset)
			}
		}
	}
}
