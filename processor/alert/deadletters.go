package alert

import (
	"cmp"
	"context"
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
)

// burst is what one alert may be about.
var burst = kafka.Burst{Quiet: 500 * time.Millisecond, Longest: 10 * time.Second}

// WatchDeadLetters raises an alert for new dead letters, by vendor and stage, until ctx is done. It reads the
// dead-letter topic as a consumer group and commits what it has read only after the alerts were delivered, so that
// no crash comes between a dead letter and its alert. The first alert comes at once, the next not before
// Options.Every has passed. Of several watchers one works, and the others stand by.
func WatchDeadLetters(ctx context.Context, log *slog.Logger, n *Notifier, k kafka.Options) error {
	consumer, err := k.NewConsumer(log, nil, kafka.GroupOptions{Group: n.options.Group, Topics: []string{k.Topics().DLQ}},
		kgo.FetchMaxBytes(kafka.MaxRecordBytes))
	if err != nil {
		return err
	}
	defer consumer.Leave()
	for ctx.Err() == nil {
		r := round{groups: map[group]*tally{}}
		offsets, err := consumer.Collect(ctx, burst, r.add)
		if err != nil {
			return err
		}
		if len(r.groups) == 0 {
			continue
		}
		for err := r.deliver(ctx, n); err != nil; err = r.deliver(ctx, n) {
			if ctx.Err() != nil {
				return nil // nothing is committed: the next watcher notifies of them again
			}
			log.Error("alert about dead letters not delivered; it is sent again", "in", n.options.Every, "err", err)
			wait(nil, ctx.Done(), n.options.Every)
		}
		commit(ctx, log, consumer, offsets)
		wait(nil, ctx.Done(), n.options.Every)
	}
	return nil
}

// round is what the dead letters read in one go come to.
type round struct{ groups map[group]*tally }

type group struct{ vendor, stage string }

type tally struct {
	count int
	first string // error of the first
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

// commit commits what administrators were notified of. A commit is refused while the group rebalances, and for good once
// the partition is another member's.
func commit(ctx context.Context, log *slog.Logger, consumer *kafka.Consumer, offsets kafka.Offsets) {
	var err error
	for range 5 {
		if err = consumer.Commit(ctx, func() kafka.Offsets { return offsets }); err == nil || ctx.Err() != nil {
			return
		}
		wait(nil, ctx.Done(), time.Second)
	}
	log.Warn("administrators may be notified of the same dead letters again: their offsets were not committed", "err", err)
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
