// Package engine runs a ClickHouse server on this machine, for the stack without Docker, for tests and for CI. The
// server is ClickHouse itself, with its own HTTP interface and native protocol and hookline's users: the shared library
// libchdb in a process of its own, or an installed clickhouse.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hookline-io/hookline/compose/local/lockfile"
)

// Options say where the engine keeps its tables and where it listens.
type Options struct {
	DataDir   string          // of the tables; created if missing; one engine at a time
	ConfigDir string          // of the generated configuration and the users' passwords; default: "clickhouse" in DataDir
	HTTP      string          // loopback address and port of the HTTP interface; port 0 picks one
	Native    string          // the same of the native protocol
	Memory    uint64          // bytes that the server may use; default 3 GiB
	Override  []byte          // XML that is merged into the server's configuration
	Server    Server          // default: the library, or else an installed clickhouse
	StopGrace time.Duration   // how long the server may take to stop once ctx ends; default 5 s
	Ready     func(Addresses) // called once the server answers on both ports
	Log       *slog.Logger
}

// Addresses are where the engine listens, each as host:port.
type Addresses struct{ HTTP, Native string }

const (
	defaultMemory = 3 << 30
	defaultGrace  = 5 * time.Second
)

// Run serves until ctx ends and then stops within the grace period. A server that ends before is started again. What an
// INSERT was acknowledged for survives whatever ends the process. An error says why the server did not start.
func Run(ctx context.Context, o Options) error {
	started := time.Now()
	if err := o.complete(ctx); err != nil {
		return err
	}
	lock, err := claim(ctx, o.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	c, err := o.configure(ctx)
	if err != nil {
		return err
	}
	env, err := passwords(c.dir)
	if err != nil {
		return err
	}
	isReady := false
	ready := func() {
		if isReady {
			return
		}
		isReady = true
		at := c.addresses()
		o.Log.Info("engine ready", "http", at.HTTP, "native", at.Native, "took", time.Since(started).Round(time.Millisecond))
		if o.Ready != nil {
			o.Ready(at)
		}
	}
	for {
		cmd, err := o.Server.command(c.file())
		if err != nil {
			return fmt.Errorf("start ClickHouse: %w", err)
		}
		cmd.Env = append(append(cmd.Environ(), env...), "TZ=UTC")
		cmd.ExtraFiles = append(cmd.ExtraFiles, lock) // so that the folder is locked for as long as the server lives
		err = o.serve(ctx, cmd, c.addresses(), ready)
		if ctx.Err() != nil {
			return nil
		}
		if !isReady {
			return fmt.Errorf("start ClickHouse: %w", err)
		}
		o.Log.Warn("ClickHouse has ended and is restarted", "err", err)
	}
}

// serve runs the server and returns how it ended.
func (o *Options) serve(ctx context.Context, cmd *exec.Cmd, at Addresses, ready func()) error {
	// The library lets every user read any file with the function file(), as `clickhouse local` does, whatever
	// user_files_path says. But it finds the working folder first, and refuses when that is not there any more.
	dir, err := os.MkdirTemp(o.ConfigDir, "cwd-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(dir) }()
	cmd.Dir = dir
	out := &relay{log: o.Log}
	cmd.Stdout, cmd.Stderr = out, out
	server, err := start(cmd)
	if err != nil {
		return err
	}
	defer server.stop(o.StopGrace)
	if server.await(ctx, at) {
		if err := os.Remove(dir); err != nil {
			return err
		}
		ready()
	}
	select {
	case <-server.ended:
		return fmt.Errorf("%w%s", server.how(), out.reason())
	case <-ctx.Done():
		return nil
	}
}

// complete fills in what o leaves open.
func (o *Options) complete(ctx context.Context) (err error) {
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.StopGrace == 0 {
		o.StopGrace = defaultGrace
	}
	if o.DataDir, err = filepath.Abs(o.DataDir); err != nil {
		return fmt.Errorf("find the data folder: %w", err)
	}
	if o.ConfigDir == "" {
		o.ConfigDir = filepath.Join(o.DataDir, "clickhouse")
	}
	if o.ConfigDir, err = filepath.Abs(o.ConfigDir); err != nil {
		return fmt.Errorf("find the folder of the configuration: %w", err)
	}
	return o.Server.find(ctx, o.Log)
}

// handover is how long a server may take to end after its parent was killed.
const handover = 3 * time.Second

// claim locks the folder of the tables. It waits for a server whose parent is gone already.
func claim(ctx context.Context, dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	late := time.After(handover)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		lock, err := lockfile.Acquire(filepath.Join(dir, "hookline.lock"))
		if !errors.Is(err, lockfile.ErrHeld) {
			return lock, err
		}
		select {
		case <-again.C:
		case <-late:
			return nil, fmt.Errorf("another engine is running on %s: stop it, or choose another --data-dir", dir)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// configure writes the configuration.
func (o *Options) configure(ctx context.Context) (c configuration, err error) {
	http, err := choose(ctx, "--listen", o.HTTP)
	if err != nil {
		return c, err
	}
	native, err := choose(ctx, "--listen-native", o.Native)
	if err != nil {
		return c, err
	}
	level := "warning"
	if o.Log.Enabled(ctx, slog.LevelDebug) {
		level = "information"
	}
	capacity, err := diskCapacity(o.DataDir)
	if err != nil {
		return c, err
	}
	c = configuration{
		dir: o.ConfigDir, Path: o.DataDir, HTTP: http, Native: native,
		Memory: o.Memory, KeepFree: KeepFree(capacity), LogLevel: level, Embedded: o.Server.embedded(), Override: o.Override,
	}
	return c, c.write()
}

// choose returns an address that can be listened at: the one that is asked for, or one with a free port where that is 0.
func choose(ctx context.Context, flag, address string) (netip.AddrPort, error) {
	asked, err := netip.ParseAddrPort(address)
	if err != nil {
		return asked, fmt.Errorf("%s: %w: give an IP address and a port, such as 127.0.0.1:8123", flag, err)
	}
	if !asked.Addr().IsLoopback() {
		return asked, fmt.Errorf("%s: other machines can reach %s, and the engine is for this one: choose 127.0.0.1, or run a ClickHouse server", flag, asked.Addr())
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", asked.String())
	if err != nil {
		return asked, fmt.Errorf("%s: %w", flag, err)
	}
	defer func() { _ = listener.Close() }()
	return netip.ParseAddrPort(listener.Addr().String())
}
