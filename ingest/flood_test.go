package ingest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
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
	p := &process{t: t, seed: testkit.Broker(t).Addr, listen: freeAddress(t), admin: freeAddress(t)}
	o := ingest.Options{
		Listen: p.listen, Vendors: filepath.Join(dir, "vendors.yaml"), MaxBody: 1 << 20, ReadTimeout: 5 * time.Second,
		EnqueueTimeout: 2500 * time.Millisecond, MaxWaiting: 20000, DrainTimeout: 5 * time.Second,
		Limits: ingest.LimitOptions{MaxConnections: 4096, MaxDeliveries: 2048, MaxInflight: 256 << 20},
		Kafka:  kafka.Options{Brokers: []string{p.seed}, TopicPrefix: "webhooks"}, Admin: service.AdminOptions{Listen: p.admin},
	}
	edit(&o)
	createTopics(t, o.Kafka)
	write(t, filepath.Join(dir, "secret"), theSecret)
	write(t, o.Vendors, vendorsYAML)
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

// memory is what the process has of the machine's, in MiB.
func (p *process) memory() float64 {
	return metric(p.t, "http://"+p.admin, "process_resident_memory_bytes") / (1 << 20)
}

// peakMemory watches memory until the returned function is called, which returns the highest.
func (p *process) peakMemory() func() float64 {
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan float64)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		peak := p.memory()
		for {
			select {
			case <-ctx.Done():
				done <- peak
				return
			case <-tick.C:
				peak = max(peak, p.memory())
			}
		}
	}()
	return func() float64 { cancel(); return <-done }
}

// forgeries are requests that no vendor sent, by the vendor and reason that they count under.
func forgeries() map[string]string {
	post := func(path, header, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", path, header, len(body), body)
	}
	body := `{"id":"evt_forged","type":"t","x":"` + strings.Repeat("x", 800) + `"}`
	return map[string]string{
		"acme signature_mismatch":  post("/webhooks/acme", "X-Hub-Signature-256: sha256="+strings.Repeat("0a", 32)+"\r\n", body),
		"acme signature_malformed": post("/webhooks/acme", "X-Hub-Signature-256: sha256=zz\r\n", body),
		"acme signature_missing":   post("/webhooks/acme", "", body),
		"unknown unknown_vendor":   post("/webhooks/%d", "", body), // a name that is never the same
		"unknown no_such_path":     post("/%d", "", body),
	}
}

// flood sends n forgeries at full speed and returns how many of each there were.
func (p *process) flood(n int) map[string]uint64 {
	const connections = 16
	kinds := forgeries()
	var mu sync.Mutex
	sent := map[string]uint64{}
	var wg sync.WaitGroup
	for c := range connections {
		wg.Go(func() {
			conn, err := net.Dial("tcp", p.listen)
			if err != nil {
				p.t.Error(err)
				return
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			counts := map[string]uint64{}
			for i := c; i < n; {
				for kind, text := range kinds {
					if i >= n {
						break
					}
					_, err := io.WriteString(conn, strings.Replace(text, "%d", fmt.Sprint(i), 1))
					resp, err2 := http.ReadResponse(answers, nil)
					if err != nil || err2 != nil {
						p.t.Errorf("forgery %d: %v, %v", i, err, err2)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					if resp.StatusCode < 400 || resp.StatusCode >= 500 {
						p.t.Errorf("forgery %d (%s): got %s", i, kind, resp.Status)
					}
					counts[kind]++
					i += connections
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for kind, k := range counts {
				sent[kind] += k
			}
		})
	}
	wg.Wait()
	return sent
}

// deliver makes a vendor's deliveries, one every 5 ms, until ctx is done, and returns how long each took.
func (p *process) deliver(ctx context.Context) []time.Duration {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var took []time.Duration
	for {
		select {
		case <-ctx.Done():
			slices.Sort(took)
			return took
		case <-tick.C:
		}
		body := fmt.Appendf(nil, `{"id":"evt_%d","type":"t"}`, time.Now().UnixNano())
		d, err := p.sender.Sign(sender.Delivery{Vendor: "acme", Body: body}, time.Now())
		if err != nil {
			p.t.Error(err)
			return nil
		}
		start := time.Now()
		answer, err := p.sender.Post(p.t.Context(), d)
		if err != nil || answer.Status != http.StatusOK {
			p.t.Errorf("a vendor's delivery: got %d %s, %v", answer.Status, answer.Body, err)
			return nil
		}
		took = append(took, time.Since(start))
	}
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

// TestForgedFloodCostsOnlyItself: invariants 8 and 9. Its figures are in docs/benchmarks.md.
func TestForgedFloodCostsOnlyItself(t *testing.T) {
	const forged = 50_000
	p := newProcess(t, func(*ingest.Options) {})

	calm, cancel := context.WithTimeout(t.Context(), time.Second)
	alone := p.deliver(calm)
	cancel()
	sent := p.flood(forged / 10) // until here, pools and buffers fill
	before := p.memory()
	peak := p.peakMemory()
	storm, over := context.WithCancel(t.Context())
	var beside []time.Duration
	var vendor sync.WaitGroup
	vendor.Go(func() { beside = p.deliver(storm) })
	start := time.Now()
	for kind, n := range p.flood(forged) {
		sent[kind] += n
	}
	took := time.Since(start)
	over()
	vendor.Wait()
	highest := peak()
	p.stop()
	if t.Failed() {
		return
	}

	counted, records := rejections(t, p.seed, schemas.NewTopics("webhooks").Rejections)
	events := len(readTopic(t, p.seed, schemas.NewTopics("webhooks").Events))
	t.Logf("%d forged requests in %s: %.0f a second over 16 connections", forged, took.Round(time.Millisecond), forged/took.Seconds())
	t.Logf("memory of the process: %.1f MiB before, at most %.1f MiB during", before, highest)
	t.Logf("a vendor's deliveries: alone p50 %s p99 %s (%d), beside the flood p50 %s p99 %s (%d)",
		quantile(alone, .5), quantile(alone, .99), len(alone), quantile(beside, .5), quantile(beside, .99), len(beside))
	t.Logf("Kafka gained %d events, all the vendor's, and %d records of counts", events, records)

	if fmt.Sprint(counted) != fmt.Sprint(sent) {
		t.Errorf("counted %v, sent %v", counted, sent)
	}
	if minutes := int(took/time.Minute) + 3; records > minutes*len(sent) {
		t.Errorf("%d records for %d kinds of forgeries: want one a minute for each", records, len(sent))
	}
	if events != len(alone)+len(beside) {
		t.Errorf("%d events, want the vendor's %d", events, len(alone)+len(beside))
	}
	if highest > before+32 {
		t.Errorf("memory grew by %.1f MiB", highest-before)
	}
	if len(beside) == 0 || quantile(beside, .99) > 2*time.Second {
		t.Errorf("the vendor waited: %d deliveries, p99 %s", len(beside), quantile(beside, .99))
	}
}

// TestLargeBodiesDoNotFillMemory: invariant 9. A megabyte on each of many connections is more than there is room for.
func TestLargeBodiesDoNotFillMemory(t *testing.T) {
	const connections, room = 400, 16 << 20
	p := newProcess(t, func(o *ingest.Options) { o.Limits.MaxInflight, o.ReadTimeout = room, 2*time.Second })
	before := p.memory()
	peak := p.peakMemory()
	body := strings.Repeat("x", 1<<20-1) // of a megabyte: the end never comes
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			conn, err := net.Dial("tcp", p.listen)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", 1<<20, body)
			_, _ = io.Copy(io.Discard, conn)
		})
	}
	wg.Wait()
	highest := peak()
	t.Logf("%d connections with a megabyte each: %.1f MiB before, at most %.1f MiB during", connections, before, highest)
	if highest > before+128 {
		t.Errorf("memory grew by %.1f MiB, with room for %d MiB of bodies", highest-before, room>>20)
	}
	d, err := p.sender.Sign(sender.Delivery{Vendor: "acme", Body: []byte(`{"id":"evt_1"}`)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool {
		answer, err := p.sender.Post(t.Context(), d)
		return err == nil && answer.Status == http.StatusOK
	})
	p.stop()
}
