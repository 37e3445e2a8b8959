// Package processor takes events from Kafka and stores them in ClickHouse, each with what it counts as. An offset
// is committed only after its event is stored or is safe in another topic (invariant 3); what is read twice is
// stored once (invariant 4).
package processor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Options configure the processor.
type Options struct {
	Vendors        string        `default:"vendors.yaml" type:"path" help:"Which events are sales and refunds, by vendor; secrets in it are not read. Read again on SIGHUP."`
	Group          string        `default:"hookline.store" help:"Consumer group. Processors of one group share the work."`
	Instance       string        `help:"Name of this processor that stays the same when it is restarted, and that no other processor has: after a crash it then gets its partitions back at once, where the group would otherwise wait for --session-timeout. Stopping such a processor for good leaves its partitions waiting for as long."`
	SessionTimeout time.Duration `default:"45s" help:"Time after which the group gives a silent processor's partitions to others."`

	Batch      Limits               `embed:"" prefix:"batch-"`
	Kafka      kafka.Options        `embed:"" prefix:"kafka-"`
	ClickHouse analytics.Options    `embed:"" prefix:"clickhouse-"`
	Admin      service.AdminOptions `embed:"" prefix:"admin-" set:"admin_listen=127.0.0.1:9082"`
}

// Command is `hookline processor`.
type Command struct {
	Options `embed:""`
}

// Run implements the command.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error { return Run(ctx, log, c.Options) }

// Run consumes until ctx is done, then stores and commits what it has in hand.
func Run(ctx context.Context, log *slog.Logger, o Options) error {
	config := &atomic.Pointer[vendors.Config]{}
	if err := load(o.Vendors, config); err != nil {
		return err
	}
	if o.Batch.InsertTimeout >= o.SessionTimeout {
		return fmt.Errorf("--batch-insert-timeout (%s) must be below --session-timeout (%s): an insert must not outlive our place in the group",
			o.Batch.InsertTimeout, o.SessionTimeout)
	}
	adminLn, err := service.Listen("the processor's admin listener", o.Admin.Listen, "--admin-listen")
	if err != nil {
		return err
	}
	db, err := analytics.Open(ctx, o.ClickHouse)
	if err != nil {
		return errors.Join(err, adminLn.Close())
	}
	defer db.Close()

	var client *kgo.Client
	admin := service.NewAdmin(func(ctx context.Context) error { return errors.Join(client.Ping(ctx), db.Ping(ctx)) })
	l := &loop{
		store: db, dlq: o.Kafka.Topics().DLQ, config: config, assignment: newAssignment(),
		metrics: newMetrics(admin.Registry), log: log, limits: o.Batch,
	}
	client, err = o.Kafka.NewClient(log, admin.Registry, append(kafka.ProducerOptions(), l.groupOptions(o)...)...)
	if err != nil {
		return errors.Join(err, adminLn.Close())
	}
	defer client.CloseAllowingRebalance() // leaves the group at once, so that others take over without waiting
	l.client = client

	group, running := errgroup.WithContext(ctx)
	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer stopAdmin() // last, so that operators can watch the drain
		return l.run(running)
	})
	group.Go(func() error {
		return service.Serve(adminCtx, &http.Server{Handler: admin.Handler(), ReadHeaderTimeout: 5 * time.Second}, adminLn, time.Second)
	})
	group.Go(func() error {
		return service.OnHangup(running, func() {
			if err := load(o.Vendors, config); err != nil {
				log.Error("vendors not reloaded: the ones in force stay", "err", err)
				return
			}
			log.Info("vendors reloaded", "vendors", len(config.Load().Vendors))
		})
	})
	log.Info("processor is consuming", "group", o.Group, "topic", o.Kafka.Topics().Events, "admin", adminLn.Addr().String())
	err = group.Wait()
	log.Info("processor stopped")
	return err
}

// groupOptions join the consumer group and follow what it assigns.
func (l *loop) groupOptions(o Options) []kgo.Opt {
	lost := func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
		l.assignment.lost(topics)
		l.metrics.lost(topics)
	}
	opts := []kgo.Opt{
		kgo.ConsumerGroup(o.Group),
		kgo.ConsumeTopics(o.Kafka.Topics().Events),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(o.SessionTimeout),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, topics map[string][]int32) { l.assignment.assigned(topics) }),
		kgo.OnPartitionsRevoked(lost),
		kgo.OnPartitionsLost(lost),
		kgo.FetchMaxBytes(16 << 20),
		kgo.FetchMaxPartitionBytes(kafka.MaxRecordBytes),
		kgo.FetchMaxWait(250 * time.Millisecond),
	}
	if o.Instance != "" {
		opts = append(opts, kgo.InstanceID(o.Instance))
	}
	return opts
}

func load(path string, into *atomic.Pointer[vendors.Config]) error {
	config, err := vendors.Load(path, vendors.Options{WithoutSecrets: true})
	if err != nil {
		return err
	}
	into.Store(config)
	return nil
}
