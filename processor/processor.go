// Package processor takes events from Kafka and stores them in ClickHouse, each with what it counts as. An offset
// is committed only after its event is stored or is safe in another topic (invariant 3); what is read twice is
// stored once (invariant 4).
package processor

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/internal/trace"
	"github.com/hookline-io/hookline/processor/alert"
	"github.com/hookline-io/hookline/processor/audit"
	"github.com/hookline-io/hookline/processor/backoff"
	"github.com/hookline-io/hookline/processor/deadletter"
	"github.com/hookline-io/hookline/processor/forward"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Options configure the processor.
type Options struct {
	Vendors        string        `default:"vendors.yaml" type:"path" help:"Which events are sales and refunds, by vendor; secrets in it are not read. Read again on SIGHUP."`
	Group          string        `default:"hookline.store" help:"Consumer group. Processors of one group share the work."`
	Instance       string        `help:"Name of this processor that stays the same when it is restarted, and that no other processor has: after a crash it then gets its partitions back at once, where the group would otherwise wait for --session-timeout. Stopping such a processor for good leaves its partitions waiting for as long."`
	OutcomesGroup  string        `default:"hookline.outcomes" help:"Consumer group that stores dead letters and counts of refused deliveries."`
	SessionTimeout time.Duration `default:"45s" help:"Time after which the groups give a silent processor's partitions to others."`

	AlertAfter time.Duration `default:"30s" help:"How long ClickHouse or Kafka may refuse what is read before an alert is raised."`

	Batch      Limits               `embed:"" prefix:"batch-"`
	Retry      RetryOptions         `embed:"" prefix:"retry-"`
	Actions    forward.Options      `embed:"" prefix:"actions-"`
	Alert      alert.Options        `embed:"" prefix:"alert-"`
	Audit      audit.WatchOptions   `embed:"" prefix:"audit-"`
	Kafka      kafka.Options        `embed:"" prefix:"kafka-"`
	ClickHouse analytics.Options    `embed:"" prefix:"clickhouse-"`
	Admin      service.AdminOptions `embed:"" prefix:"admin-" set:"admin_listen=127.0.0.1:9082"`
}

// Command is `hookline processor`.
type Command struct {
	Options `embed:""`
}

// Help says what it needs and how it is spoken to.
func (*Command) Help() string {
	return `Needs 'hookline setup' to have run, and writes as a user who may insert and no more. Start as many as you like, up to the partitions of the topic: they share the work.

    hookline processor --kafka-brokers=kafka:9092 --clickhouse-dsn=clickhouse://writer@clickhouse:9000/hookline --clickhouse-password=file:/run/secrets/writer

SIGHUP has it read vendors.yaml again. SIGTERM stops it once what is in hand is stored and committed; killed, it loses nothing either.`
}

// Run implements the command.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	return Run(ctx, log, c.Options)
}

// Run consumes until ctx is done, then stores and commits what it has in hand.
func Run(ctx context.Context, log *slog.Logger, o Options) error {
	o.Kafka.SessionTimeout = o.SessionTimeout
	config := &atomic.Pointer[vendors.Config]{}
	if err := load(o.Vendors, config); err != nil {
		return err
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

	tracer, err := trace.FromEnv(ctx, log, "hookline-processor")
	if err != nil {
		return errors.Join(err, adminLn.Close())
	}
	var l *Loop
	admin := service.NewAdmin(func(ctx context.Context) error { return l.Ready(ctx) })
	alerts, err := alert.New(log, admin.Registry, "hookline-processor", o.Alert)
	if err != nil {
		return errors.Join(err, adminLn.Close())
	}
	acting, err := forward.New(o.Actions, forward.Parts{
		Log: log, Registry: admin.Registry, Kafka: o.Kafka, Config: config, Results: db, Alerts: alerts,
	})
	if err != nil {
		return errors.Join(err, adminLn.Close())
	}
	sink := deadletter.Sink{
		Log: log.With("part", "outcomes"), Registry: admin.Registry, Kafka: o.Kafka, Group: o.OutcomesGroup, Store: db,
		Repeater: &backoff.Repeater{Log: log, Alerts: alerts, Alert: "HooklineOutcomesRetrying", AlertAfter: o.AlertAfter, Try: o.Batch.InsertTimeout},
	}
	if l, err = NewLoop(o, Parts{
		Log: log, Registry: admin.Registry, Config: config, Store: db, Alerts: alerts, Tracer: tracer,
	}); err != nil {
		return errors.Join(err, adminLn.Close())
	}
	auditing := audit.Watch{
		WatchOptions: o.Audit, Log: log.With("part", "audit"), Alerts: alerts, Leads: l.Leads,
		Audit: audit.Options{Group: o.Group, Timeout: 10 * time.Minute, Kafka: o.Kafka, ClickHouse: o.ClickHouse},
	}
	if err := l.CheckAccess(ctx); err != nil {
		return errors.Join(err, adminLn.Close())
	}

	group, running := errgroup.WithContext(ctx)
	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer stopAdmin()     // last, so that operators can watch the drain
		return l.Run(running) // leaves at once: while the other groups' members take their time, somebody else can go on here
	})
	group.Go(func() error { return alerts.Run(adminCtx) })
	group.Go(func() error { return alert.WatchDeadLetters(running, log, alerts, o.Kafka) })
	group.Go(func() error { return sink.Run(running) })
	group.Go(func() error { return auditing.Run(running, admin.Registry) })
	group.Go(func() error { return acting.Run(running) })
	group.Go(func() error { return admin.Serve(adminCtx, adminLn, o.Admin.Hosts) })
	group.Go(func() error {
		return service.OnHangup(running, func() {
			if err := load(o.Vendors, config, acting.Check); err != nil {
				log.Error("vendors not reloaded: the ones in force stay", "err", err)
				return
			}
			log.Info("vendors reloaded", "vendors", len(config.Load().Vendors))
		})
	})
	log.Info("processor is consuming", "group", o.Group, "topic", o.Kafka.Topics().Events, "admin", adminLn.Addr().String())
	err = errors.Join(group.Wait(), tracer.Close(ctx))
	log.Info("processor stopped")
	return err
}

// load reads the vendors' file and puts it in force, unless it cannot be read or one of the checks refuses it.
func load(path string, into *atomic.Pointer[vendors.Config], checks ...func(*vendors.Config) error) error {
	config, err := vendors.Load(path, vendors.Options{WithoutSecrets: true, ActionSecrets: true})
	if err != nil {
		return err
	}
	for _, check := range checks {
		if err := check(config); err != nil {
			return err
		}
	}
	into.Store(config)
	return nil
}
