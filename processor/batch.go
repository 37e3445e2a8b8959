package processor

import (
	"hash/maphash"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/trace"
)

// batch is what one flush stores: rows for ClickHouse, records for other topics, and which offsets they came from.
type batch struct {
	rows    *analytics.Batch
	sources []source      // of each row
	moves   []*kgo.Record // for the retry and the dead-letter topic
	spans   []*span
	latest  map[partition]*span
	span    *span               // that the last record went to: records come in runs of one partition
	events  map[uint64]struct{} // hashes of the events in it
	bytes   int                 // of records that made no row
	buried  int                 // records that became dead letters
	oldest  time.Time           // when its first record was taken; zero while it is empty
	traces  *traces
}

// source is the record that a row was made from.
type source struct {
	record   *kgo.Record
	span     *span
	attempts int  // how often the row was tried before
	dead     bool // it is dead-lettered already: the row is there for people to look at
}

// span is an unbroken run of one partition's offsets that a batch holds.
type span struct {
	partition
	grant       uint64 // under which the partition was ours; see assignment
	first, last int64
	epoch       int32 // leader epoch of last
	counts
}

// counts say where records ended. Each is in exactly one of stored, retried, dead and skipped.
type counts struct {
	stored, duplicates, retried, dead, skipped uint32
	vendors                                    map[string]uint32
}

func newBatch(t *trace.Tracer) *batch {
	return &batch{rows: analytics.NewBatch(), latest: map[partition]*span{}, events: map[uint64]struct{}{}, traces: newTraces(t)}
}

func (b *batch) reset() {
	b.rows.Reset()
	clear(b.sources)
	clear(b.moves)
	clear(b.spans)
	b.sources, b.moves, b.spans = b.sources[:0], b.moves[:0], b.spans[:0]
	clear(b.latest)
	b.span = nil
	clear(b.events)
	b.traces.end()
	b.oldest, b.bytes, b.buried = time.Time{}, 0, 0
}

func (b *batch) empty() bool { return len(b.spans) == 0 }

func (b *batch) full(l Limits) bool {
	return max(b.rows.Len(), len(b.moves)) >= l.MaxRows || b.rows.Bytes()+b.bytes >= l.MaxBytes
}

// took notes that the batch answers for r.
func (b *batch) took(r *kgo.Record, grant uint64) *span {
	s := b.span
	if p := (partition{r.Topic, r.Partition}); s == nil || s.partition != p {
		s = b.latest[p]
	}
	if s == nil || s.grant != grant || s.last+1 != r.Offset {
		s = &span{partition: partition{r.Topic, r.Partition}, grant: grant, first: r.Offset}
		s.vendors = map[string]uint32{}
		b.spans = append(b.spans, s)
		b.latest[s.partition] = s
	}
	b.span = s
	s.last, s.epoch = r.Offset, r.LeaderEpoch
	return s
}

// seen says whether the event is in the batch already, and notes that it is.
func (b *batch) seen(seed maphash.Seed, vendor, id string) bool {
	before := len(b.events)
	b.events[maphash.Comparable(seed, [2]string{vendor, id})] = struct{}{}
	return len(b.events) == before
}

// offsets returns what to commit: for each partition that is still ours by the same grant, the offset after its last.
func (b *batch) offsets(a *assignment) map[string]map[int32]kgo.EpochOffset {
	out := map[string]map[int32]kgo.EpochOffset{}
	for p, s := range b.latest {
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
