package processor

import (
	"hash/maphash"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/trace"
)

// batch is what one flush stores: rows for ClickHouse, records for other topics, and which offsets they came from.
type batch struct {
	rows         *analytics.Batch
	sources      []rowOrigin   // of each row
	moves        []*kgo.Record // for the retry and the dead-letter topic
	ranges       []*offsetRange
	latest       map[kafka.Partition]*offsetRange
	last         *offsetRange        // that the last record went to: records come in runs of one partition
	events       map[uint64]struct{} // hashes of the events in it
	bytes        int                 // of records that made no row
	deadLettered int                 // records that became dead letters
	oldest       time.Time           // when its first record was taken; zero while it is empty
	traces       *traces
}

// rowOrigin is the record that a row was made from.
type rowOrigin struct {
	record   *kgo.Record
	offsets  *offsetRange
	attempts int  // how often the row was tried before
	dead     bool // it is dead-lettered already: the row is there for people to look at
}

// offsetRange is an unbroken run of one partition's offsets that a batch holds.
type offsetRange struct {
	kafka.Partition
	epoch       uint64 // of the assignment by which the partition was ours; see kafka.Consumer
	first, last int64
	leaderEpoch int32 // of last
	rowCounts
}

// rowCounts say where records ended. Each is in exactly one of stored, retried, dead and skipped.
type rowCounts struct {
	stored, duplicates, retried, dead, skipped uint32
	vendors                                    map[string]uint32
}

func newBatch(t *trace.Tracer) *batch {
	return &batch{rows: analytics.NewBatch(), latest: map[kafka.Partition]*offsetRange{}, events: map[uint64]struct{}{}, traces: newTraces(t)}
}

func (b *batch) reset() {
	b.rows.Reset()
	clear(b.sources)
	clear(b.moves)
	clear(b.ranges)
	b.sources, b.moves, b.ranges = b.sources[:0], b.moves[:0], b.ranges[:0]
	clear(b.latest)
	b.last = nil
	clear(b.events)
	b.traces.end()
	b.oldest, b.bytes, b.deadLettered = time.Time{}, 0, 0
}

func (b *batch) empty() bool { return len(b.ranges) == 0 }

func (b *batch) full(l Limits) bool {
	return max(b.rows.Len(), len(b.moves)) >= l.MaxRows || b.rows.Bytes()+b.bytes >= l.MaxBytes
}

// record notes that the batch answers for r.
func (b *batch) record(r *kgo.Record, epoch uint64) *offsetRange {
	s := b.last
	if p := (kafka.Partition{Topic: r.Topic, ID: r.Partition}); s == nil || s.Partition != p {
		s = b.latest[p]
	}
	if s == nil || s.epoch != epoch || s.last+1 != r.Offset {
		s = &offsetRange{Partition: kafka.Partition{Topic: r.Topic, ID: r.Partition}, epoch: epoch, first: r.Offset}
		s.vendors = map[string]uint32{}
		b.ranges = append(b.ranges, s)
		b.latest[s.Partition] = s
	}
	b.last = s
	s.last, s.leaderEpoch = r.Offset, r.LeaderEpoch
	return s
}

// seen says whether the event is in the batch already, and notes that it is.
func (b *batch) seen(seed maphash.Seed, vendor, id string) bool {
	before := len(b.events)
	b.events[maphash.Comparable(seed, [2]string{vendor, id})] = struct{}{}
	return len(b.events) == before
}

// offsets returns what to commit: for each partition that is still ours by the same assignment, the offset after its last.
func (b *batch) offsets(c *kafka.Consumer) kafka.Offsets {
	out := kafka.Offsets{}
	for p, s := range b.latest {
		if c.Epoch(p) == s.epoch {
			out.Set(p, kgo.EpochOffset{Epoch: s.leaderEpoch, Offset: s.last + 1})
		}
	}
	return out
}
