package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/compose/local/supervise"
)

// RunEngine calls do, with how the migrator reaches it, while an engine of its own runs: a process of the hookline
// binary at program, over a folder that is removed in the end.
func RunEngine(ctx context.Context, log *slog.Logger, program string, memoryMiB uint64,
	do func(context.Context, analytics.Options) error) error {
	assets, err := packages.Ensure(ctx, log)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hookline-engine-")
	if err != nil {
		return fmt.Errorf("make a folder for the engine: %w", err)
	}
	defer os.RemoveAll(dir)
	ports, _, err := freePorts()
	if err != nil {
		return err
	}
	o := Options{DataDir: dir, Ports: ports}
	supervisor, err := supervise.New(supervise.Options{Program: program, Output: os.Stderr, Log: log, Children: []supervise.Child{{
		Name:  Engine,
		Args:  append([]string{Engine, fmt.Sprintf("--memory-mib=%d", memoryMiB)}, o.engine(assets)...),
		Ready: supervise.HTTP(url(ports.ClickHouse) + "/ping"),
	}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	var failed error
	err = supervisor.Run(ctx, func() {
		running.Go(func() {
			defer cancel()
			failed = do(ctx, o.ClickHouse("migrator", ports.Native))
		})
	})
	cancel()
	running.Wait()
	return errors.Join(failed, err)
}
