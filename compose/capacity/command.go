package capacity

import (
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"
	"time"
)

// Command is `hookline capacity`.
type Command struct {
	Load  `embed:""`
	Costs Costs `embed:"" prefix:"cost-"`
}

// Help says where the costs come from.
func (*Command) Help() string {
	return `Costs are those measured in docs/benchmarks.md, of events of 1 KB. 'make bench' measures them on your machine:
give them with --cost-ingest and the like.

Examples:
  hookline capacity --rate=10000
  hookline capacity --rate=200 --sales=1 --cores=4`
}

// Run prints the plan.
func (c *Command) Run() error { return c.Write(os.Stdout) }

// Write writes the plan and what outages mean for it as tables.
func (c *Command) Write(w io.Writer) error {
	if c.Rate <= 0 || c.Peak < 1 || c.Busy <= 0 || c.Busy > 1 || c.Cores < 1 || c.Freshness <= refresh/2 {
		return fmt.Errorf("capacity: --rate must be above 0, --peak 1 or more, --busy above 0 and at most 1, --cores 1 or more, --freshness above %g", refresh/2)
	}
	p := For(c.Load, c.Costs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", what, fmt.Sprintf(format, args...)) }
	line("events", "%s/s on average, %s/s in the busiest hour", count(c.Rate), count(p.Peak))
	line("ingest", "%d instances of 2 cores", p.Ingest.Instances)
	line("processor", "%d instances of 2 cores", p.Processor.Instances)
	line("partitions of webhooks.events", "%d", p.Partitions)
	line("ClickHouse", "%d shards of %d cores, %d replicas: %d cores (inserts need %d shards, the rollup %d)",
		p.Shards, c.Cores, c.Replicas, p.StoreCores, p.ByInserts, p.ByRollup)
	line("inserts into a shard", "%.1f/s in the busiest hour", p.InsertsEach)
	line("sales of a month on a shard", "%s", count(p.Month))
	line("network", "%.2g Gbit/s from vendors, %.2g Gbit/s through Kafka", p.InGbit, p.KafkaGbit)
	line("disk of Kafka", "%s for %g days, %d copies", size(p.KafkaDisk), c.KafkaDays, c.Brokers)
	line("disk of ClickHouse", "%s for %g months, %d copies", size(p.StoreDisk), c.StoreMonths, c.Replicas)
	line("a billion events", "%.0f core-hours, the rollup apart; %s in ClickHouse", p.BillionCores, size(p.BillionBytes))
	for _, away := range []int{300, 3600} {
		o := Simulate(c.Load, c.Costs, away)
		caught := "it never catches up: add ClickHouse shards or processors"
		if !math.IsInf(o.CatchUp, 1) {
			caught = fmt.Sprintf("caught up after %s", (time.Duration(o.CatchUp) * time.Second).String())
		}
		line(fmt.Sprintf("ClickHouse away for %s", time.Duration(away)*time.Second), "%s events wait in Kafka (%s), %s", count(o.Backlog),
			size(o.Bytes), caught)
	}
	return t.Flush()
}

// count writes a number with at most three digits and its magnitude.
func count(n float64) string {
	for _, unit := range []struct {
		at   float64
		name string
	}{{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e4, " k"}} {
		if n >= unit.at {
			scale := unit.at
			if unit.at == 1e4 {
				scale = 1e3
			}
			return fmt.Sprintf("%.3g%s", n/scale, unit.name)
		}
	}
	return fmt.Sprintf("%.0f", n)
}

func size(bytes float64) string {
	for _, unit := range []struct {
		at   float64
		name string
	}{{1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}} {
		if bytes >= unit.at {
			return fmt.Sprintf("%.3g %s", bytes/unit.at, unit.name)
		}
	}
	return fmt.Sprintf("%.3g MB", bytes/1e6)
}
