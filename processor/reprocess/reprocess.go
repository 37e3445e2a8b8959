// Package reprocess identifies and maps stored events again, after the configuration of their vendor has changed: from
// ClickHouse, with no need of Kafka.
//
//	events --month by month--> map --> reprocess_mapped --compare--> sales, events
//
// Nothing that counts changes before all events are mapped; then what differs is written as rows of a generation of
// its own, which outranks every delivery, and sales that no event makes any more are deleted. Progress is
// kept in ClickHouse: a run that is cut short anywhere is taken up by the next one.
package reprocess

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/progress"
	"github.com/hookline-io/hookline/processor/mapping"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Options say what is mapped again.
type Options struct {
	Vendor  string `required:"" placeholder:"NAME" help:"Vendor whose events are mapped again."`
	Vendors string `default:"vendors.yaml" type:"path" help:"The configuration to map with; secrets in it are not read."`
	Since   Month  `placeholder:"YYYY-MM" help:"First month of the events, by their own time in UTC."`
	Until   Month  `placeholder:"YYYY-MM" help:"Last month of the events. Undated events are taken only without --since and --until."`
	DryRun  bool   `help:"Show what would change in the totals of each month, and change nothing."`
	Page    int    `default:"20000" help:"Events that are mapped between two times that progress is kept."`

	ClickHouse analytics.Options `embed:"" prefix:"clickhouse-"`
}

// Month is a month of UTC as YYYYMM; 0 is no month.
type Month uint32

// UnmarshalText reads a month such as 2026-11.
func (m *Month) UnmarshalText(text []byte) error {
	t, err := time.Parse("2006-01", string(text))
	if err != nil {
		return fmt.Errorf("%q is no month: write it like 2026-11", text)
	}
	*m = Month(t.Year()*100 + int(t.Month()))
	return nil
}

// String returns the month as 2026-11, and undated for 0.
func (m Month) String() string {
	if m == 0 {
		return "undated"
	}
	return fmt.Sprintf("%04d-%02d", m/100, m%100)
}

// Report is what a run came to.
type Report struct {
	Generation uint16
	Events     uint64 // that were mapped
	Moved      uint64 // of these, that get another ID or another month
	Errors     uint64 // of these, that cannot be read as what they should be
	Example    string // what is wrong with one of those
	Changes    []analytics.Change
}

// statement is how long one statement may take: they are bounded in memory, not in time.
const statement = time.Hour

// Run maps again, or goes on with a run that was cut short.
func Run(ctx context.Context, log *slog.Logger, o Options) (*Report, error) {
	source, err := os.ReadFile(o.Vendors)
	if err != nil {
		return nil, fmt.Errorf("read vendors: %w", err)
	}
	config, err := vendors.Parse(o.Vendors, source, vendors.Options{WithoutSecrets: true})
	if err != nil {
		return nil, err
	}
	if _, known := config.Vendors[o.Vendor]; !known {
		return nil, fmt.Errorf("%s has no vendor %q", o.Vendors, o.Vendor)
	}
	if o.Until != 0 && o.Until < o.Since {
		return nil, fmt.Errorf("--until=%s is before --since=%s", o.Until, o.Since)
	}
	o.ClickHouse.Timeout = max(o.ClickHouse.Timeout, statement)
	db, err := analytics.Open(ctx, o.ClickHouse)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	r := runner{db: db, log: log, config: config, page: max(o.Page, 1)}
	if err := r.finish(ctx, o.Vendor); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(source)
	r.run, err = db.BeginReprocess(ctx, analytics.Reprocess{
		Vendor: o.Vendor, Since: uint32(o.Since), Until: uint32(o.Until), Mapping: hex.EncodeToString(sum[:]),
	})
	if err != nil {
		return nil, err
	}
	if err := r.mapAll(ctx); err != nil {
		return nil, err
	}
	report, err := r.report(ctx)
	if err != nil {
		return nil, err
	}
	if o.DryRun {
		return report, db.EndReprocess(ctx, r.run, analytics.ReprocessDropped)
	}
	return report, r.apply(ctx)
}

// runner carries one run through.
type runner struct {
	db     *analytics.DB
	log    *slog.Logger
	config *vendors.Config
	page   int
	run    analytics.Reprocess
}

// finish applies the rest of what an earlier run has mapped, whatever the configuration is now.
func (r *runner) finish(ctx context.Context, vendor string) error {
	open, err := r.db.OpenReprocess(ctx, vendor)
	if err != nil {
		return err
	}
	for _, run := range open {
		if run.State != analytics.ReprocessApplying {
			continue
		}
		r.log.Info("a run that was cut short is finished first", "generation", run.Generation)
		r.run = run
		if err := r.apply(ctx); err != nil {
			return err
		}
	}
	return nil
}

// mapAll maps the events of all months, from where the run has come to.
func (r *runner) mapAll(ctx context.Context) error {
	months, err := r.db.EventMonths(ctx, r.run.Vendor, r.run.Since, r.run.Until)
	if err != nil {
		return err
	}
	var total uint64
	for _, m := range months {
		total += m.Events
	}
	bar := progress.New("mapping", int64(total))
	defer bar.Done()
	bar.Add(int64(r.run.Events))
	mapped := analytics.NewMapped()
	for _, m := range months {
		if m.Month < r.run.Month {
			continue // it was mapped before the run was cut short
		}
		if m.Month != r.run.Month {
			r.run.Month, r.run.After = m.Month, ""
		}
		for more := true; more; {
			n, err := r.mapPage(ctx, mapped)
			if err != nil {
				return err
			}
			bar.Add(int64(n))
			more = n == r.page
		}
	}
	return nil
}

// mapPage maps the next events of the month and keeps how far it has come.
func (r *runner) mapPage(ctx context.Context, mapped *analytics.Mapped) (n int, err error) {
	mapped.Reset()
	span := analytics.Span{Vendor: r.run.Vendor, Month: r.run.Month, After: r.run.After}
	err = r.db.EventsAfter(ctx, span, r.page, func(row analytics.Row) error {
		n++
		span.Until = row.Event.ID
		return r.mapRow(row, mapped)
	})
	if err != nil {
		return 0, err
	}
	if n < r.page {
		span.Until = "" // a variant may come after the last event
	}
	variants := 0
	err = r.db.Variants(ctx, span, func(row analytics.Row) error {
		variants++
		if mapped.Len() >= 2*r.page { // many of one ID
			if err := r.db.InsertMapped(ctx, mapped); err != nil {
				return err
			}
			mapped.Reset()
		}
		return r.mapRow(row, mapped)
	})
	if err != nil || n+variants == 0 {
		return 0, err
	}
	if err := r.db.InsertMapped(ctx, mapped); err != nil {
		return 0, err
	}
	r.run.After = span.Until
	r.run.Events += uint64(n + variants)
	return n, r.db.SaveReprocess(ctx, r.run)
}

// mapRow identifies and maps one delivery.
func (r *runner) mapRow(row analytics.Row, mapped *analytics.Mapped) error {
	// Why it could not be identified or dated holds until it can be.
	if why, bad := strings.CutPrefix(row.Error, string(mapping.StageIdentify)+": "); bad {
		row.Event.BadID = why
	}
	if why, bad := strings.CutPrefix(row.Error, string(mapping.StageTime)+": "); bad {
		row.Event.BadTime = why
	}
	row.Event.Again, row.Generation, row.Error = true, r.run.Generation, ""
	added, err := mapping.Add(&row, r.config, mapped.Append)
	if !added {
		return err
	}
	return nil
}

func (r *runner) report(ctx context.Context) (*Report, error) {
	changes, err := r.db.ReprocessChanges(ctx, r.run)
	if err != nil {
		return nil, err
	}
	mapped, err := r.db.MappedSummary(ctx, r.run)
	return &Report{
		Generation: r.run.Generation, Events: r.run.Events, Moved: mapped.Moved, Errors: mapped.Errors, Example: mapped.Example, Changes: changes,
	}, err
}

// apply makes what was mapped count.
func (r *runner) apply(ctx context.Context) error {
	r.run.State = analytics.ReprocessApplying
	if err := r.db.SaveReprocess(ctx, r.run); err != nil {
		return err
	}
	var bar *progress.Bar
	err := r.db.ApplyReprocess(ctx, r.run, func(_, of int) {
		if bar == nil {
			b := progress.New("applying", int64(of))
			bar = &b
		}
		bar.Add(1)
	})
	if bar != nil {
		bar.Done()
	}
	if err != nil {
		return err
	}
	return r.db.EndReprocess(ctx, r.run, analytics.ReprocessDone)
}
