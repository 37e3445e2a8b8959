package processor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/processor/alert"
	"github.com/hookline-io/hookline/schemas"
)

// flush stores a batch, moves to other topics what cannot be stored, accounts for both and commits the offsets, in
// this order (invariants 3 and 6). It returns an error only when ctx ends.
func (l *Loop) flush(ctx context.Context, b *batch) error {
	start := time.Now()
	rejected, err := l.insert(ctx, b)
	if err != nil {
		return err
	}
	if rows := b.rows.Len(); rows > 0 {
		l.metrics.inserted(rows-len(rejected), time.Since(start))
		b.traces.inserted(rows, start)
	}
	for _, r := range rejected {
		l.reroute(b, r)
	}
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.logStored(b, rejected)
	}
	if more := b.deadLettered - maxLogged; more > 0 {
		l.log.Warn("more events are dead-lettered; see 'hookline dlq list'", "events", more)
	}
	if moves := b.moves; len(moves) > 0 {
		err := l.repeat(ctx, "write retries and dead letters", func(ctx context.Context) (err error) {
			moves, err = kafka.Produce(ctx, l.consumer.Client, moves)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := l.repeat(ctx, "read the ledger", func(ctx context.Context) error { return l.ledger.look(ctx, b.ranges) }); err != nil {
		return err
	}
	entries := l.ledger.extend(b.ranges)
	if err := l.repeat(ctx, "write the ledger", func(ctx context.Context) error { return l.store.WriteLedger(ctx, entries) }); err != nil {
		return err
	}
	// A commit fails while the group rebalances or its coordinator restarts. The partitions may stay ours through
	// that, and then nobody reads their events again: so it is repeated, for as long as they are ours.
	return l.repeat(ctx, "commit offsets", func(ctx context.Context) error {
		return l.consumer.Commit(ctx, func() kafka.Offsets { return b.offsets(l.consumer) })
	})
}

// logStored logs each event that is stored now.
func (l *Loop) logStored(b *batch, rejected []rejection) {
	for i := range b.sources {
		if s := &b.sources[i]; !s.dead && !slices.ContainsFunc(rejected, func(r rejection) bool { return r.row == i }) {
			l.log.Debug("event stored", "event", string(s.record.Key), "topic", s.record.Topic, "partition", s.record.Partition, "offset",
				s.record.Offset)
		}
	}
}

// rejection is a row that ClickHouse rejects by itself.
type rejection struct {
	row int
	err error
}

// insert stores the rows of b and returns those that ClickHouse rejects alone (invariant 8). It returns an error only
// when ctx ends.
func (l *Loop) insert(ctx context.Context, b *batch) ([]rejection, error) {
	if b.rows.Len() == 0 {
		return nil, nil
	}
	cause, err := l.try(ctx, b.rows)
	if err != nil || cause == nil {
		return nil, err
	}
	if err := l.probe(ctx, b); err != nil {
		return nil, err
	}
	return l.split(ctx, b.rows, 0, cause)
}

// split stores what it can of rows, which ClickHouse rejects together for cause and of which the first has the number
// first in its batch.
func (l *Loop) split(ctx context.Context, rows *analytics.Batch, first int, cause error) (rejected []rejection, err error) {
	if rows.Len() == 1 {
		return []rejection{{first, cause}}, nil
	}
	l.log.Warn("ClickHouse rejects a batch for its data: it is split until the row to blame stands alone", "rows", rows.Len(), "err", cause)
	half := rows.Len() / 2
	for _, part := range [][2]int{{0, half}, {half, rows.Len()}} {
		some := rows.Slice(part[0], part[1])
		if cause, err = l.try(ctx, some); err != nil {
			return nil, err
		}
		if cause == nil {
			continue
		}
		alone, err := l.split(ctx, some, first+part[0], cause)
		if err != nil {
			return nil, err
		}
		rejected = append(rejected, alone...)
	}
	return rejected, nil
}

// try inserts rows until they are stored, or rejected for their data: then cause says why.
func (l *Loop) try(ctx context.Context, rows *analytics.Batch) (cause, err error) {
	err = l.repeat(ctx, "insert rows", func(ctx context.Context) error {
		err := l.store.Insert(ctx, rows)
		if verdict, _ := routeInsert(err); verdict == verdictSplit {
			cause, err = err, nil
		}
		return err
	})
	return cause, err
}

// probes is how many events of a rejected batch are tried alone before the tables are to blame.
const probes = 16

// probe returns once one event of a rejected batch, of those picked at random, is taken alone. While none is, the
// tables are to blame and not the rows: a whole topic must not become dead letters for a mistake in a table. Rows
// that were rejected before say nothing of the tables, nor does an event that is there many times: of those a batch
// may consist.
func (l *Loop) probe(ctx context.Context, b *batch) error {
	var rows []int
	seen := map[string]bool{}
	for i, s := range b.sources {
		if key := string(s.record.Key); s.attempts == 0 && !seen[key] {
			seen[key] = true
			rows = append(rows, i)
		}
	}
	if len(rows) < probes {
		return nil
	}
	return l.repeat(ctx, "insert rows", func(ctx context.Context) error {
		var last error
		for range probes {
			row := rows[rand.IntN(len(rows))] //nolint:gosec // nothing secret
			if last = l.store.Insert(ctx, b.rows.Slice(row, row+1)); last == nil {
				return nil
			}
			if verdict, _ := routeInsert(last); verdict != verdictSplit {
				return last
			}
		}
		return fmt.Errorf("%w: %w", errTakesNone, last)
	})
}

// reroute sends the record of a row that ClickHouse rejects to the retry topic, and when its attempts are used up to
// the dead-letter topic.
func (l *Loop) reroute(b *batch, r rejection) {
	s := &b.sources[r.row]
	if s.dead {
		l.log.Warn("a dead letter is in its topic only: ClickHouse rejects its row", "event", string(s.record.Key), "err", r.err)
		return
	}
	s.offsets.stored--
	attempts := s.attempts + 1
	if attempts >= l.retry.Attempts {
		l.deadLetter(b, s.offsets, s.record, schemas.DeadLetter{Stage: stageStore, Error: r.err.Error(), Attempts: attempts})
		return
	}
	s.offsets.retried++
	b.traces.outcome(s.record, "retry", r.err.Error())
	l.metrics.retried.Inc()
	l.log.Warn("event is scheduled for retry", "event", string(s.record.Key), "attempts", attempts, "again_in", l.retry.Delay, "err", r.err)
	retry := schemas.Retry{Attempts: attempts, Reason: r.err.Error(), NotBefore: time.Now().Add(l.retry.Delay)}
	b.moves = append(b.moves, retry.Record(l.topics.Retry, s.record))
}

// stageStore is the stage of the dead letters whose rows ClickHouse rejects; see schemas.DeadLetter.
const stageStore = "store"

// alertRefused is the alert while ClickHouse refuses us.
const alertRefused = "HooklineStoreRefused"

// repeat repeats do until it succeeds or ctx ends. Nothing is committed meanwhile, so nothing can be lost. While
// ClickHouse refuses us it says so at once: that does not get better by itself.
func (l *Loop) repeat(ctx context.Context, step string, do func(context.Context) error) error {
	return l.repeater.Do(ctx, step, func(ctx context.Context) error {
		err := do(ctx)
		verdict, fix := routeInsert(err)
		switch {
		case err == nil:
			if l.refusal.Swap(nil) != nil {
				l.alerts.Resolve(alertRefused)
			}
		case verdict == verdictRefused && !errors.Is(err, context.Canceled):
			l.alerts.Raise(alert.Alert{
				Name: alertRefused, Summary: "ClickHouse refuses to store events", Severity: alert.Critical,
				Details: fmt.Sprintf("It says: %s\n%s\nNothing is lost and nothing is dead-lettered: Kafka keeps the events. Storing resumes by itself once that is fixed, without a restart.", err, fix),
			})
			why := fmt.Sprintf("ClickHouse refuses us: %s %s", err, fix)
			l.refusal.Store(&why)
		}
		return err
	})
}
