package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
)

// Command is `hookline doctor`. Its exit status is the verdict.
type Command struct {
	JSON bool `help:"Print the report as JSON."`

	Options `embed:""`
}

// Help says how to use it, and what the exit status means.
func (*Command) Help() string {
	return `Give it the flags, or the environment, of the part that is in trouble: it sees what that part sees. It changes nothing.

Exit status: 0 when nothing has failed, 2 when something has, and 1 when the report could not be written.

    hookline doctor
    hookline doctor --skip=vendors --grafana-url=https://grafana.example.com --grafana-token=file:/run/secrets/grafana`
}

// verdict is the error of a report with failures.
type verdict int

func (v verdict) Error() string {
	return fmt.Sprintf("%d of what hookline stands on does not hold", int(v))
}

// ExitCode implements kong.ExitCoder.
func (verdict) ExitCode() int { return 2 }

// Run implements the command.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	// What the clients log on their way to a failure is in the report, once and in order.
	report := Run(ctx, slog.New(slog.DiscardHandler), c.Options)
	write := report.Table
	if c.JSON {
		write = report.JSON
	}
	if err := write(os.Stdout); err != nil {
		return fmt.Errorf("doctor: print the report: %w", err)
	}
	if n := report.Failed(); n > 0 {
		return verdict(n)
	}
	return nil
}

// JSON writes the report as JSON.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// Table writes the report for people: a line for each finding, below it what to do, and a last line that begins with
// "doctor:".
func (r *Report) Table(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	count := map[Status]int{}
	for _, f := range r.Findings {
		count[f.Status]++
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Status, f.Check, oneLine(f.Found))
		if f.Fix != "" {
			fmt.Fprintf(table, "\t\t-> %s\n", oneLine(f.Fix))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "doctor: ok=%d unknown=%d warning=%d failed=%d\n", count[OK], count[Unknown], count[Warning], count[Failed])
	return err
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
