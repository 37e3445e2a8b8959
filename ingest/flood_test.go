package ingest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/schemas"
)

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
			defer func() { _ = conn.Close() }()
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
					_ = resp.Body.Close()
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

// raceDetector says whether it is on, which makes ingest ten times slower.
func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// TestForgedFloodCostsOnlyItself: invariants 8 and 9. With -v it prints its figures.
func TestForgedFloodCostsOnlyItself(t *testing.T) {
	forged := 50_000
	if raceDetector() {
		forged /= 10
	}
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
	t.Logf("%d forged requests in %s: %.0f a second over 16 connections", forged, took.Round(time.Millisecond), float64(forged)/took.Seconds())
	t.Logf("memory of the process: %s before, at most %s during", before, highest)
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
	if highest.heap > before.heap+32 {
		t.Errorf("the heap grew from %s to %s", before, highest)
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
			defer func() { _ = conn.Close() }()
			fmt.Fprintf(conn, "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", 1<<20, body)
			_, _ = io.Copy(io.Discard, conn)
		})
	}
	wg.Wait()
	highest := peak()
	t.Logf("%d connections with a megabyte each: %s before, at most %s during", connections, before, highest)
	if highest.heap > before.heap+64 {
		t.Errorf("the heap grew from %s to %s, with room for %d MiB of bodies", before, highest, room>>20)
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
