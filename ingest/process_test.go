package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/internal/testkit"
)

// childOptions names the environment variable that makes the test binary an ingest with these options, so that its
// memory is its own.
const childOptions = "HOOKLINE_INGEST_TEST_OPTIONS"

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv(childOptions)
	if !ok {
		testkit.Main(m)
	}
	var o ingest.Options
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		err = ingest.Run(ctx, slog.New(slog.NewTextHandler(os.Stderr, nil)), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// process is an ingest in a process of its own, with a broker in another.
type process struct {
	t      *testing.T
	seed   string
	listen string
	admin  string
	sender *sender.Sender
	cmd    *exec.Cmd
}

func newProcess(t *testing.T, edit func(*ingest.Options)) *process {
	t.Helper()
	dir := t.TempDir()
	p := &process{t: t, seed: testkit.Broker(t).Addr, listen: testkit.FreeAddress(t), admin: testkit.FreeAddress(t)}
	o := ingest.Options{
		Listen: p.listen, Vendors: filepath.Join(dir, "vendors.yaml"), MaxBody: 1 << 20, ReadTimeout: 5 * time.Second,
		EnqueueTimeout: 2500 * time.Millisecond, MaxWaiting: 20000, DrainTimeout: 5 * time.Second,
		Limits: ingest.LimitOptions{MaxConnections: 4096, MaxDeliveries: 2048, MaxInflight: 256 << 20},
		Kafka:  kafka.Options{Brokers: []string{p.seed}, TopicPrefix: "webhooks"}, Admin: service.AdminOptions{Listen: p.admin},
	}
	edit(&o)
	createTopics(t, o.Kafka)
	write(t, filepath.Join(dir, "secret"), theSecret)
	if o.Vendors == filepath.Join(dir, "vendors.yaml") {
		write(t, o.Vendors, vendorsYAML)
	}
	p.sender = newSender(t, "http://"+p.listen, o.Vendors)
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0], "-test.run=^$")
	p.cmd.Env = append(os.Environ(), childOptions+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	eventually(t, 10*time.Second, func() bool {
		resp, err := http.Get("http://" + p.admin + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// stop drains the process.
func (p *process) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("ingest ended with %v", err)
	}
}

// memory is in MiB: what the process has of the machine, and what of that is its heap. The race detector adds to the
// first a multiple of the second, so limits are for the heap.
type memory struct{ resident, heap float64 }

func (p *process) memory() memory {
	read := func(name string) float64 { return metric(p.t, "http://"+p.admin, name) / (1 << 20) }
	return memory{read("process_resident_memory_bytes"), read("go_memstats_heap_inuse_bytes")}
}

func (m memory) String() string { return fmt.Sprintf("%.1f MiB (heap %.1f)", m.resident, m.heap) }

// peakMemory watches memory until the returned function is called, which returns the highest.
func (p *process) peakMemory() func() memory {
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan memory, 1)
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		var peak memory
		for {
			now := p.memory()
			peak = memory{max(peak.resident, now.resident), max(peak.heap, now.heap)}
			select {
			case <-ctx.Done():
				done <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() memory { cancel(); return <-done }
}
