package audit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/processor/alert"
)

// AlertFailed is the alert that something is not accounted for.
const AlertFailed = "HooklineAuditFailed"

// look is how often a Watch looks whether an audit is due.
const look = 15 * time.Second

// WatchOptions say how often a processor audits. Commands embed them with the prefix "audit-".
type WatchOptions struct {
	Every   time.Duration `default:"1h" help:"How often one of the processors audits what was committed, as 'hookline audit' does; 0: never."`
	Records time.Duration `default:"10m" help:"Look up in ClickHouse each record that Kafka got within this time before the audit; 0 for none."`
}

// Watch audits again and again while this process leads. It leaves out what reads the keys of all events: that is for
// `hookline audit`.
type Watch struct {
	WatchOptions

	Log    *slog.Logger
	Alerts *alert.Notifier
	Leads  func() bool // whether it is this process that audits, of all processors of the group
	Audit  Options

	metrics *watchMetrics
	last    time.Time // start of the last audit that could tell; zero before the first
}

// watchMetrics show the last audit. A process that does not lead shows none.
type watchMetrics struct {
	finished, unaccounted, missing, wrong, duration *prometheus.GaugeVec
}

func newWatchMetrics(reg prometheus.Registerer) *watchMetrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, nil)
		reg.MustRegister(g)
		return g
	}
	return &watchMetrics{
		finished:    gauge("hookline_audit_timestamp_seconds", "When the last audit began that could tell, in seconds since 1970; of the one processor that audits."),
		unaccounted: gauge("hookline_audit_unaccounted_offsets", "Committed offsets that the last audit could not account for."),
		missing:     gauge("hookline_audit_missing_records", "Committed records that the last audit found nowhere in ClickHouse."),
		wrong:       gauge("hookline_audit_contradictions", "Entries of the ledger and offsets that contradicted each other in the last audit."),
		duration:    gauge("hookline_audit_duration_seconds", "Time that the last audit took."),
	}
}

func (m *watchMetrics) set(began time.Time, t Totals) {
	for gauge, value := range map[*prometheus.GaugeVec]float64{
		m.finished: float64(began.UnixMilli()) / 1000, m.unaccounted: float64(t.Unaccounted), m.missing: float64(t.Missing),
		m.wrong: float64(t.Wrong), m.duration: time.Since(began).Seconds(),
	} {
		gauge.WithLabelValues().Set(value)
	}
}

func (m *watchMetrics) reset() {
	for _, gauge := range []*prometheus.GaugeVec{m.finished, m.unaccounted, m.missing, m.wrong, m.duration} {
		gauge.Reset()
	}
}

// Run audits until ctx is done.
func (w *Watch) Run(ctx context.Context, reg prometheus.Registerer) error {
	if w.Every <= 0 {
		return nil
	}
	w.metrics = newWatchMetrics(reg)
	ticker := time.NewTicker(min(look, w.Every))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		switch {
		case !w.Leads():
			w.last = time.Time{}
			w.metrics.reset()
			w.Alerts.Resolve(AlertFailed)
		case time.Since(w.last) >= w.Every:
			w.audit(ctx)
		}
	}
}

// audit audits once. What could not be decided is tried again at the next run.
func (w *Watch) audit(ctx context.Context) {
	began := time.Now()
	o := w.Audit
	o.Records, o.Split, o.Repair = w.Records, false, false
	report, err := Run(ctx, w.Log, o)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.Log.Warn("the audit could not tell; it is tried again", "err", err)
		return
	}
	w.last = began
	t := report.Totals
	w.metrics.set(began, t)
	if t.Passed() {
		w.Log.Info("audit passed", "committed", t.Committed, "looked_up", t.LookedUp, "took", time.Since(began).Round(time.Millisecond))
		w.Alerts.Resolve(AlertFailed)
		return
	}
	w.Alerts.Raise(alert.Alert{
		Name: AlertFailed, Summary: "events are not accounted for: " + verdict{t}.Error(),
		Details: fmt.Sprintf("%sList them with:  hookline audit --records=%s", report.first(), o.Records.Round(time.Second)),
	})
}

// first names one thing that is not accounted for.
func (r *Report) first() string {
	for _, p := range r.Partitions {
		for _, g := range p.Gaps {
			return fmt.Sprintf("The first: %s/%d offsets %d to %d.\n", p.Topic, p.Partition, g.First, g.Last)
		}
		for _, wrong := range p.Wrong {
			return fmt.Sprintf("The first: %s/%d: %s.\n", p.Topic, p.Partition, wrong)
		}
	}
	for _, m := range r.Missing {
		return fmt.Sprintf("The first: event %q of %q, %s/%d offset %d.\n", m.Event, m.Vendor, m.Topic, m.Partition, m.Offset)
	}
	return ""
}
