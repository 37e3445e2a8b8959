// Package capacity says what a load needs: cores, instances, partitions, shards, network and disk, computed from what
// one event costs. It knows costs, not machines: measure your own with 'make bench'.
package capacity

import "math"

// Costs are what one event of 1 KB costs; see docs/benchmarks.md. Times are those of one core.
type Costs struct {
	Ingest      float64 `default:"27" help:"Microseconds of CPU of ingest for a delivery."`
	Processor   float64 `default:"11" help:"Microseconds of CPU of the processor for an event."`
	ClickHouse  float64 `name:"clickhouse" default:"28" help:"Microseconds of CPU of ClickHouse for an event and its sale, merges included."`
	Recompute   float64 `default:"0.4" help:"Microseconds of CPU of ClickHouse for each sale of the month that the rollup recomputes."`
	RequestSize float64 `default:"1400" help:"Bytes of a delivery on the network, headers included."`
	RecordSize  float64 `default:"560" help:"Bytes of an event on one broker's disk, compressed."`
	RowSize     float64 `default:"250" help:"Bytes of an event and its sale on one ClickHouse replica's disk."`
}

// Load is what comes, and what there must be room for.
type Load struct {
	Rate        float64 `default:"1000" help:"Events per second on average."`
	Peak        float64 `default:"3" help:"The busiest hour's rate, as a multiple of the average."`
	Sales       float64 `default:"0.3" help:"Share of the events that are a sale or a refund."`
	Busy        float64 `default:"0.6" help:"How busy cores may be in the busiest hour, so that there is room to catch up."`
	Cores       int     `default:"8" help:"Cores of one ClickHouse server."`
	Brokers     int     `default:"3" help:"Replicas of a partition in Kafka."`
	Replicas    int     `default:"2" help:"Replicas of a shard in ClickHouse."`
	KafkaDays   float64 `default:"7" help:"Days that Kafka keeps events."`
	StoreMonths float64 `default:"24" help:"Months that ClickHouse keeps events."`
	Freshness   float64 `default:"5" help:"Seconds from a sale to the chart, at most."`
}

// Plan is what a load needs.
type Plan struct {
	Peak       float64 // events per second in the busiest hour
	Ingest     part
	Processor  part
	Partitions int // of webhooks.events
	Shards     int
	ByInserts  int // shards that inserts alone would need
	ByRollup   int // shards that a fresh rollup alone would need
	StoreCores int // of all replicas of all shards

	Month       float64 // sales of a month on one shard
	InGbit      float64 // from vendors, in the busiest hour
	KafkaGbit   float64 // written to, copied between and read from brokers, likewise
	KafkaDisk   float64 // bytes on all brokers
	StoreDisk   float64 // bytes on all replicas
	InsertsEach float64 // inserts per second into one shard, in the busiest hour

	BillionCores float64 // core-hours for a billion events, at the busiest hour's load of cores, all replicas included
	BillionBytes float64 // on disk for a billion events once they are stored, all replicas included
}

// part is the instances of one part of hookline, each of which makes use of two cores.
type part struct{ Cores, Instances int }

const (
	second  = 1e6 // microseconds
	day     = 24 * 3600.0
	month   = 30 * day
	batch   = 10_000.0 // events of 1 KB in one insert at most, as the processor's limits have it
	wait    = 0.5      // seconds that the first event of an insert waits at most
	refresh = 2.0      // seconds between runs of the rollup
	readers = 2        // groups that read every event: hookline.store and hookline.actions
)

// For computes the plan for l. It is pure.
func For(l Load, c Costs) Plan {
	p := Plan{Peak: l.Rate * l.Peak}
	p.Ingest = instances(p.Peak*c.Ingest/second/l.Busy, 2)
	p.Processor = instances(p.Peak*c.Processor/second/l.Busy, 2)
	// A partition is read by one processor; with several for each, work spreads evenly and instances can be added.
	p.Partitions = max(12, 12*int(math.Ceil(float64(4*p.Processor.Instances)/12)))

	cores := float64(l.Cores)
	p.ByInserts = atLeast(p.Peak * c.ClickHouse / second / l.Busy / cores)
	// The rollup reads the whole month. On average a sale waits for half a pause and one run.
	sales := l.Rate * l.Sales * month
	longest := (l.Freshness - refresh/2) * cores * second / c.Recompute
	p.ByRollup = atLeast(sales / longest)
	p.Shards = max(p.ByInserts, p.ByRollup)
	p.StoreCores = p.Shards * l.Cores * l.Replicas
	p.Month = sales / float64(p.Shards)
	p.InsertsEach = max(p.Peak/batch, float64(p.Processor.Instances)/wait) / float64(p.Shards)

	p.InGbit = gbit(p.Peak * c.RequestSize)
	p.KafkaGbit = gbit(p.Peak * c.RecordSize * float64(l.Brokers+readers))
	p.KafkaDisk = l.Rate * c.RecordSize * l.KafkaDays * day * float64(l.Brokers)
	p.StoreDisk = l.Rate * c.RowSize * l.StoreMonths * month * float64(l.Replicas)
	p.BillionCores = 1e9 * (c.Ingest + c.Processor + c.ClickHouse*float64(l.Replicas)) / second / 3600 / l.Busy
	p.BillionBytes = 1e9 * c.RowSize * float64(l.Replicas)
	return p
}

// instances shares cores among instances of two cores each, at least as many as one may be lost of.
func instances(cores float64, least int) part {
	return part{Cores: atLeast(cores), Instances: max(least, int(math.Ceil(cores/2)))}
}

func atLeast(n float64) int { return max(1, int(math.Ceil(n))) }

func gbit(bytes float64) float64 { return bytes * 8 / 1e9 }
