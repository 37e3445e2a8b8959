package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/demo"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/processor/audit"
	"github.com/hookline-io/hookline/schemas"
)

// settle is how long the last record may take, once every fault has ended, to be stored and committed: a member of a
// group that was killed is missed only when its session times out, and joins take a moment.
const settle = 45 * time.Second

// findings are what a check found wrong, one line each, and what it saw.
type findings struct {
	wrong       []string
	unaccounted int
	audit       audit.Totals
	retried     uint64
	poison      int // poison events that were acknowledged
	stranded    int // their records that are no dead letter
	deadLetters int // records of the dead-letter topic
}

// checker looks into broker and engine, past everything that is under test.
type checker struct {
	log        *slog.Logger
	kafka      kafka.Options
	clickhouse analytics.Options
}

func (c *checker) auditOptions() audit.Options {
	return audit.Options{Group: "hookline.store", Timeout: time.Minute, Kafka: c.kafka, ClickHouse: c.clickhouse}
}

// lag is how many records the group has yet to commit.
func (c *checker) lag(ctx context.Context) (int64, error) {
	report, err := audit.Run(ctx, c.log, c.auditOptions())
	if err != nil {
		return 0, err
	}
	return report.Totals.Lag, nil
}

// drained waits until the group has committed everything there is to read.
func (c *checker) drained(ctx context.Context) error {
	for deadline := time.Now().Add(settle); ; {
		lag, why := c.lag(ctx)
		if why == nil && lag == 0 {
			return nil
		}
		if why == nil {
			why = fmt.Errorf("%d records are not committed", lag)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not drained after %s: %w", settle, why)
		}
		if !sleep(ctx, 300*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// check looks for what demo.Verdict cannot see: offsets that nothing accounts for, and poison that is not where it belongs.
func (c *checker) check(ctx context.Context, poison []analytics.EventID) (findings, error) {
	f := findings{poison: len(poison)}
	o := c.auditOptions()
	o.Records, o.Split = 2*365*24*time.Hour, true // the demo's redeliveries are received in other months
	report, err := audit.Run(ctx, c.log, o)
	if err != nil {
		return f, fmt.Errorf("audit: %w", err)
	}
	f.audit = report.Totals
	f.unaccounted = int(f.audit.Unaccounted) + f.audit.Wrong + f.audit.Missing + f.audit.Split
	if !f.audit.Passed() {
		f.wrong = append(f.wrong, fmt.Sprintf("the audit fails: unaccounted=%d wrong=%d missing=%d split=%d", f.audit.Unaccounted, f.audit.Wrong, f.audit.Missing, f.audit.Split))
	}
	for _, p := range report.Partitions {
		f.retried += p.Retried
		for _, wrong := range p.Wrong {
			f.wrong = append(f.wrong, fmt.Sprintf("%s/%d: %s", p.Topic, p.Partition, wrong))
		}
		for _, g := range p.Gaps {
			f.wrong = append(f.wrong, fmt.Sprintf("%s/%d: offsets %d to %d are unaccounted for", p.Topic, p.Partition, g.First, g.Last))
		}
	}
	if f.retried > 0 {
		f.wrong = append(f.wrong, fmt.Sprintf("%d events went to the retry topic, though none was to blame", f.retried))
	}
	wrong, err := c.letters(ctx, poison, &f)
	f.wrong = append(f.wrong, wrong...)
	return f, err
}

// letters waits until the table of dead letters is what it must be, or until that takes too long.
func (c *checker) letters(ctx context.Context, poison []analytics.EventID, f *findings) ([]string, error) {
	client, err := c.kafka.NewClient(c.log, nil)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	db, err := analytics.Open(ctx, c.clickhouse)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	topics := c.kafka.Topics()
	var l letters
	l.poisoned = map[analytics.Origin]analytics.EventID{}
	wanted := map[analytics.EventID]bool{}
	for _, id := range poison {
		wanted[id] = true
	}
	err = c.scan(ctx, client, topics.Events, func(r *kgo.Record) {
		event, err := schemas.DecodeEvent(r)
		if id := (analytics.EventID{Vendor: event.Vendor, ID: event.ID}); err == nil && wanted[id] {
			l.poisoned[analytics.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}] = id
		}
	})
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(settle); ; {
		f.deadLetters, l.topic = 0, map[analytics.Origin]int{}
		err := c.scan(ctx, client, topics.DLQ, func(r *kgo.Record) {
			letter, _ := schemas.DecodeDeadLetter(r)
			l.topic[analytics.Origin{Topic: letter.Topic, Partition: letter.Partition, Offset: letter.Offset}]++
			f.deadLetters++
		})
		if err != nil {
			return nil, err
		}
		if l.table, err = db.DeadLetterEvents(ctx); err != nil {
			return nil, err
		}
		stranded, wrong := l.judge(poison)
		f.stranded = stranded
		if len(wrong) == 0 || time.Now().After(deadline) {
			return wrong, nil
		}
		if !sleep(ctx, 500*time.Millisecond) {
			return nil, ctx.Err()
		}
	}
}

func (c *checker) scan(ctx context.Context, client *kgo.Client, topic string, do func(*kgo.Record)) error {
	held, err := kafka.Held(ctx, client, topic)
	if err != nil {
		return err
	}
	return c.kafka.Scan(ctx, c.log, held, func(r *kgo.Record) error {
		do(r)
		return nil
	})
}

// letters are where poison is.
type letters struct {
	poisoned map[analytics.Origin]analytics.EventID       // records of the events topic that are poison
	topic    map[analytics.Origin]int                     // dead letters in their topic, by the record that each is about
	table    map[analytics.DeadLetterID]analytics.EventID // dead letters in ClickHouse
}

// judge says what is wrong with them, and of how many records it is that they are no dead letter. A vendor that is not answered sends again, and each of its records that ingest
// accepted is a dead letter: so it is records that are counted, not events. In the topic a dead letter may be there
// twice, where a processor died between writing it and committing its offset; in the table it is once.
func (l *letters) judge(poison []analytics.EventID) (stranded int, wrong []string) {
	found := map[analytics.EventID]bool{}
	for at, id := range l.poisoned {
		found[id] = true
		got, ok := l.table[analytics.DeadLetterID{Origin: at}]
		tabled := ok && got == id
		if l.topic[at] == 0 || !tabled {
			stranded++
		}
		if l.topic[at] == 0 {
			wrong = append(wrong, fmt.Sprintf("poison %s at %s/%d offset %d is not in the dead-letter topic", id.ID, at.Topic, at.Partition, at.Offset))
		}
		if !tabled {
			wrong = append(wrong, fmt.Sprintf("poison %s at %s/%d offset %d is not in the table of dead letters", id.ID, at.Topic, at.Partition, at.Offset))
		}
	}
	for _, id := range poison {
		if !found[id] {
			wrong = append(wrong, fmt.Sprintf("poison %s was acknowledged and is not on Kafka", id.ID))
		}
	}
	for at := range l.topic {
		if _, ok := l.poisoned[at]; !ok {
			wrong = append(wrong, fmt.Sprintf("the record at %s/%d offset %d is a dead letter, though nothing is wrong with it", at.Topic, at.Partition, at.Offset))
		}
	}
	copies := map[analytics.Origin]int{}
	for id := range l.table {
		if copies[id.Origin]++; copies[id.Origin] == 2 {
			wrong = append(wrong, fmt.Sprintf("poison %s at %s/%d offset %d is 2 dead letters", l.poisoned[id.Origin].ID, id.Topic, id.Partition, id.Offset))
		}
	}
	for id, event := range l.table {
		if _, ok := l.poisoned[id.Origin]; !ok {
			wrong = append(wrong, fmt.Sprintf("event %s of %s at %s/%d offset %d is in the table of dead letters, though nothing is wrong with it", event.ID, event.Vendor, id.Topic, id.Partition, id.Offset))
		}
	}
	slices.Sort(wrong)
	return stranded, wrong
}

// newChecker returns one that looks into target.
func newChecker(log *slog.Logger, target demo.Target) *checker {
	target.ClickHouse.Timeout = 30 * time.Second
	return &checker{log: log, kafka: target.Kafka, clickhouse: target.ClickHouse}
}
