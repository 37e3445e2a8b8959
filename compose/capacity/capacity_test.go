package capacity

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func defaults(t *testing.T, args ...string) *Command {
	t.Helper()
	var c Command
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &c
}

// Every block of docs/scaling.md that begins with a command is what that command prints.
func TestScalingPageIsWhatTheCommandPrints(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "scaling.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for i, block := range strings.Split(string(page), "```") {
		command, printed, found := strings.Cut(strings.TrimPrefix(block, "\n"), "\n")
		args, ours := strings.CutPrefix(command, "$ hookline capacity ")
		if i%2 == 0 || !found || !ours {
			continue
		}
		blocks++
		var got bytes.Buffer
		if err := defaults(t, strings.Fields(args)...).Write(&got); err != nil {
			t.Fatal(err)
		}
		if got.String() != printed {
			t.Errorf("%s prints\n%s\nthe page has\n%s", command, got.String(), printed)
		}
	}
	if blocks < 3 {
		t.Errorf("%d blocks, want 3 at least", blocks)
	}
}

func TestMoreLoadNeverNeedsLess(t *testing.T) {
	c := defaults(t)
	var last Plan
	for _, rate := range []float64{1, 10, 100, 1e3, 1e4, 1e5, 1e6} {
		c.Rate = rate
		p := For(c.Load, c.Costs)
		if p.Ingest.Instances < max(2, last.Ingest.Instances) || p.Processor.Instances < max(2, last.Processor.Instances) ||
			p.Partitions < max(12, last.Partitions) || p.Partitions < p.Processor.Instances || p.Shards < max(1, last.Shards) {
			t.Errorf("%v/s needs %+v, less than a tenth of it: %+v", rate, p, last)
		}
		for what, cores := range map[string]float64{
			"ingest": p.Peak * c.Costs.Ingest / second / float64(2*p.Ingest.Instances), "processor": p.Peak * c.Costs.Processor / second / float64(2*p.Processor.Instances),
			"ClickHouse": p.Peak * c.Costs.ClickHouse / second / float64(p.Shards*c.Cores),
		} {
			if cores > c.Busy+1e-9 {
				t.Errorf("%v/s: cores of %s are %.0f %% busy, want %.0f at most", rate, what, 100*cores, 100*c.Busy)
			}
		}
		if run := p.Month * c.Costs.Recompute / second / float64(c.Cores); refresh/2+run > c.Freshness+1e-9 {
			t.Errorf("%v/s: a sale is in the chart after %.1f s, want %g at most", rate, refresh/2+run, c.Freshness)
		}
		last = p
	}
}

func TestSimulatedOutage(t *testing.T) {
	// At a steady rate the simulation must agree with arithmetic: what came in is stored with what capacity is left.
	c := defaults(t, "--rate=10000", "--peak=1")
	p := For(c.Load, c.Costs)
	spare := min(float64(2*p.Processor.Instances)*second/c.Costs.Processor, float64(p.Shards*c.Cores)*second/c.Costs.ClickHouse) - c.Rate
	o := Simulate(c.Load, c.Costs, 600)
	if want := 600 * c.Rate; o.Backlog != want {
		t.Errorf("%v events wait, want %v", o.Backlog, want)
	}
	if want := o.Backlog / spare; math.Abs(o.CatchUp-want) > 2 {
		t.Errorf("caught up after %v s, want %v", o.CatchUp, want)
	}
	// With every core busy already there is no catching up.
	c.Costs.Processor = second / c.Rate * 2 * float64(p.Processor.Instances)
	c.Busy = 1
	if o := Simulate(c.Load, c.Costs, 600); !math.IsInf(o.CatchUp, 1) {
		t.Errorf("caught up after %v s with nothing to spare", o.CatchUp)
	}
}

func TestLoadsThatMakeNoSense(t *testing.T) {
	for _, arg := range []string{"--rate=0", "--peak=0.5", "--busy=0", "--busy=2", "--cores=0", "--freshness=1"} {
		if err := defaults(t, arg).Write(&bytes.Buffer{}); err == nil {
			t.Errorf("%s is taken", arg)
		}
	}
}
