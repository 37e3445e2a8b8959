package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Delay keeps records of one topic back until they are due. All of them wait equally long, so that what follows a
// record that is not due is not due either.
type Delay struct {
	Topic   string                      // empty: nothing waits
	Longest time.Duration               // no record waits longer after it was read, however wrong a clock is
	Due     func(*kgo.Record) time.Time // zero: at once
}

// delayQueue holds what was read before it is due. Its partitions are paused meanwhile, so that each holds at most one
// fetch, and nothing else waits for them. It belongs to the goroutine that polls.
type delayQueue struct {
	Delay
	waiting map[int32]*delayed
}

// delayed is what waits of one partition.
type delayed struct {
	Fetch
	read time.Time
	due  time.Time // when the first of them is
}

// idle is how long a poll lasts at most while nothing waits.
const idle = time.Minute

func newDelayQueue(d Delay) *delayQueue { return &delayQueue{Delay: d, waiting: map[int32]*delayed{}} }

// next is when to look again: when something is due, or after a while.
func (q *delayQueue) next() time.Time {
	at := time.Now().Add(idle)
	for _, d := range q.waiting {
		if d.due.Before(at) {
			at = d.due
		}
	}
	return at
}

// hold returns those of f that are due, and keeps the others, with their partition paused.
func (q *delayQueue) hold(client *kgo.Client, f Fetch) Fetch {
	if f.Topic != q.Topic {
		return f
	}
	if d := q.waiting[f.ID]; d != nil && d.Epoch == f.Epoch {
		d.Records = append(d.Records, f.Records...) // fetched before the pause
		return Fetch{}
	}
	d := &delayed{Fetch: f, read: time.Now()}
	now := q.split(d)
	if len(d.Records) > 0 {
		q.waiting[f.ID] = d
		client.PauseFetchPartitions(map[string][]int32{f.Topic: {f.ID}})
	}
	return now
}

// split takes out of d what comes before the first record that is not due.
func (q *delayQueue) split(d *delayed) Fetch {
	now, latest := time.Now(), d.read.Add(q.Longest)
	n := len(d.Records)
	for i, r := range d.Records {
		if due := q.Due(r); due.After(now) && latest.After(now) {
			if d.due = due; due.After(latest) {
				d.due = latest
			}
			n = i
			break
		}
	}
	due := d.Fetch
	due.Records, d.Records = d.Records[:n], d.Records[n:]
	return due
}

// due hands over what has become due, and resumes the partitions of which nothing is left. What was read under an
// earlier assignment is dropped: the partition's owner, who may be this member, reads it again.
func (q *delayQueue) due(client *kgo.Client, o *ownership, take func(Fetch)) {
	for id, d := range q.waiting {
		if o.epoch(d.Partition) != d.Epoch {
			delete(q.waiting, id)
			continue
		}
		if time.Now().Before(d.due) {
			continue
		}
		if f := q.split(d); len(f.Records) > 0 {
			take(f)
		}
		if len(d.Records) == 0 {
			delete(q.waiting, id)
			client.ResumeFetchPartitions(map[string][]int32{d.Topic: {id}})
		}
	}
}
