// Package audit says whether every event can be accounted for: each offset that the processor has committed must be
// in the ledger (invariant 6), what Kafka holds below it must be in ClickHouse, and no event may count in two months.
package audit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/schemas"
)

// Options say what is audited.
type Options struct {
	Group   string        `default:"hookline.store" help:"Consumer group whose offsets are audited."`
	Records time.Duration `default:"1m" help:"Look up in ClickHouse each record that Kafka got within this time and that is committed; 0 for none. As long as Kafka keeps records, for all of them."`
	Split   bool          `default:"true" negatable:"" help:"Look for events and sales that count in two months. It reads the keys of all of them."`
	Repair  bool          `help:"Repair events and sales that count in two months: the one with the highest version stays."`
	Timeout time.Duration `default:"10m" help:"Time that the audit may take."`

	Kafka      kafka.Options     `embed:"" prefix:"kafka-"`
	ClickHouse analytics.Options `embed:"" prefix:"clickhouse-"`
}

// Report is what an audit found.
type Report struct {
	Partitions []Partition                         `json:"partitions"`
	Missing    []Missing                           `json:"missing"` // at most maxNamed of them
	Split      []analytics.CrossPartitionDuplicate `json:"split"`   // at most maxNamed of them
	Totals     Totals                              `json:"totals"`
}

// Totals are the audit in numbers. It passes when all but the first three are 0.
type Totals struct {
	Committed   int64 `json:"committed"` // offsets
	Lag         int64 `json:"lag"`       // records still to be read
	LookedUp    int   `json:"looked_up"` // records looked up in ClickHouse
	Unaccounted int64 `json:"unaccounted"`
	Wrong       int   `json:"wrong"` // entries and offsets that contradict each other
	Missing     int   `json:"missing"`
	Split       int   `json:"split"`    // that are not repaired
	Repaired    int   `json:"repaired"` // of no influence on the verdict
}

// Passed is the verdict.
func (t Totals) Passed() bool {
	return t.Unaccounted == 0 && t.Wrong == 0 && t.Missing == 0 && t.Split == 0
}

// Missing is a record that is committed and in none of the places where it could have ended.
type Missing struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Vendor    string `json:"vendor"`
	Event     string `json:"event"`
}

// maxNamed bounds what a report names; its totals count all.
const maxNamed = 1000

// Run audits. An error says that it could not tell.
func Run(ctx context.Context, log *slog.Logger, o Options) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	client, err := o.Kafka.NewClient(log, nil)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := o.Kafka.Reach(ctx, client); err != nil {
		return nil, err
	}
	o.ClickHouse.Timeout = max(o.ClickHouse.Timeout, o.Timeout)
	db, err := analytics.Open(ctx, o.ClickHouse)
	if err != nil {
		return nil, err
	}
	defer db.Close()

	a := audit{Options: o, log: log, client: client, db: db, report: &Report{}}
	if err := a.offsets(ctx); err != nil {
		return nil, err
	}
	if err := a.records(ctx); err != nil {
		return nil, err
	}
	if err := a.split(ctx); err != nil {
		return nil, err
	}
	return a.report, nil
}

type audit struct {
	Options
	log    *slog.Logger
	client *kgo.Client
	db     *analytics.DB
	report *Report
}

// offsets compares the ledger with the broker. Committed offsets are read first: what is committed is in the ledger
// by then, and the end of a topic does not come before it.
func (a *audit) offsets(ctx context.Context) error {
	topics := a.Kafka.Topics()
	committed, err := kadm.NewClient(a.client).FetchOffsets(ctx, a.Group)
	if err != nil {
		return fmt.Errorf("read the offsets of group %s: %w", a.Group, err)
	}
	held, err := kafka.Held(ctx, a.client, topics.Events, topics.Retry)
	if err != nil {
		return err
	}
	ledger, err := a.db.Ledger(ctx, a.Group)
	if err != nil {
		return err
	}
	for _, h := range held {
		p := Partition{Topic: h.Topic, Partition: h.Partition, Start: h.From, Committed: -1, End: h.To}
		if c, ok := committed.Lookup(h.Topic, h.Partition); ok && c.At >= 0 {
			p.Committed = c.At
		}
		p.compare(ledger)
		a.report.Partitions = append(a.report.Partitions, p)
		t := &a.report.Totals
		t.Committed += max(p.Committed, 0)
		t.Lag += p.Lag
		t.Unaccounted += p.Unaccounted
		t.Wrong += len(p.Wrong)
	}
	return nil
}

// split looks for what counts in two months, and repairs it where it is asked to.
func (a *audit) split(ctx context.Context) error {
	if !a.Split && !a.Repair {
		return nil
	}
	duplicates, err := a.db.CrossPartitionDuplicates(ctx)
	if err != nil {
		return err
	}
	a.report.Split = duplicates[:min(len(duplicates), maxNamed)]
	a.report.Totals.Split = len(duplicates)
	if !a.Repair || len(duplicates) == 0 {
		return nil
	}
	if err := a.db.RepairDuplicates(ctx); err != nil {
		return err
	}
	left, err := a.db.CrossPartitionDuplicates(ctx)
	if err != nil {
		return err
	}
	a.report.Totals.Split, a.report.Totals.Repaired = len(left), max(len(duplicates)-len(left), 0)
	return nil
}

// original is what a record that is committed must be found by.
type original struct {
	analytics.EventID
	at time.Time
}

func decode(r *kgo.Record) (original, bool) {
	event, err := schemas.DecodeEvent(r)
	if err != nil {
		return original{}, false
	}
	return original{analytics.EventID{Vendor: event.Vendor, ID: event.ID}, event.Time}, true
}
