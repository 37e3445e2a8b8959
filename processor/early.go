package processor

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

// early holds what was read of the retry topic before it is due. Its partitions are paused meanwhile, so that they
// hold at most one fetch each, and nothing else waits for them. It belongs to the goroutine that polls.
type early struct {
	topic string
	delay time.Duration
	held  map[int32]*held
}

// held is what waits of one partition.
type held struct {
	records []*kgo.Record
	grant   uint64
	read    time.Time
	due     time.Time // when the first of them is
}

func newEarly(topic string, delay time.Duration) *early {
	return &early{topic: topic, delay: delay, held: map[int32]*held{}}
}

// next is when to look again: when something is due, or in a while.
func (e *early) next() time.Time {
	at := time.Now().Add(time.Minute)
	for _, h := range e.held {
		if h.due.Before(at) {
			at = h.due
		}
	}
	return at
}

// park returns those of the records that are due, and holds the others, with their partition paused.
func (e *early) park(client *kgo.Client, topic string, id int32, records []*kgo.Record, grant uint64) []*kgo.Record {
	if topic != e.topic {
		return records
	}
	if h := e.held[id]; h != nil && h.grant == grant {
		h.records = append(h.records, records...) // fetched before the pause
		return nil
	}
	h := &held{grant: grant, read: time.Now()}
	records, h.records = e.split(h, records)
	if len(h.records) > 0 {
		e.held[id] = h
		client.PauseFetchPartitions(map[string][]int32{e.topic: {id}})
	}
	return records
}

// split cuts records before the first that is not due. All have waited the same time when they are, so that what
// follows one that is not due is not due either.
func (e *early) split(h *held, records []*kgo.Record) (due, rest []*kgo.Record) {
	now := time.Now()
	latest := h.read.Add(e.delay) // no clock, however wrong, makes anything wait longer than that
	for i, r := range records {
		retry, err := schemas.DecodeRetry(r)
		if err != nil || retry.Action != "" || !retry.NotBefore.After(now) || !latest.After(now) {
			continue
		}
		if h.due = retry.NotBefore; h.due.After(latest) {
			h.due = latest
		}
		return records[:i], records[i:]
	}
	return records, nil
}

// due hands over what has become due, and lets the partitions be read on of which nothing is left.
func (e *early) due(client *kgo.Client, a *assignment, take func(r *kgo.Record, grant uint64)) {
	for id, h := range e.held {
		if a.grant(partition{e.topic, id}) != h.grant {
			delete(e.held, id) // it is another's now, who reads it again; where it came back to us, we read it again
			continue
		}
		if time.Now().Before(h.due) {
			continue
		}
		var records []*kgo.Record
		records, h.records = e.split(h, h.records)
		for _, r := range records {
			take(r, h.grant)
		}
		if len(h.records) == 0 {
			delete(e.held, id)
			client.ResumeFetchPartitions(map[string][]int32{e.topic: {id}})
		}
	}
}
