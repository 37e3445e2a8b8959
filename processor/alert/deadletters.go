package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/schemas"
)

const (
	// deadLettersLast is for how long Alertmanager shows an alert about dead letters. It cannot know when they
	// are redriven.
	deadLettersLast = time.Hour
	// maxGroups bounds the alerts that one round raises.
	maxGroups = 50
	// quiet is how long no dead letter comes before a round is taken to be complete, gathering how long it waits
	// for that at most.
	quiet, gathering = 500 * time.Millisecond, 10 * time.Second
)

// WatchDeadLetters raises an alert for new dead letters, by vendor and stage, until ctx is done. It reads the
// dead-letter topic as a consumer group and commits what it has read only after the alerts were delivered, so that
// no crash comes between a dead letter and its alert. The first alert comes at once, the next not before
// Options.Every has passed. Of several watchers one works, and the others stand by.
func WatchDeadLetters(ctx context.Context, log *slog.Logger, n *Notifier, k kafka.Options) error {
	client, leave, err := k.NewMember(log, nil,
		kgo.ConsumerGroup(n.options.Group),
		kgo.ConsumeTopics(k.Topics().DLQ),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.FetchMaxBytes(kafka.MaxRecordBytes),
		kgo.FetchMaxPartitionBytes(kafka.MaxRecordBytes),
	)
	if err != nil {
		return err
	}
	defer leave()
	for ctx.Err() == nil {
		r := gather(ctx, log, client)
		if len(r.groups) == 0 {
			continue
		}
		for err := r.deliver(ctx, n); err != nil; err = r.deliver(ctx, n) {
			if ctx.Err() != nil {
				return nil // nothing is committed: whoever reads on tells of them again
			}
			log.Error("dead letters are told of again", "in", n.options.Every, "err", err)
			wait(nil, ctx.Done(), n.options.Every)
		}
		r.commit(ctx, log, client)
		wait(nil, ctx.Done(), n.options.Every)
	}
	return nil
}

// round is what the dead letters read in one go come to.
type round struct {
	groups  map[group]*tally
	offsets map[string]map[int32]kgo.EpochOffset
}

type group struct{ vendor, stage string }

type tally struct {
	count int
	first string // error of the first
}

// gather waits for a dead letter and takes those that come after it.
func gather(ctx context.Context, log *slog.Logger, client *kgo.Client) round {
	r := round{groups: map[group]*tally{}, offsets: map[string]map[int32]kgo.EpochOffset{}}
	var until time.Time
	for ctx.Err() == nil && (until.IsZero() || time.Now().Before(until)) {
		polling, cancel := ctx, context.CancelFunc(func() {})
		if !until.IsZero() {
			polling, cancel = context.WithTimeout(ctx, quiet)
		}
		fetches := client.PollRecords(polling, 1000)
		cancel()
		if fetches.IsClientClosed() {
			return r
		}
		fetches.EachError(func(topic string, id int32, err error) {
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
				log.Warn("fetch", "topic", topic, "partition", id, "err", err)
			}
		})
		fetches.EachRecord(r.add)
		switch {
		case fetches.NumRecords() == 0 && !until.IsZero():
			return r
		case fetches.NumRecords() > 0 && until.IsZero():
			until = time.Now().Add(gathering)
		}
	}
	return r
}

func (r *round) add(record *kgo.Record) {
	letter, original := schemas.DecodeDeadLetter(record)
	event, _ := schemas.DecodeEvent(original) // what cannot be decoded has no vendor
	g := group{event.Vendor, letter.Stage}
	t, known := r.groups[g]
	if !known && len(r.groups) >= maxGroups {
		g = group{"(others)", "(others)"}
		t, known = r.groups[g]
	}
	if !known {
		t = &tally{first: letter.Error}
		r.groups[g] = t
	}
	t.count++
	if r.offsets[record.Topic] == nil {
		r.offsets[record.Topic] = map[int32]kgo.EpochOffset{}
	}
	r.offsets[record.Topic][record.Partition] = kgo.EpochOffset{Epoch: record.LeaderEpoch, Offset: record.Offset + 1}
}

// deliver returns nil once every destination has every alert.
func (r *round) deliver(ctx context.Context, n *Notifier) error {
	groups := slices.SortedFunc(maps.Keys(r.groups), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.vendor, b.vendor), cmp.Compare(a.stage, b.stage))
	})
	for _, g := range groups {
		if err := n.Deliver(ctx, r.groups[g].alert(g)); err != nil {
			return err
		}
	}
	return nil
}

// commit commits what was told of. It is refused while the group rebalances, and for good once the partition is
// another's.
func (r *round) commit(ctx context.Context, log *slog.Logger, client *kgo.Client) {
	var err error
	for range 5 {
		if err = kafka.CommitOffsets(ctx, client, r.offsets); err == nil || ctx.Err() != nil {
			return
		}
		wait(nil, ctx.Done(), time.Second)
	}
	log.Warn("the same dead letters may be told of again: their offsets were not committed", "err", err)
}

func (t *tally) alert(g group) Alert {
	of, filter := g.vendor, " --vendor="+g.vendor
	switch g.vendor {
	case "":
		of, filter = "no known vendor", ""
	case "(others)":
		of, filter = "other vendors", ""
	}
	events := "events"
	if t.count == 1 {
		events = "event"
	}
	return Alert{
		Name: "HooklineDeadLetters", Key: "dead-letters/" + g.vendor + "/" + g.stage, Lasts: deadLettersLast,
		Labels:  map[string]string{"vendor": g.vendor, "stage": g.stage},
		Summary: fmt.Sprintf("%d %s of %s could not be handled and became dead letters (stage: %s)", t.count, events, of, g.stage),
		Details: fmt.Sprintf("The first says: %s\nLook at them with:  hookline dlq list%s\nMend the cause, then send them round again with:  hookline dlq redrive%s",
			t.first, filter, filter),
	}
}
