// Package bench measures hookline on this machine: what it costs, next to the least that the libraries under it can do
// at all (the floor), in one run and in alternation. It starts what it needs, real processes on cores
// of their own. It is a tool and never a test: figures depend on the machine, and on what else runs there.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"
)

// Command is `lab bench`.
type Command struct {
	Only      []string      `help:"Sections to run: ${enum}. All by default." enum:"ingest,processor,path,growth" placeholder:"SECTION"`
	Quick     bool          `help:"Fewer sizes, and fewer and shorter repetitions: 2 minutes for a first look, not for figures to keep."`
	Sizes     []int         `default:"1024,300,8192,65536" help:"Bytes of the bodies that are posted to ingest; a quick run takes the first."`
	Events    int           `default:"500000" help:"Events in the processor's backlog; a quick run takes a quarter."`
	Outage    time.Duration `default:"30s" help:"How long ClickHouse is down while --rate flows."`
	Rate      int           `default:"2000" help:"Deliveries per second during and after the outage, and in a soak."`
	Soak      time.Duration `help:"Instead of all else, run everything for as long and see whether memory stays flat."`
	JSON      string        `name:"json" type:"path" placeholder:"FILE" help:"Write every repetition of every figure there."`
	Benchstat string        `type:"path" placeholder:"FILE" help:"Append every figure there in the format of Go's benchmarks, which benchstat compares."`

	Profile  string `type:"path" placeholder:"DIR" help:"Write CPU profiles of what is measured there. They cost a little: take the figures without."`
	Hookline string `type:"existingfile" default:"bin/hookline" placeholder:"PATH" help:"The hookline binary to measure."`
	Revision string `env:"-" default:"${version}" help:"What the report says was measured."`
}

// Help shows how to use it.
func (*Command) Help() string {
	return `Close everything else: the figures are of the machine as much as of the program.

    lab bench --quick
    lab bench --only=ingest,path --benchstat=new.txt
    lab bench --soak=1h --rate=500`
}

// bench is one run.
type bench struct {
	*Command
	measured, beside cores
	log              *slog.Logger
	report           report
}

// Run measures and prints the table. A goal that is missed is no error: the table says so.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	b := &bench{Command: c, log: log}
	b.measured, b.beside = split()
	if err := b.beside.pinSelf(); err != nil {
		return err
	}
	b.report.Machine = b.describe()
	for _, s := range []struct {
		name string
		run  func(context.Context) error
		skip bool
	}{
		{"ingest", b.benchIngest, c.Soak > 0},
		{"processor", b.benchProcessor, c.Soak > 0},
		{"path", b.benchPath, c.Soak > 0},
		{"growth", b.benchGrowth, c.Soak > 0 || c.Quick},
		{"soak", b.benchSoak, c.Soak == 0},
	} {
		if s.skip || len(c.Only) > 0 && !slices.Contains(c.Only, s.name) {
			continue
		}
		log.Info("bench", "section", s.name)
		if err := s.run(ctx); err != nil {
			return err
		}
	}
	return errors.Join(b.report.write(os.Stdout),
		writeTo(c.JSON, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, b.report.writeJSON),
		writeTo(c.Benchstat, os.O_CREATE|os.O_APPEND|os.O_WRONLY, b.report.writeBenchmarks))
}

// writeTo writes a file, if it has a name.
func writeTo(name string, flags int, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return errors.Join(write(f), f.Close())
}

func (b *bench) repetitions() int {
	if b.Quick {
		return 2
	}
	return 5
}

// seconds is a length of time, half of it in a quick run.
func (b *bench) seconds(n float64) time.Duration {
	if b.Quick {
		n /= 2
	}
	return time.Duration(n * float64(time.Second))
}
