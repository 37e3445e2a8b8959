package checks

import (
	"bytes"
	"cmp"
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
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// rig runs hookline's services as Compose would start them, with their commands and environments, as processes of this
// machine. In place of ClickHouse it has one engine of `hookline local`, and in place of Kafka one broker of it, or Apache
// Kafka's with the stack's own configuration where HOOKLINE_TEST_KAFKA says apache. Names of hosts and mounts are replaced.
type rig struct {
	t       *testing.T
	project *types.Project
	dir     string
	broker  string
	engine  string // http://host:port
	ports   map[string]string
	stores  map[string]func() *exec.Cmd
	running map[string]*exec.Cmd
}

func newRig(t *testing.T, files ...string) *rig {
	t.Helper()
	dir := checkout(t)
	r := &rig{t: t, dir: dir, project: project(t, dir, nil, files...), ports: map[string]string{}, running: map[string]*exec.Cmd{}}
	full := filepath.Join(t.TempDir(), "hookline")
	build := exec.Command("go", "build", "-o", full, ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	vendors := filepath.Join(dir, "compose/config/vendors.yaml")
	text, err := os.ReadFile(vendors)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vendors, []byte(r.local(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	r.engine = "http://" + r.address("clickhouse:8123")
	r.stores = map[string]func() *exec.Cmd{}
	tables := t.TempDir()
	r.stores["clickhouse"] = func() *exec.Cmd {
		return exec.Command(full, "engine", "--data-dir", tables, "--listen", r.address("clickhouse:8123"))
	}
	if onApache() {
		r.brokers()
	} else {
		log := t.TempDir()
		r.broker = r.address("kafka:9092")
		r.stores["kafka"] = func() *exec.Cmd { return exec.Command(full, "broker", "--data-dir", log, "--listen", r.broker) }
	}
	for name := range r.stores {
		r.start(name)
	}
	r.eventually(time.Minute, func() error {
		_, err := r.query("SELECT 1")
		return err
	})
	r.eventually(time.Minute, func() error {
		if out, err := r.command("setup").CombinedOutput(); err != nil {
			return fmt.Errorf("setup: %v\n%s", err, out)
		}
		return nil
	})
	return r
}

// onApache says whether the brokers are Apache Kafka's, as `make test-kafka` has it.
func onApache() bool { return os.Getenv("HOOKLINE_TEST_KAFKA") == "apache" }

// brokers are Apache Kafka with the environments of the stack's brokers.
func (r *rig) brokers() {
	jars := kafkaJars(r.t)
	var seeds []string
	for name, s := range r.project.Services {
		if !strings.HasPrefix(s.Image, "apache/kafka:") {
			continue
		}
		dir := r.t.TempDir()
		text := regexp.MustCompile(`([\w-]*):(909[23])`).ReplaceAllStringFunc(properties(s), func(at string) string {
			host, port, _ := strings.Cut(at, ":")
			return r.address(cmp.Or(host, name) + ":" + port)
		})
		text = strings.ReplaceAll(text, "/var/lib/kafka/data", dir+"/data")
		file := filepath.Join(dir, "server.properties")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
		java := func(class string, args ...string) *exec.Cmd {
			return exec.Command("java", append([]string{"-cp", jars, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", class}, args...)...)
		}
		if out, err := java("kafka.tools.StorageTool", "format", "--cluster-id", *s.Environment["CLUSTER_ID"], "--config", file).CombinedOutput(); err != nil {
			r.t.Fatalf("%s: %v\n%s\n%s", name, err, out, text)
		}
		r.stores[name] = func() *exec.Cmd { return java("kafka.Kafka", file) }
		seeds = append(seeds, r.address(name+":9092"))
	}
	r.broker = strings.Join(seeds, ",")
}

// address is where what listens at host:port among the containers listens here.
func (r *rig) address(of string) string {
	if r.ports[of] == "" {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.t.Fatal(err)
		}
		r.ports[of] = ln.Addr().String()
		ln.Close()
	}
	return r.ports[of]
}

// local replaces the paths of mounts by those of the checkout.
func (r *rig) local(text string) string {
	return strings.NewReplacer(
		"/run/secrets/vendors", filepath.Join(r.dir, "compose/.secrets/vendors"),
		"/run/secrets", filepath.Join(r.dir, "compose/.secrets"),
		"/etc/hookline", filepath.Join(r.dir, "compose/config"),
	).Replace(text)
}

// command is a service's command in its environment.
func (r *rig) command(service string) *exec.Cmd {
	s, ok := r.project.Services[service]
	if !ok {
		r.t.Fatalf("no service %s", service)
	}
	cmd := exec.Command(binary(r.t), s.Command...)
	for name, value := range s.Environment {
		v := r.local(*value)
		switch {
		case name == "HOOKLINE_KAFKA_BROKERS":
			v = r.broker
		case name == "HOOKLINE_CLICKHOUSE_DSN":
			v = r.engine + "/hookline"
		case name == "HOOKLINE_CLICKHOUSE_PASSWORD":
			continue // the engine's one user has none
		case name == "HOOKLINE_CLICKHOUSE_REPLICATED":
			v = "false"
		case strings.HasPrefix(name, "HOOKLINE_TOPICS_") && !onApache():
			v = "1"
		case name == "HOOKLINE_TRUSTED_PROXIES":
			v = "127.0.0.1/32"
		case strings.HasSuffix(name, "LISTEN"):
			v = r.address(service + v)
		}
		cmd.Env = append(cmd.Env, name+"="+v)
	}
	return cmd
}

func (r *rig) launch(name string, cmd *exec.Cmd) {
	r.t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.running[name] = cmd
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
		if r.t.Failed() {
			r.t.Logf("%s said: …%s", name, log.Bytes()[max(0, log.Len()-2000):])
		}
	})
}

// start starts a service, and waits until its own health check says that it is ready where it is one of ours.
func (r *rig) start(service string) {
	r.t.Helper()
	if store, ok := r.stores[service]; ok {
		r.launch(service, store())
		return
	}
	r.launch(service, r.command(service))
	check := r.project.Services[service].HealthCheck.Test
	port := check[len(check)-1][strings.LastIndex(check[len(check)-1], ":"):]
	url := "http://" + r.address(service+strings.TrimSuffix(port, "/readyz")) + "/readyz"
	r.eventually(30*time.Second, func() error {
		if out, err := exec.Command(binary(r.t), check[2], url).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %v: %s", service, err, out)
		}
		return nil
	})
}

func (r *rig) signal(service string, s os.Signal) {
	r.t.Helper()
	if err := r.running[service].Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
	_, _ = r.running[service].Process.Wait()
}

func (r *rig) query(sql string) (string, error) {
	resp, err := http.Post(r.engine+"/", "text/plain", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, out)
	}
	return strings.TrimSpace(string(out)), err
}

func (r *rig) eventually(limit time.Duration, cond func() error) {
	r.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

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
