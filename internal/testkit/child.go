package testkit

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookline-io/hookline/compose/local/apache"
	"github.com/hookline-io/hookline/compose/local/broker"
	"github.com/hookline-io/hookline/compose/local/engine"
	"github.com/hookline-io/hookline/compose/local/engine/chdb"
)

// childVariable names the environment variable that makes a test binary run as a service in place of its
// tests. It holds a spec as JSON.
const childVariable = "HOOKLINE_TESTKIT_CHILD"

// spec says which service a child is.
type spec struct {
	Service  string // engine | engine-serve | broker | apache
	DataDir  string
	Listen   string
	Sync     bool
	Native   string // of the engine
	Override string // of the engine
	Library  string // of engine-serve
	Config   string // of engine-serve
}

// readyTimeout bounds the start of a service, the first fetch of the engine included.
const readyTimeout = 3 * time.Minute

// Main runs m's tests; in a child process it runs the service that the child was started for. A package that
// uses Engine or Broker has
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// which makes the test binary able to be those services: real processes that can be killed, with nothing to
// build first.
func Main(m *testing.M) {
	text, isChild := os.LookupEnv(childVariable)
	if !isChild {
		os.Exit(m.Run())
	}
	if err := serve(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve runs until the process gets SIGTERM, or until its standard input ends: the tests hold the other end,
// so that a child ends with them, however they end.
func serve(text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("read the child's spec: %w", err)
	}
	if s.Service == "engine-serve" {
		return chdb.Serve(s.Library, s.Config)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(2)
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ready := func(a net.Addr) { fmt.Println(a) }
	switch s.Service {
	case "engine":
		return engine.Run(ctx, engine.Options{
			DataDir: s.DataDir, HTTP: s.Listen, Native: s.Native, Memory: 1 << 30, Override: []byte(s.Override), Server: engine.Server{Serve: serveEngine},
			Ready: func(a engine.Addresses) { fmt.Println(a.HTTP, a.Native) }, Log: log,
		})
	case "broker":
		return broker.Run(ctx, broker.Options{DataDir: s.DataDir, Listen: s.Listen, SyncWrites: s.Sync, Ready: ready, Log: log})
	case "apache":
		return apache.Run(ctx, apache.Options{DataDir: s.DataDir, Listen: s.Listen, Nodes: 3,
			Ready: func(a string) { fmt.Println(a) }, Log: log})
	}
	return fmt.Errorf("no service %q", s.Service)
}

// serveEngine has this test binary be the server of an engine.
func serveEngine(library, config string) (*exec.Cmd, error) {
	return childCommand(spec{Service: "engine-serve", Library: library, Config: config}), nil
}

// childCommand is this test binary as a service.
func childCommand(s spec) *exec.Cmd {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and a bool
	}
	cmd := exec.Command(os.Args[0], "-test.run=^$") //nolint:gosec,noctx // this test binary; it ends with its standard input
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	return cmd
}

// child is a service in a process of its own, which a test can kill and restart. Its address stays the same.
type child struct {
	t    testing.TB
	spec spec

	mu      sync.Mutex
	process *exec.Cmd
	stdin   io.Closer
}

func startChild(t testing.TB, s spec) *child {
	t.Helper()
	c := &child{t: t, spec: s}
	t.Cleanup(c.Kill)
	c.start()
	return c
}

func (c *child) start() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd := childCommand(c.spec)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatalf("start the %s: %v", c.spec.Service, err)
	}
	c.process, c.stdin = cmd, stdin
	address := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		address <- line
	}()
	select {
	case line := <-address:
		addresses := strings.Fields(line)
		if len(addresses) == 0 {
			_ = cmd.Wait()
			c.process = nil
			c.t.Fatalf("start the %s: it ended before it was ready (does TestMain call testkit.Main?)", c.spec.Service)
		}
		c.spec.Listen = addresses[0]
		if len(addresses) > 1 {
			c.spec.Native = addresses[1] // only the engine has a second one
		}
	case <-time.After(readyTimeout):
		_ = cmd.Process.Kill()
		c.t.Fatalf("start the %s: not ready after %v", c.spec.Service, readyTimeout)
	}
}

// end sends the signal and waits for the process to be gone.
func (c *child) end(s os.Signal) {
	c.own()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return
	}
	_ = c.process.Process.Signal(s)
	gone := make(chan struct{})
	timer := time.AfterFunc(30*time.Second, func() {
		c.t.Errorf("the %s did not end on %v", c.spec.Service, s)
		_ = c.process.Process.Kill()
	})
	go func() {
		_ = c.process.Wait()
		close(gone)
	}()
	<-gone
	timer.Stop()
	_ = c.stdin.Close()
	c.process = nil
}

// Kill ends the process with SIGKILL, as a crash would, and returns when it is gone.
func (c *child) Kill() { c.end(syscall.SIGKILL) }

// Stop ends the process with SIGTERM and returns when it is gone.
func (c *child) Stop() { c.end(syscall.SIGTERM) }

// Restart starts the process again over the same folder and at the same address, and returns when it is
// ready. One that still runs is killed first.
func (c *child) Restart() {
	c.t.Helper()
	c.Kill()
	c.start()
}

// PID is the process ID, and 0 while there is none.
func (c *child) PID() int {
	c.own()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return 0
	}
	return c.process.Process.Pid
}

// DataDir is the folder that the process keeps its data in.
func (c *child) DataDir() string {
	c.own()
	return c.spec.DataDir
}
