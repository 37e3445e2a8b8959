package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// processed is what storing some events took.
type processed struct {
	Events  int           `json:"events"`
	CPU     time.Duration `json:"cpu"`
	Mallocs float64       `json:"mallocs"`
	Took    time.Duration `json:"took"`
	Peak    float64       `json:"peak"` // bytes of memory, at most
}

// benchProcessor has the processor store a backlog, in alternation with the floor: the same rows, in memory already,
// through clickhouse-go's columns, over the same protocol with the same compression.
func (b *bench) benchProcessor(ctx context.Context) (err error) {
	r, err := b.newRig()
	if err != nil {
		return err
	}
	defer func() { r.close(err != nil) }()
	n := b.Events
	if b.Quick {
		n /= 4
	}
	engine, err := r.startStores(ctx)
	if err != nil {
		return err
	}
	b.log.Info("bench fills a backlog", "events", n)
	if err := r.produce(ctx, n); err != nil {
		return err
	}
	onKafka, err := size(filepath.Join(r.dir, "broker"))
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d events of 1 KB", n)
	if err := b.store(ctx, r, engine, n, "lz4", what); err != nil {
		return err
	}
	if err := b.store(ctx, r, engine, n, "none", what+", uncompressed"); err != nil {
		return err
	}
	b.report.add("processor", what+", on Kafka's disk each", "bytes", only(onKafka/float64(n)))
	text, err := r.ask(ctx, "SELECT sum(bytes_on_disk) / sumIf(rows, table = 'events') FROM system.parts WHERE active AND table IN ('events', 'sales')")
	if err != nil {
		return err
	}
	onDisk, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("ask for the size on disk: %w", err)
	}
	b.report.add("processor", what+", on ClickHouse's disk each, event and sale", "bytes", only(onDisk))
	return nil
}

// store measures what it takes to store the backlog, with a compression on the way to ClickHouse. The goals are set for that
// on the way to another machine.
func (b *bench) store(ctx context.Context, r *rig, engine *process, n int, compression, what string) error {
	parameters := "?compress=" + compression
	var perSecond, perCore, cpu, allocs, memory, ofEngine compared
	for i := range min(b.repetitions(), 3) {
		for _, floor := range []bool{true, false} {
			measure := b.processBacklog
			if floor {
				measure = b.insertFloor
			}
			var p processed
			inEngine, _, err := engine.during(ctx, func() (err error) {
				p, err = measure(ctx, r, parameters, n, compression+strconv.Itoa(i))
				return err
			})
			if err != nil {
				return err
			}
			ofEngine.add(floor, float64(inEngine.cpu.Nanoseconds())/1e3/float64(p.Events))
			perSecond.add(floor, float64(p.Events)/p.Took.Seconds())
			perCore.add(floor, float64(p.Events)/p.CPU.Seconds())
			cpu.add(floor, float64(p.CPU.Nanoseconds())/1e3/float64(p.Events))
			allocs.add(floor, p.Mallocs/float64(p.Events))
			memory.add(floor, p.Peak/1e6)
		}
	}
	each, core, most := goal{}, goal{}, goal{}
	if compression != "none" {
		each, core, most = atMostRatio(1.5), atLeast(100_000), atMost(300)
	}
	b.report.add("processor", what+", stored", "events/s", perSecond)
	b.report.addGoal("processor", what+", CPU each", "µs", cpu, each)
	b.report.addGoal("processor", what+", per core of its own CPU", "events/s", perCore, core)
	b.report.add("processor", what+", allocations each", "", allocs)
	b.report.addGoal("processor", what+", memory at most", "MB", memory, most)
	b.report.add("processor", what+", CPU of ClickHouse's engine each, merges included", "µs", ofEngine)
	return nil
}

// size is how many bytes the files in a folder hold.
func size(dir string) (sum float64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			sum += float64(info.Size())
		}
		return err
	})
	return sum, err
}

// startStores starts broker and engine, with topics and tables.
func (r *rig) startStores(ctx context.Context) (engine *process, err error) {
	if err := r.startBroker(ctx); err != nil {
		return nil, err
	}
	if engine, err = r.startEngine(ctx); err != nil {
		return nil, err
	}
	_, err = r.start(ctx, r.beside, nil, "setup", append(r.login("migrator", ""), "--kafka-brokers="+r.kafka.Brokers[0])...)
	return engine, err
}

// processBacklog has a processor of a new group store the n events of the backlog.
func (b *bench) processBacklog(ctx context.Context, r *rig, parameters string, n int, run string) (out processed, err error) {
	began := time.Now()
	p, err := r.startProcessor(ctx, parameters, "--group=hookline.store."+run, "--actions-group=hookline.actions."+run)
	if err != nil {
		return out, err
	}
	defer p.stop()
	profiled := b.profile(p, 3*time.Second, "processor-"+run)
	if err := p.await(ctx, stored, float64(n)); err != nil {
		return out, err
	}
	out.Events, out.Took = n, time.Since(began)
	u, err := p.usage(ctx)
	if err != nil {
		return out, err
	}
	out.CPU, out.Mallocs = u.cpu, u.mallocs
	out.Peak, err = p.peak()
	return out, errors.Join(err, profiled())
}

// patience is how long a metric may stand still below what is awaited.
const patience = time.Minute

// await returns once a metric of the process is at least want.
func (p *process) await(ctx context.Context, name string, want float64) error {
	tick := time.NewTicker(100 * time.Millisecond) // seldom: to answer costs the process more than a few events
	defer tick.Stop()
	grown, last := time.Now(), 0.0
	for {
		have, err := p.metric(ctx, name)
		switch {
		case err != nil:
			return err
		case have >= want:
			return nil
		case have > last:
			grown, last = time.Now(), have
		case time.Since(grown) > patience:
			return fmt.Errorf("wait for %s of %s: it stands still at %.0f of %.0f", name, p.name, have, want)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return fmt.Errorf("%s ended: %w", p.name, p.err)
		case <-tick.C:
		}
	}
}

// insertFloor has a process of its own insert n rows; see InsertFloorCommand.
func (b *bench) insertFloor(ctx context.Context, r *rig, parameters string, n int, _ string) (out processed, err error) {
	result := filepath.Join(r.dir, "floor.json")
	if _, err := r.start(ctx, r.measured, nil, insertFloor, append(r.login("writer", parameters),
		"--vendors="+r.vendors, "--events="+strconv.Itoa(n), "--result="+result)...); err != nil {
		return out, err
	}
	text, err := os.ReadFile(result)
	if err != nil {
		return out, fmt.Errorf("read what the floor took: %w", err)
	}
	return out, json.Unmarshal(text, &out)
}
