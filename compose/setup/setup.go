// Package setup prepares Kafka and ClickHouse for hookline: topics, tables, views. It may run any number of times.
package setup

import (
	"context"
	"log/slog"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
)

// Options configure setup.
type Options struct {
	Figures analytics.SetupOptions `embed:""`

	Kafka      kafka.Options      `embed:"" prefix:"kafka-"`
	Topics     kafka.TopicOptions `embed:"" prefix:"topics-"`
	ClickHouse analytics.Options  `embed:"" prefix:"clickhouse-"`
}

// Command is `hookline setup`.
type Command struct {
	Options `embed:""`
}

// Run implements the command.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error { return Run(ctx, log, c.Options) }

// Run creates the topics that do not exist, then brings ClickHouse to the newest migration.
func Run(ctx context.Context, log *slog.Logger, o Options) error {
	client, err := o.Kafka.NewClient(log, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := o.Kafka.Reach(ctx, client); err != nil {
		return err
	}
	created, err := kafka.CreateTopics(ctx, client, o.Kafka, o.Topics)
	if err != nil {
		return err
	}
	log.Info("topics are ready", "created", created)

	db, err := analytics.Open(ctx, o.ClickHouse)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Setup(ctx, o.Figures); err != nil {
		return err
	}
	log.Info("ClickHouse is ready", "zones", o.Figures.Zones)
	return nil
}
