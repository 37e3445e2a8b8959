// Package forward runs what else an event triggers besides being stored: it forwards the event to the URLs that
// vendors.yaml names for its type.
//
//	webhooks.events --------+                +-> target A, n at once --+
//	                        +-> consume -----+-> target B, n at once --+-> publish ------> keep
//	webhooks.events.retry --+      |         +-> ...                   |   retries and     results to
//	   not due yet: its partition  |                                   |   dead letters    ClickHouse, then
//	   is paused                   +-- too many wait for the target ---+   to Kafka        commit
//
// It is a consumer group of its own, so that no target delays storing. A slow target keeps only its own waiting:
// what is too much for it takes another pass through the retry topic. An action that fails for a reason that may
// pass goes there as well, alone, so that its event's other actions are not repeated; one that cannot succeed
// becomes a dead letter.
//
// An offset is committed once every action of its record is finished: it succeeded, or is acknowledged by the retry
// or dead-letter topic, and its result is stored (invariant 3). Where that is cut short, an action is run again, under
// the same webhook-id: at least once, never silently not at all.
package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/processor/alert"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Options say how actions are run. Commands embed them with the prefix "actions-".
type Options struct {
	Group        string         `name:"group" default:"hookline.actions" help:"Consumer group that runs actions. Processors of one group share the work."`
	Concurrency  int            `name:"concurrency" default:"8" help:"Requests to one target at once."`
	Queue        int            `name:"queue" default:"16" help:"Events that wait for one target at most. More than these take another pass through the retry topic."`
	Attempts     int            `name:"attempts" default:"8" help:"Attempts at an action before its event is a dead letter."`
	RetryDelay   time.Duration  `name:"retry-delay" default:"1m" help:"Time from a failed attempt to the next; the same for all, so that none waits long for another."`
	Allow        []netip.Prefix `name:"allow" placeholder:"CIDR" help:"Networks that actions may reach although they are refused by default: this machine (127.0.0.0/8), link-local ones and the clouds' metadata services."`
	AlertAfter   time.Duration  `name:"alert-after" default:"30s" help:"How long ClickHouse or Kafka may refuse what actions yield before an alert is raised."`
	DrainTimeout time.Duration  `name:"drain-timeout" default:"15s" help:"Time to finish what is in flight when stopping."`
}

func (o Options) check() error {
	switch {
	case o.Group == "":
		return errors.New("--actions-group is empty")
	case o.Concurrency < 1:
		return fmt.Errorf("--actions-concurrency=%d: at least 1", o.Concurrency)
	case o.Queue < 0:
		return fmt.Errorf("--actions-queue=%d: at least 0", o.Queue)
	case o.Attempts < 1:
		return fmt.Errorf("--actions-attempts=%d: at least 1", o.Attempts)
	case o.RetryDelay <= 0 || o.AlertAfter <= 0 || o.DrainTimeout <= 0:
		return errors.New("--actions-retry-delay, --actions-alert-after and --actions-drain-timeout must be more than 0")
	}
	return nil
}

// Results is where results go: *analytics.DB. InsertActionResults returns nil only when every result is stored, and
// may be repeated.
type Results interface {
	InsertActionResults(ctx context.Context, results []analytics.ActionResult) error
}

// Parts are what actions need of the process they run in.
type Parts struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Kafka    kafka.Options
	Config   *atomic.Pointer[vendors.Config] // loaded with vendors.Options.ActionSecrets; may change at any time
	Results  Results
	Alerts   *alert.Notifier
}

// Actions runs actions.
type Actions struct {
	options  Options
	topics   schemas.Topics
	kafka    kafka.Options
	log      *slog.Logger
	config   *atomic.Pointer[vendors.Config]
	results  Results
	alerts   *alert.Notifier
	metrics  *metrics
	registry prometheus.Registerer
	guard    guard
	forward  forwarder

	tracker  *tracker
	jobs     sync.WaitGroup
	outcomes chan outcome // unbuffered: a sender waits until its outcome is received
	settled  chan settled
}

// New checks the options and the configuration that p holds now. It connects to nothing.
func New(o Options, p Parts) (*Actions, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	g := guard{allow: o.Allow}
	a := &Actions{
		options: o, topics: p.Kafka.Topics(), kafka: p.Kafka, log: p.Log.With("part", "actions"), config: p.Config, results: p.Results,
		alerts: p.Alerts, registry: p.Registry, metrics: newMetrics(p.Registry), guard: g, forward: newForwarder(g, o.Concurrency),
		outcomes: make(chan outcome), settled: make(chan settled, maxUnstored),
	}
	return a, a.Check(p.Config.Load())
}

// Check returns an error that names every action of config whose URL is an address that actions may not reach. Call
// it before a new configuration takes effect.
func (a *Actions) Check(config *vendors.Config) error { return a.guard.checkConfig(config) }

// Run runs actions until ctx is done, then finishes what is in flight for at most Options.DrainTimeout. It may be
// called once. An error says that it did not finish; then nothing is lost, and some actions are run again.
func (a *Actions) Run(ctx context.Context) error {
	records, err := a.kafka.NewConsumer(a.log, kafka.Named(a.registry, "actions"), kafka.GroupOptions{
		Group: a.options.Group, Topics: []string{a.topics.Events, a.topics.Retry},
		Delay:  kafka.Delay{Topic: a.topics.Retry, Longest: a.options.RetryDelay, Due: actionDue},
		Behind: a.metrics.behind, Lost: a.metrics.lost,
	}, kafka.ProducerOptions()...)
	if err != nil {
		return err
	}
	draining, cancel := records.Drain(ctx, a.options.DrainTimeout)
	defer records.Leave()
	defer cancel()
	a.tracker = newTracker(records.Epoch)
	var stages errgroup.Group
	stages.Go(func() error {
		defer close(a.outcomes)
		defer a.jobs.Wait()
		c := consumer{Actions: a, records: records, targets: map[string]*target{}}
		return c.consume(ctx, draining)
	})
	stages.Go(func() error {
		defer close(a.settled)
		return a.publish(draining, records.Client)
	})
	stages.Go(func() error {
		return a.keep(draining, records)
	})
	if err := stages.Wait(); err != nil {
		return fmt.Errorf("actions: %w", err)
	}
	return nil
}
