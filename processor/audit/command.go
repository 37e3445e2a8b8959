package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"
)

// Command is `hookline audit`. Its exit status is the verdict.
type Command struct {
	JSON bool `help:"Print the report as JSON."`
	Heal bool `hidden:"" help:"The name of --repair until the next release."`

	Options `embed:""`
}

// Help says what the exit status means.
func (*Command) Help() string {
	return `Exit status: 0 when everything is accounted for, 2 when it is not, and 1 when the audit could not tell.

    hookline audit
    hookline audit --json | jq .totals`
}

// verdict is the error of an audit that found something.
type verdict struct{ Totals }

func (v verdict) Error() string {
	return fmt.Sprintf("not everything is accounted for: unaccounted=%d wrong=%d missing=%d split=%d", v.Unaccounted, v.Wrong,
		v.Missing, v.Split)
}

// ExitCode implements kong.ExitCoder.
func (verdict) ExitCode() int { return 2 }

// Run implements the command.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	if c.Heal {
		log.Warn("--heal goes with the next release", "use", "--repair")
		c.Repair = true
	}
	report, err := Run(ctx, log, c.Options)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	write := report.Table
	if c.JSON {
		write = report.JSON
	}
	if err := write(os.Stdout); err != nil {
		return fmt.Errorf("audit: print the report: %w", err)
	}
	if !report.Totals.Passed() {
		return verdict{report.Totals}
	}
	return nil
}

// JSON writes the report as JSON.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// Table writes the report for people; its last line begins with "audit:".
func (r *Report) Table(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "partition\tfirst\tcommitted\tend\tlag\tstored\trepeated\tretried\tdead\tskipped\tunaccounted\t")
	for _, p := range r.Partitions {
		committed := "none"
		if p.Committed >= 0 {
			committed = fmt.Sprint(p.Committed)
		}
		fmt.Fprintf(table, "%s/%d\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", p.Topic, p.Partition, p.Start, committed, p.End, p.Lag,
			p.Stored, p.Duplicates, p.Retried, p.Dead, p.Skipped, p.Unaccounted)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, p := range r.Partitions {
		for _, g := range p.Gaps {
			fmt.Fprintf(w, "unaccounted: %s/%d offsets %d to %d\n", p.Topic, p.Partition, g.First, g.Last)
		}
		for _, wrong := range p.Wrong {
			fmt.Fprintf(w, "wrong: %s/%d: %s\n", p.Topic, p.Partition, wrong)
		}
	}
	for _, m := range r.Missing {
		fmt.Fprintf(w, "missing: %s/%d offset %d: event %q of %q is not in ClickHouse\n", m.Topic, m.Partition, m.Offset, m.Event, m.Vendor)
	}
	for _, s := range r.Split {
		what := "event"
		if s.Kind != "" {
			what = s.Kind
		}
		fmt.Fprintf(w, "split: %s %q of %q counts in %s, should count in %s alone\n", what, s.Key, s.Vendor, month(s.Month), month(s.Best))
	}
	t := r.Totals
	_, err := fmt.Fprintf(w, "audit: partitions=%d committed=%d lag=%d looked_up=%d unaccounted=%d wrong=%d missing=%d split=%d repaired=%d\n",
		len(r.Partitions), t.Committed, t.Lag, t.LookedUp, t.Unaccounted, t.Wrong, t.Missing, t.Split, t.Repaired)
	return err
}

func month(yyyymm int) string {
	if yyyymm == 0 {
		return "undated"
	}
	return fmt.Sprintf("%04d-%02d", yyyymm/100, yyyymm%100)
}
