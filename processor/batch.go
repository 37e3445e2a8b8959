package processor

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
)

// batch is what one flush stores: rows for ClickHouse, dead letters for Kafka, and which offsets they came from.
type batch struct {
	rows   *analytics.Batch
	dead   []deadLetter
	spans  map[partition]*span
	oldest time.Time // when its first record was taken; zero while it is empty
}

// span is the run of one partition's offsets that a batch holds.
type span struct {
	grant  uint64 // under which the partition was ours; see assignment
	first  int64
	last   int64
	epoch  int32 // leader epoch of last
	events int
}

func newBatch() *batch {
	return &batch{rows: analytics.NewBatch(), spans: map[partition]*span{}}
}

func (b *batch) reset() {
	b.rows.Reset()
	clear(b.dead)
	b.dead = b.dead[:0]
	clear(b.spans)
	b.oldest = time.Time{}
}

func (b *batch) empty() bool { return len(b.spans) == 0 }

// took notes that the batch answers for r.
func (b *batch) took(r *kgo.Record, grant uint64) {
	p := partition{r.Topic, r.Partition}
	s, ok := b.spans[p]
	if !ok || s.grant != grant {
		s = &span{grant: grant, first: r.Offset}
		b.spans[p] = s
	}
	s.last, s.epoch = r.Offset, r.LeaderEpoch
	s.events++
}

// offsets returns what to commit: for each partition that is still ours by the same grant, the offset after its last.
func (b *batch) offsets(a *assignment) map[string]map[int32]kgo.EpochOffset {
	out := map[string]map[int32]kgo.EpochOffset{}
	for p, s := range b.spans {
		if s.grant == 0 || a.grant(p) != s.grant {
			continue
		}
		if out[p.topic] == nil {
			out[p.topic] = map[int32]kgo.EpochOffset{}
		}
		out[p.topic][p.id] = kgo.EpochOffset{Epoch: s.epoch, Offset: s.last + 1}
	}
	return out
}
