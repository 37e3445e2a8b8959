package deadletter

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/progress"
)

// Options say where dead letters are.
type Options struct {
	Kafka      kafka.Options     `embed:"" prefix:"kafka-"`
	ClickHouse analytics.Options `embed:"" prefix:"clickhouse-"`
}

// Letter is a dead letter with the record of the topic that holds it.
type Letter struct {
	analytics.DeadLetter
	record *kgo.Record
}

// Queue is the dead-letter topic and what is known of its letters.
type Queue struct {
	options Options
	log     *slog.Logger
	client  *kgo.Client
	db      *analytics.DB
}

// Open connects to Kafka and prepares for ClickHouse.
func Open(ctx context.Context, log *slog.Logger, o Options) (*Queue, error) {
	client, err := o.Kafka.NewClient(log, nil, kafka.ProducerOptions()...)
	if err != nil {
		return nil, err
	}
	if err := o.Kafka.Reach(ctx, client); err != nil {
		client.Close()
		return nil, err
	}
	db, err := analytics.Open(ctx, o.ClickHouse)
	if err != nil {
		client.Close()
		return nil, err
	}
	return &Queue{options: o, log: log, client: client, db: db}, nil
}

// Close gives the connections back.
func (q *Queue) Close() error {
	q.client.Close()
	return q.db.Close()
}

// chunk is how many letters are held at once.
const chunk = 500

// each calls do with the letters that f chooses, oldest first within a partition, a chunk at a time.
func (q *Queue) each(ctx context.Context, f Filter, do func([]Letter) error) error {
	held, err := kafka.Held(ctx, q.client, q.options.Kafka.Topics().DLQ)
	if err != nil {
		return err
	}
	var total int64
	for _, r := range held {
		total += r.To - r.From
	}
	bar := progress.New("dead letters", total)
	defer bar.Done()
	var letters []Letter
	flush := func() error {
		if len(letters) == 0 {
			return nil
		}
		err := do(letters)
		letters = letters[:0]
		return err
	}
	err = q.options.Kafka.Scan(ctx, q.log, held, func(r *kgo.Record) error {
		bar.Add(1)
		letter := Letter{DeadLetter: decode(r), record: r}
		if f.Matches(&letter.DeadLetter) {
			letters = append(letters, letter)
		}
		if len(letters) < chunk {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// states sets the state of letters.
func (q *Queue) states(ctx context.Context, letters []Letter) error {
	known := make([]analytics.DeadLetter, len(letters))
	for i := range letters {
		known[i] = letters[i].DeadLetter
	}
	redriven, err := q.db.Redriven(ctx, known)
	if err != nil {
		return fmt.Errorf("find out which dead letters were redriven: %w", err)
	}
	for i := range letters {
		if redriven[letters[i].ID()] {
			letters[i].State = analytics.StateRedriven
		}
	}
	return nil
}
