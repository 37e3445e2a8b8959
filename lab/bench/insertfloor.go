package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/procfs"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/lab/figures"
	"github.com/hookline-io/hookline/processor/mapping"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// InsertFloorCommand is `lab insert-floor`: the least that storing events can cost with clickhouse-go. The
// rows are in memory, in the slices that the driver takes, and go in column by column, as many at a time as the
// processor inserts.
type InsertFloorCommand struct {
	Vendors    string            `type:"path" help:"vendors.yaml, which says what the events count as."`
	Events     int               `help:"Rows to insert."`
	Result     string            `type:"path" help:"File for what it took, as JSON."`
	ClickHouse analytics.Options `embed:"" prefix:"clickhouse-"`
}

// floorBatch is how many rows the floor inserts at once: as many 1 KB events as fit into the processor's batch.
const floorBatch = 10_200

// Run inserts and measures itself.
func (c *InsertFloorCommand) Run(ctx context.Context, _ *slog.Logger) error {
	config, err := vendors.Load(c.Vendors, vendors.Options{WithoutSecrets: true})
	if err != nil {
		return err
	}
	opt, err := c.ClickHouse.Driver()
	if err != nil {
		return err
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	defer conn.Close()
	rows, err := mapped(config, min(c.Events, floorBatch))
	if err != nil {
		return err
	}
	p, err := insertRows(ctx, conn, figures.NewFloor(rows), c.Events)
	if err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return os.WriteFile(c.Result, text, 0o600)
}

// mapped returns the rows that the processor would make of n events.
func mapped(config *vendors.Config, n int) ([]analytics.Row, error) {
	at := time.Now().UTC().Truncate(time.Second)
	rows := make([]analytics.Row, n)
	for i := range rows {
		rows[i] = analytics.Row{Event: event("floor", i, at), Origin: analytics.Origin{Topic: "webhooks.events", Offset: int64(i)}}
		if err := mapping.Map(&rows[i], config); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func insertRows(ctx context.Context, conn driver.Conn, f *figures.Floor, n int) (processed, error) {
	self, err := procfs.Self()
	if err != nil {
		return processed{}, fmt.Errorf("measure this process: %w", err)
	}
	before, began := runtime.MemStats{}, time.Now()
	runtime.ReadMemStats(&before)
	start, err := self.Stat()
	if err != nil {
		return processed{}, fmt.Errorf("measure this process: %w", err)
	}
	inserted := 0
	for ; inserted < n; inserted += f.Rows() {
		if err := f.Insert(ctx, conn); err != nil {
			return processed{}, err
		}
	}
	end, err := self.Stat()
	if err != nil {
		return processed{}, fmt.Errorf("measure this process: %w", err)
	}
	status, err := self.NewStatus()
	if err != nil {
		return processed{}, fmt.Errorf("measure this process: %w", err)
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	return processed{
		Events: inserted, CPU: time.Duration((end.CPUTime() - start.CPUTime()) * float64(time.Second)),
		Mallocs: float64(after.Mallocs - before.Mallocs), Took: time.Since(began), Peak: float64(status.VmHWM),
	}, nil
}
