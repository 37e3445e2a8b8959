package reprocess

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/hookline-io/hookline/analytics"
)

// Command is `hookline reprocess`.
type Command struct {
	Options `embed:""`
}

// Help says how to go about it.
func (*Command) Help() string {
	return `Give the new configuration to the processors first (SIGHUP), then look with --dry-run at what would change. A run that is cut short goes on where it was when it is started again.

Events are identified again, too: ID, type, time and test mark, from the stored payload and what is kept of the delivery. "moved" counts those that get another ID or month.

Events of one sale should all be in the months that are mapped again: of a sale that lies on their edge, the events outside count as they did.

    hookline reprocess --vendor=acme --since=2026-01 --dry-run
    hookline reprocess --vendor=acme --since=2026-01`
}

// Run implements the command.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	report, err := Run(ctx, log, c.Options)
	if err != nil {
		return fmt.Errorf("reprocess %s: %w", c.Vendor, err)
	}
	return report.Table(os.Stdout, c.DryRun)
}

// Table writes the report for people: the totals that change, and a last line that begins with "reprocess:".
func (r *Report) Table(w io.Writer, dryRun bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	changed := 0
	for _, c := range r.Changes {
		if !differs(c) {
			continue
		}
		if changed++; changed == 1 {
			fmt.Fprintln(table, "month\tcurrency\tkind\tcount\tbecomes\tamount\tbecomes\t")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t\n", Month(c.Month), c.Currency, c.Kind, c.CountBefore, c.CountAfter, c.AmountBefore, c.AmountAfter)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.Errors > 0 {
		fmt.Fprintf(w, "%d events cannot be read as what they should be and count for nothing, such as %q\n", r.Errors, r.Example)
	}
	_, err := fmt.Fprintf(w, "reprocess: events=%d moved=%d errors=%d totals=%d changed=%d generation=%d applied=%t\n",
		r.Events, r.Moved, r.Errors, len(r.Changes), changed, r.Generation, !dryRun)
	return err
}

func differs(c analytics.Change) bool {
	return c.CountBefore != c.CountAfter || !c.AmountBefore.Equal(c.AmountAfter)
}
