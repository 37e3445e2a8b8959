// Package setup prepares Kafka and ClickHouse for hookline: topics, tables, views. It may run any number of times.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/progress"
)

// Options configure setup.
type Options struct {
	analytics.SetupOptions `embed:""`

	Wait time.Duration `default:"30m" help:"How long to wait, with a progress bar, until the figures of a new reporting zone are computed; 0: not at all. They are computed either way."`

	Kafka      kafka.Options      `embed:"" prefix:"kafka-"`
	Topics     kafka.TopicOptions `embed:"" prefix:"topics-"`
	ClickHouse analytics.Options  `embed:"" prefix:"clickhouse-"`
}

// Command is `hookline setup`.
type Command struct {
	DryRun bool `help:"Print which topics would be created and which statements run, and change nothing."`

	Options `embed:""`
}

// Help says when to use it.
func (*Command) Help() string {
	return `Run it before the first start, after every upgrade, and to add reporting zones. It does nothing where all is there. Topics, figures and zones that are stored stay; only --drop-zone deletes figures, and --keep-… rows that are older.

    hookline setup --dry-run
    hookline setup --zones=UTC,Europe/Berlin --topics-replication=3 --topics-min-insync=2
    hookline setup --drop-zone=Asia/Tokyo --dry-run`
}

// Run implements the command.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	if c.DryRun {
		return Plan(ctx, log, c.Options, os.Stdout)
	}
	return Run(ctx, log, c.Options)
}

// Run creates the topics that do not exist, then brings ClickHouse to the newest migration.
func Run(ctx context.Context, log *slog.Logger, o Options) error {
	client, db, err := o.open(ctx, log)
	if err != nil {
		return err
	}
	defer client.Close()
	defer db.Close()
	created, err := kafka.CreateTopics(ctx, client, o.Kafka, o.Topics)
	if err != nil {
		return err
	}
	log.Info("topics are ready", "created", created)
	zones, err := db.Zones(ctx, o.SetupOptions)
	if err != nil {
		return err
	}
	if err := db.Setup(ctx, o.SetupOptions); err != nil {
		return err
	}
	report(log, zones)
	if err := wait(ctx, log, db, len(zones.Added) > 0, o.Wait); err != nil {
		return err
	}
	log.Info("ClickHouse is ready", "zones", zones.Kept)
	return nil
}

// report logs what setup did to figures and could not do.
func report(log *slog.Logger, zones analytics.Zones) {
	for _, z := range zones.Dropped {
		log.Warn("figures of a reporting zone are deleted", "zone", z.Zone, "months", z.Months, "not_computable_again", z.Gone)
	}
	for _, zone := range zones.Unknown {
		log.Warn("a zone to drop is not stored", "zone", zone, "stored", zones.Kept)
	}
	for _, z := range zones.Added {
		if z.Gone > 0 {
			log.Warn("a new reporting zone gets no figures of months whose sales retention has deleted", "zone", z.Zone,
				"months", z.Gone, "of", z.Months, "first", z.First, "last", z.Last)
		}
	}
}

// Plan writes what Run would do.
func Plan(ctx context.Context, log *slog.Logger, o Options, w io.Writer) error {
	client, db, err := o.open(ctx, log)
	if err != nil {
		return err
	}
	defer client.Close()
	defer db.Close()
	topics, err := o.Kafka.DescribeTopics(ctx, client)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		switch {
		case errors.Is(topic.Err, kerr.UnknownTopicOrPartition):
			fmt.Fprintf(w, "-- create the topic %s\n\n", topic.Name)
		case topic.Err != nil:
			return fmt.Errorf("look at the topic %s: %w", topic.Name, topic.Err)
		}
	}
	statements, err := db.Plan(ctx, o.SetupOptions)
	if err != nil {
		return err
	}
	for _, sql := range statements {
		fmt.Fprintln(w, sql)
	}
	return nil
}

func (o Options) open(ctx context.Context, log *slog.Logger) (*kgo.Client, *analytics.DB, error) {
	client, err := o.Kafka.NewClient(log, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := o.Kafka.Reach(ctx, client); err != nil {
		client.Close()
		return nil, nil, err
	}
	db, err := analytics.Open(ctx, o.ClickHouse)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return client, db, nil
}

// poll is how often wait looks.
const poll = 500 * time.Millisecond

// settle is how long wait goes on for figures that change, once all are there: with live traffic some always do.
const settle = 15 * time.Second

// wait returns once each reporting zone has figures of each month, or after a time. With a new zone it also waits until
// nothing of them is pending, for a while.
func wait(ctx context.Context, log *slog.Logger, db *analytics.DB, added bool, atMost time.Duration) error {
	if atMost <= 0 {
		return nil
	}
	deadline := time.NewTimer(atMost)
	defer deadline.Stop()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	var bar *progress.Bar
	defer func() {
		if bar != nil {
			bar.Done()
		}
	}()
	var complete time.Time // when no month was missing any more
	for known := uint64(0); ; {
		state, err := db.RollupState(ctx)
		if err != nil {
			return err
		}
		if state.Missing == 0 && complete.IsZero() {
			complete = time.Now()
		}
		if state.Missing == 0 && (!added || state.Pending == 0 || time.Since(complete) > settle) {
			return nil
		}
		if bar == nil {
			log.Info("figures of new reporting zones are being computed", "months", state.Pending)
			b := progress.New("months", int64(state.Months))
			bar = &b
		}
		if now := state.Months - state.Pending; now > known {
			bar.Add(int64(now - known))
			known = now
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			log.Warn("figures of some months are still being computed", "months", state.Pending)
			return nil
		case <-ticker.C:
		}
	}
}
