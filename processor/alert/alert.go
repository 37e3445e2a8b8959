// Package alert notifies people that something needs them, through Alertmanager, through a webhook, and in the log.
//
//	Raise, Resolve --> alerts that last (one per key) --> destination "alertmanager": again and again while it lasts
//	                                                 \-> destination "webhook": once for each change
//
// Each destination has a sender of its own, which repeats until the alert has arrived. So a caller that
// raises an alert never waits, and a destination that hangs delays no other. What must survive a crash is raised
// from Kafka, and its offset is committed after Deliver: see WatchDeadLetters.
package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Severity says how soon a person must act. It becomes the label severity, by which Alertmanager routes.
type Severity string

// The severities that hookline uses.
const (
	Critical Severity = "critical" // now: figures are wrong or stand still until somebody acts
	Warning  Severity = "warning"  // today
)

// Alert is something that needs a person.
type Alert struct {
	Name     string            // the label alertname, one of a closed set, such as HooklineRetrying
	Key      string            // what is wrong; alerts with equal keys are one. Empty: Name
	Severity Severity          // empty: Critical
	Labels   map[string]string // further labels, of which there may be only so many different ones
	Summary  string            // what is wrong, in one line
	Details  string            // why, as far as is known, and what to do
	Lasts    time.Duration     // 0: until Resolve. Otherwise the alert reports something that happened and ends after this time by itself
}

// Options say where alerts go. Commands embed them with the prefix "alert-".
type Options struct {
	AlertmanagerURL       URL           `name:"alertmanager-url" placeholder:"URL" help:"Alertmanager to notify, such as http://alertmanager:9093. Alerts go to its API v2."`
	AlertmanagerTokenFile string        `name:"alertmanager-token-file" type:"path" placeholder:"PATH" help:"File with the bearer token for Alertmanager; read each time it is used."`
	WebhookURL            URL           `name:"webhook-url" placeholder:"URL" help:"Webhook to notify, by a POST of JSON: status, text (which chat tools show) and alerts."`
	WebhookTokenFile      string        `name:"webhook-token-file" type:"path" placeholder:"PATH" help:"File with the bearer token for the webhook; read each time it is used."`
	Instance              string        `name:"instance" placeholder:"NAME" help:"Who raises the alerts: their label instance. By default the name of the host."`
	Timeout               time.Duration `name:"timeout" default:"10s" help:"Time that Alertmanager or the webhook may take to answer."`
	Resend                time.Duration `name:"resend" default:"1m" help:"How often Alertmanager is notified again of what still lasts. Keep it well below Alertmanager's resolve_timeout."`
	DrainTimeout          time.Duration `name:"drain-timeout" default:"5s" help:"Time to deliver what is still to be delivered when stopping."`
	Group                 string        `name:"group" default:"hookline.alerts" help:"Consumer group that watches the dead letters."`
	Every                 time.Duration `name:"every" default:"1m" help:"Shortest time between two alerts about dead letters."`
}

func (o Options) withDefaults() (Options, error) {
	if o.Instance == "" {
		host, err := os.Hostname()
		if err != nil {
			return o, fmt.Errorf("find the host's name for alerts (set --alert-instance): %w", err)
		}
		o.Instance = host
	}
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&o.Timeout, 10*time.Second)
	set(&o.Resend, time.Minute)
	set(&o.DrainTimeout, 5*time.Second)
	set(&o.Every, time.Minute)
	if o.Group == "" {
		o.Group = "hookline.alerts"
	}
	return o, nil
}

// maxEntries bounds the alerts kept at once. There are a few kinds, and per kind a key for each vendor at most.
const maxEntries = 1000

// ErrTooMany is returned by Deliver when there are more different alerts than are kept at once.
var ErrTooMany = errors.New("too many different alerts at once")

// Notifier keeps the alerts that last and delivers them. Its methods are safe for concurrent use.
type Notifier struct {
	log          *slog.Logger
	options      Options
	service      string
	destinations []*destination
	metrics      *metrics

	mu      sync.Mutex
	entries map[string]*entry
	news    chan struct{} // closed and replaced whenever a destination has heard of something
}

// entry is one alert on its way.
type entry struct {
	Alert
	version int // grows with each change that the destinations must hear of
	starts  time.Time
	ends    time.Time // zero while it lasts
	count   int       // how often it was raised since it started
	heard   []hearing // by destination
}

// hearing is what a destination was last notified of an entry.
type hearing struct {
	version int
	at      time.Time
}

// arrived says whether every destination has heard of version.
func (e *entry) arrived(version int) bool {
	return !slices.ContainsFunc(e.heard, func(h hearing) bool { return h.version < version })
}

// over says whether nothing more will be said of e.
func (e *entry) over() bool { return (!e.ends.IsZero() || e.Lasts > 0) && e.arrived(e.version) }

// New returns a Notifier of the service, such as "hookline-processor", with the destinations that o names: none is
// fine, since every alert is in the log as well. It checks o and connects to nothing. Run delivers.
func New(log *slog.Logger, reg prometheus.Registerer, service string, o Options) (*Notifier, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Notifier{log: log, options: o, service: service, entries: map[string]*entry{}, news: make(chan struct{})}
	if n.destinations, err = destinations(o); err != nil {
		return nil, err
	}
	n.metrics = newMetrics(reg, n)
	return n, nil
}

// Raise raises a. While an alert with its key lasts already, it is only counted, unless a.Lasts is set.
func (n *Notifier) Raise(a Alert) { n.raise(a) }

// raise returns a's entry and the version of it that reports a, or nil where there are too many.
func (n *Notifier) raise(a Alert) (*entry, int) {
	if a.Key == "" {
		a.Key = a.Name
	}
	if a.Severity == "" {
		a.Severity = Critical
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	e, known := n.entries[a.Key]
	switch {
	case !known && len(n.entries) >= maxEntries:
		n.metrics.dropped.Inc()
		n.log.Error("alert is not delivered: too many at once", "alert", a.Name, "key", a.Key, "summary", a.Summary, "details", a.Details)
		return nil, 0
	case !known:
		e = &entry{heard: make([]hearing, len(n.destinations))}
		n.entries[a.Key] = e
	case e.ends.IsZero() && a.Lasts == 0:
		e.Alert = a
		e.count++
		return e, e.version
	}
	n.log.Error("alert: "+a.Summary, "alert", a.Name, "key", a.Key, "details", a.Details)
	if !known || !e.ends.IsZero() {
		e.starts, e.ends, e.count = time.Now(), time.Time{}, 0
	}
	e.Alert = a
	e.count++
	e.version++
	n.changed(e)
	return e, e.version
}

// Resolve ends the alert with that key. Where there is none it does nothing. A destination that was away all the
// while hears of the end only: the webhook gets it with both times, Alertmanager notifies nobody of what is over.
func (n *Notifier) Resolve(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, known := n.entries[key]
	if !known || !e.ends.IsZero() || e.Lasts > 0 {
		return
	}
	e.ends = time.Now()
	e.version++
	n.log.Info("alert is over: "+e.Summary, "alert", e.Name, "key", key, "lasted", e.ends.Sub(e.starts).Round(time.Millisecond),
		"raised", e.count)
	n.changed(e)
}

// changed sends e on its way; n.mu is held.
func (n *Notifier) changed(e *entry) {
	if e.over() {
		delete(n.entries, e.Key)
	}
	for _, d := range n.destinations {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}

// Deliver raises a and returns nil once every destination has it. It returns an error when ctx ends first, or
// where there are too many alerts; a may be delivered all the same.
func (n *Notifier) Deliver(ctx context.Context, a Alert) error {
	e, version := n.raise(a)
	if e == nil {
		return fmt.Errorf("deliver alert %s: %w", a.Name, ErrTooMany)
	}
	for {
		n.mu.Lock()
		arrived, news := e.arrived(version), n.news
		n.mu.Unlock()
		if arrived {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("deliver alert %s: %w", a.Name, ctx.Err())
		}
	}
}

// Run delivers until ctx is done, then what is still to be delivered, for at most Options.DrainTimeout.
func (n *Notifier) Run(ctx context.Context) error {
	draining, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(n.options.DrainTimeout, cancel) })()
	var senders sync.WaitGroup
	for i := range n.destinations {
		senders.Go(func() { n.send(ctx, draining, i) })
	}
	<-ctx.Done()
	senders.Wait()
	for i, d := range n.destinations {
		if left := n.undelivered(i); left > 0 {
			n.log.Error("stopping with alerts that did not arrive; see above for what they say", "destination", d.name, "alerts", left)
		}
	}
	return nil
}

// undelivered is how many alerts destination i has yet to hear of.
func (n *Notifier) undelivered(i int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, e := range n.entries {
		if e.heard[i].version < e.version {
			count++
		}
	}
	return count
}

// firing is how many alerts last.
func (n *Notifier) firing() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, e := range n.entries {
		if e.ends.IsZero() && e.Lasts == 0 {
			count++
		}
	}
	return count
}
