package checks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The commands and environments of compose.yaml make a working stack, and the command that `make up` prints sends a sale.
func TestComposeStackStoresASale(t *testing.T) {
	r := newRig(t, "compose.yaml")
	r.start("ingest")
	r.start("processor")
	sale, err := os.Open(filepath.Join(r.dir, "compose/config/sale.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer sale.Close()
	send := r.command("ingest")
	send.Args = []string{send.Path, "vendor", "send", "--vendor", "acme", "-", "--to", "http://" + r.address("ingest:8080")}
	send.Stdin = sale
	if out, err := send.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r.sold(1)
}

// The drills of docs/operating.md for ingest and processor, behind the real HAProxy with the real configuration:
// while one of each is stopped and killed, no vendor sees anything but 200, and every sale counts once.
func TestLosingOneOfEachIsNotNoticed(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed (Debian: apt-get install haproxy)")
	}
	r := newRig(t, "compose.yaml", "compose.ha.yaml")
	for _, service := range []string{"ingest", "ingest-2", "processor", "processor-2"} {
		r.start(service)
	}
	balancer := r.balance()

	const total, senders = 1000, 4
	drills := map[int]func(){
		100: func() { r.signal("ingest", syscall.SIGKILL) },
		200: func() { r.start("ingest") },
		300: func() { r.signal("processor", syscall.SIGKILL) },
		400: func() { r.start("processor") }, // under its own name, so it gets its partitions back at once
		500: func() { r.signal("ingest-2", syscall.SIGTERM) },
		600: func() { r.start("ingest-2") },
		700: func() { r.signal("clickhouse", syscall.SIGKILL) }, // the only one here: the processors hold
		800: func() { r.start("clickhouse") },
	}
	r.drill(balancer, total, senders, drills, func(n, status int, err error) bool {
		if err != nil || status != http.StatusOK {
			t.Errorf("delivery %d: %d, %v", n, status, err)
		}
		return true
	})
	r.sold(total)
}

// drill sends deliveries, and before some of them does what drills says. A sender repeats a delivery until done.
func (r *rig) drill(to string, total, senders int, drills map[int]func(), done func(n, status int, err error) bool) {
	numbers := make(chan int)
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for n := range numbers {
				for {
					if status, err := r.post(to, n); done(n, status, err) {
						break
					}
					<-time.After(250 * time.Millisecond) // as a vendor would, only sooner
				}
			}
		})
	}
	for n := range total {
		if act := drills[n]; act != nil {
			act()
		}
		numbers <- n
	}
	close(numbers)
	group.Wait()
}

// The drill of docs/operating.md for brokers, on Apache Kafka with the stack's own configuration: while one of three is killed,
// deliveries fail for as long as its partitions have no leader, and vendors that repeat them lose nothing.
func TestLosingABrokerLosesNothing(t *testing.T) {
	if !onApache() {
		t.Skip("needs Apache Kafka: make test-kafka")
	}
	r := newRig(t, "compose.yaml", "compose.ha.yaml")
	for _, service := range []string{"ingest", "ingest-2", "processor", "processor-2"} {
		r.start(service)
	}
	var mu sync.Mutex
	var failed, killed, recovered = 0, time.Time{}, time.Time{}
	const total, senders = 1200, 4
	r.drill(r.address("ingest:8080"), total, senders, map[int]func(){
		400: func() { r.signal("kafka-2", syscall.SIGKILL); killed = time.Now() },
		800: func() { r.start("kafka-2") },
	}, func(_, status int, err error) bool {
		if err == nil && status == http.StatusOK {
			return true
		}
		mu.Lock()
		defer mu.Unlock()
		failed++
		recovered = time.Now()
		return time.Since(killed) > time.Minute // give up; sold will say
	})
	t.Logf("%d tries failed, the last %v after the broker was killed", failed, recovered.Sub(killed).Round(time.Millisecond))
	r.sold(total)
}

// sold waits until n sales of 49.99 EUR are counted, and hears from audit that no offset is unaccounted for.
func (r *rig) sold(n int) {
	r.t.Helper()
	want := fmt.Sprintf("%d\t%d.%02d", n, n*4999/100, n*4999%100)
	r.eventually(90*time.Second, func() error {
		got, err := r.query("SELECT count(), toDecimalString(sum(amount), 2) FROM hookline.current_sales WHERE vendor = 'acme' AND currency = 'EUR'")
		if err == nil && got != want {
			err = fmt.Errorf("sold: %q, want %q", got, want)
		}
		return err
	})
	r.eventually(30*time.Second, func() error {
		audit := r.command("processor")
		audit.Args = []string{audit.Path, "audit"}
		out, err := audit.CombinedOutput()
		if err != nil {
			return fmt.Errorf("audit: %w\n%s", err, out)
		}
		return nil
	})
}

// post sends one sale as a vendor would, and returns the status of the answer.
func (r *rig) post(to string, n int) (int, error) {
	encoded, err := os.ReadFile(filepath.Join(r.dir, "compose/.secrets/vendors/acme"))
	if err != nil {
		return 0, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(encoded)), "whsec_"))
	if err != nil {
		return 0, err
	}
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"type":"invoice.paid","timestamp":%q,"data":{"invoice":"in_%d","amount":4999,"currency":"EUR"}}`, now.Format(time.RFC3339), n)
	id, stamp := fmt.Sprintf("msg_%d", n), strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	req, err := http.NewRequest(http.MethodPost, "http://"+to+"/webhooks/acme", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// balance starts HAProxy in front of both ingests, and returns its address once it takes deliveries for both.
func (r *rig) balance() string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "compose/haproxy/haproxy.cfg"))
	if err != nil {
		r.t.Fatal(err)
	}
	_, first, _ := net.SplitHostPort(r.address("ingest:9081"))
	_, second, _ := net.SplitHostPort(r.address("ingest-2:9081"))
	vendors, operators := r.address("balancer:8080"), r.address("balancer:8405")
	config := strings.NewReplacer(
		"bind :8080", "bind "+vendors, "bind :8405", "bind "+operators,
		"ingest-1 ingest:8080", "ingest-1 "+r.address("ingest:8080")+" port "+first,
		"ingest-2 ingest-2:8080", "ingest-2 "+r.address("ingest-2:8080")+" port "+second,
		"use-service prometheus-exporter if", "deny if", // Debian's HAProxy is built without it
	).Replace(string(text))
	path := filepath.Join(r.dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.launch("balancer", exec.Command("haproxy", "-db", "-f", path))
	r.eventually(30*time.Second, func() error {
		resp, err := http.Get("http://" + operators + "/health")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	return vendors
}
