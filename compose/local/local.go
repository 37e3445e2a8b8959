// Package local runs the whole stack on one machine without Docker, for a first look, for demos and for CI: a
// Kafka broker, ClickHouse's engine, setup, ingest, the processor and the dashboard preview, each a process of
// its own and the same binary. The processes are children of a supervisor, see its package.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/apache"
	"github.com/hookline-io/hookline/compose/local/demo"
	"github.com/hookline-io/hookline/compose/local/lockfile"
	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/compose/local/supervise"
	"github.com/hookline-io/hookline/internal/service"
)

// Options say where the stack runs. Program, DataDir and Out are required.
type Options struct {
	Program    string // path of the hookline binary, which every child runs
	DataDir    string // everything the stack keeps; created if missing
	Fresh      bool   // begin with empty topics and tables; vendors.yaml and the secrets stay
	Vendors    string // vendors.yaml; empty: DataDir/vendors.yaml, written with four sample vendors if missing
	Kafka      Kafka
	Prometheus string // address of one for the preview to ask; empty: the preview reads the parts' metrics itself
	Binary     string // an installed clickhouse to run in place of the library
	SyncWrites bool   // have the broker flush every batch to the disk
	Ports      Ports
	Second     int                 // port of a second processor's admin listener; 0: there is one processor
	Through    Through             // proxies before broker and engine
	Args       map[string][]string // further arguments for parts, by name

	Out    io.Writer // gets the children's lines and the table of addresses
	Colour bool
	Log    *slog.Logger

	// Main, if set, is run once everything is ready. The stack stops when it returns.
	Main func(ctx context.Context, s *Stack) error
}

// Through are the ports at which the parts reach broker and engine when that is not where those listen; 0 for none.
type Through struct{ Kafka, ClickHouse int }

// Kafka says which broker the stack runs.
type Kafka string

const (
	Embedded Kafka = "embedded" // franz-go's kfake, in a process of its own
	Apache   Kafka = "apache"   // Apache Kafka, one node; needs Java and Maven
)

// Stack is a stack that is ready.
type Stack struct {
	Ports   Ports
	Vendors string // path of vendors.yaml
	Started time.Duration

	clickhouse analytics.Options // as migrator
	supervisor *supervise.Supervisor
}

// Signal sends a signal to all processes of a part. SIGKILL ends it as a crash would, SIGTERM as an operator would, and
// it is restarted at once; SIGSTOP has it hang until SIGCONT.
func (s *Stack) Signal(part string, signal syscall.Signal) error {
	return s.supervisor.Signal(part, signal)
}

// PIDs are the process IDs of the parts that run, by name. Each is also that of a process group.
func (s *Stack) PIDs() map[string]int { return s.supervisor.PIDs() }

// Run runs the stack until ctx ends, or until Main returns, and then stops it. An error says what to do about
// it where something can be done.
func Run(ctx context.Context, o Options) error {
	started := time.Now()
	if err := o.Ports.check(ctx); err != nil {
		return err
	}
	lock, err := prepare(&o)
	if err != nil {
		return err
	}
	defer lock.Close()
	assets, err := packages.Ensure(ctx, o.Log)
	if err != nil {
		return err
	}
	if o.Kafka == Apache {
		if err := apache.Fetch(ctx, o.Log); err != nil {
			return err
		}
	}
	supervisor, err := supervise.New(supervise.Options{
		Program: o.Program, Children: children(&o, assets), Output: o.Out, Colour: o.Colour, Log: o.Log,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopReloading := reloadOnHangup(ctx, supervisor, o.Log)
	defer stopReloading()
	var main sync.WaitGroup
	var mainErr error
	err = supervisor.Run(ctx, func() {
		stack := &Stack{Ports: o.Ports, Vendors: o.Vendors, Started: time.Since(started),
			clickhouse: o.ClickHouse("migrator", o.Ports.Native), supervisor: supervisor}
		stack.describe(&o)
		if o.Main == nil {
			return
		}
		main.Go(func() {
			defer cancel()
			mainErr = o.Main(ctx, stack)
		})
	})
	cancel()
	main.Wait()
	return errors.Join(mainErr, err)
}

// reloadOnHangup hands SIGHUP on to the parts that read vendors.yaml again by it, until ctx ends or it is stopped.
func reloadOnHangup(ctx context.Context, s *supervise.Supervisor, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var hangups sync.WaitGroup
	hangups.Go(func() {
		_ = service.OnHangup(ctx, func() { // returns no error
			for _, part := range []string{Ingest, Processor} {
				if err := s.Signal(part, syscall.SIGHUP); err != nil {
					log.Warn("vendors not reloaded", "part", part, "err", err)
				}
			}
		})
	})
	return func() {
		cancel()
		hangups.Wait()
	}
}

// prepare makes the data folder what the children expect, and theirs alone until the lock it returns is closed.
func prepare(o *Options) (_ io.Closer, err error) {
	if o.DataDir, err = filepath.Abs(o.DataDir); err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	lock, err := lockfile.Acquire(filepath.Join(o.DataDir, "hookline.lock"))
	if errors.Is(err, lockfile.ErrHeld) {
		return nil, fmt.Errorf("another `hookline local` is running on %s: stop it, or choose another --data-dir", o.DataDir)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	if o.Fresh {
		for _, part := range []string{Broker, Engine} {
			if err := wipe(filepath.Join(o.DataDir, part)); err != nil {
				return nil, fmt.Errorf("begin afresh: %w", err)
			}
		}
	}
	if o.Vendors == "" {
		if o.Vendors, err = demo.WriteSample(o.DataDir); err != nil {
			return nil, err
		}
		return lock, writeSampleSale(o.DataDir)
	}
	if o.Vendors, err = filepath.Abs(o.Vendors); err != nil {
		return nil, fmt.Errorf("find vendors.yaml: %w", err)
	}
	return lock, nil
}

// wipe removes a part's folder, unless it is something else of that name.
func wipe(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "hookline.lock")); err != nil {
		return fmt.Errorf("%s does not look like a folder of hookline's: remove it yourself, or choose another --data-dir", dir)
	}
	return os.RemoveAll(dir)
}
