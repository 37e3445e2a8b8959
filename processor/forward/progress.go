package forward

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
)

// tracker knows how far each partition is done. Records finish in any order, a fast target's before a slow one's;
// an offset is committed once everything before it is finished (invariant 3).
type tracker struct {
	epoch func(kafka.Partition) uint64 // of the assignment by which a partition is ours now; 0: it is not

	mu         sync.Mutex
	partitions map[kafka.Partition]*progress
}

// progress is one partition while it is ours. When it is lost and assigned again it gets a new one, so that what was read
// before counts for nothing: another member may have committed more in between.
type progress struct {
	epoch     uint64          // of the assignment
	next      kgo.EpochOffset // the offset after the last record taken; Offset -1: none was
	open      map[int64]int   // how many jobs of a record, by its offset, are not finished; none that are
	committed int64
}

// ticket is one job's part in a record: finish gets it when the job is done.
type ticket struct {
	progress *progress
	offset   int64
}

func newTracker(epoch func(kafka.Partition) uint64) *tracker {
	return &tracker{epoch: epoch, partitions: map[kafka.Partition]*progress{}}
}

// of returns the progress of a partition under an assignment.
func (t *tracker) of(p kafka.Partition, epoch uint64) *progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.partitions[p]; now != nil && now.epoch == epoch {
		return now
	}
	fresh := &progress{epoch: epoch, next: kgo.EpochOffset{Offset: -1}, open: map[int64]int{}, committed: -1}
	if now := t.partitions[p]; now == nil || now.epoch < epoch {
		t.partitions[p] = fresh
	}
	return fresh
}

// start notes that r has that many jobs. Records of a partition start in order.
func (t *tracker) start(p *progress, r *kgo.Record, jobs int) {
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

// taken returns the offset after the last record taken of each partition of a topic that is ours, where any was.
func (t *tracker) taken(topic string) kafka.Offsets {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := kafka.Offsets{}
	for at, p := range t.partitions {
		if at.Topic == topic && p.next.Offset >= 0 && t.epoch(at) == p.epoch {
			out.Set(at, p.next)
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

// offsets returns what to commit: for each partition that is ours and went on since the last commit, the first offset
// that is not finished.
func (t *tracker) offsets() kafka.Offsets {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := kafka.Offsets{}
	for at, p := range t.partitions {
		if t.epoch(at) != p.epoch {
			delete(t.partitions, at)
			continue
		}
		done := p.next
		for offset := range p.open {
			done.Offset = min(done.Offset, offset)
		}
		if done.Offset > p.committed {
			out.Set(at, done)
		}
	}
	return out
}

// committed notes that offsets were committed.
func (t *tracker) committed(offsets kafka.Offsets) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for topic, ids := range offsets {
		for id, at := range ids {
			if p := t.partitions[kafka.Partition{Topic: topic, ID: id}]; p != nil {
				p.committed = max(p.committed, at.Offset)
			}
		}
	}
}
