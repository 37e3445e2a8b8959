package deadletter

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/schemas"
)

// Redriven is what a redrive came to.
type Redriven struct {
	Matched int // dead letters that the filter chooses
	Before  int // of these, how many were redriven before and are left alone
	Sent    int // of these, how many were sent round again now, or would be
}

// RedriveOptions say how to redrive.
type RedriveOptions struct {
	Filter `embed:""`
	Again  bool `help:"Also those that were redriven before. Harmless: what is stored already is stored once."`
	DryRun bool `help:"Only list what would be sent."`
}

// Redrive sends the letters that o chooses round again: each to the events topic as ingest wrote it, or, where an
// action failed, to the retry topic for that action. A letter counts as redriven once its record is acknowledged by
// all in-sync replicas; where this is cut short in between, it is sent twice, which storing undoes. show, unless nil,
// gets the letters that were sent, or would be.
func (q *Queue) Redrive(ctx context.Context, o RedriveOptions, show func([]Letter)) (Redriven, error) {
	var out Redriven
	done := map[analytics.DeadLetterID]bool{} // what failed once may be in the topic twice
	err := q.each(ctx, o.Filter, func(letters []Letter) error {
		if err := q.states(ctx, letters); err != nil {
			return err
		}
		out.Matched += len(letters)
		send := letters[:0]
		for _, l := range letters {
			if l.State == analytics.StateRedriven && !o.Again || done[l.ID()] {
				out.Before++
				continue
			}
			done[l.ID()] = true
			send = append(send, l)
		}
		if !o.DryRun {
			if err := q.send(ctx, send); err != nil {
				return err
			}
		}
		out.Sent += len(send)
		if show != nil && len(send) > 0 {
			show(send)
		}
		return nil
	})
	return out, err
}

func (q *Queue) send(ctx context.Context, letters []Letter) error {
	if len(letters) == 0 {
		return nil
	}
	records := make([]*kgo.Record, len(letters))
	marked := make([]analytics.DeadLetter, len(letters))
	now := time.Now()
	for i, l := range letters {
		records[i] = schemas.Redrive(q.options.Kafka.Topics(), l.record)
		marked[i] = l.DeadLetter
		marked[i].State, marked[i].Changed = analytics.StateRedriven, now
		if !now.After(l.Failed) {
			marked[i].Changed = l.Failed.Add(time.Millisecond) // by a clock ahead of ours: the last state counts
		}
	}
	if left, err := kafka.Produce(ctx, q.client, records); err != nil {
		return fmt.Errorf("%d of %d dead letters were not sent: %w", len(left), len(records), err)
	}
	return q.db.InsertDeadLetters(ctx, marked)
}
