package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
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

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/compose/local/demo"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/verify"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/internal/testkit/published"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// The tests of this file run the binary as a user does: `hookline local`, every part a process of its own.

// build makes the binary, once.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hookline-test-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "hookline")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// stack is a running `hookline local`.
type stack struct {
	t                  *testing.T
	dir                string
	ingest, clickhouse string
	admins             []string // of ingest and the processor
	sender             *sender.Sender
}

// start runs the stack for vendors.yaml, whose secrets stand beside it.
func start(t *testing.T, vendorsYAML string, secrets map[string]string) *stack {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, dir: t.TempDir()}
	file := filepath.Join(s.dir, "vendors.yaml")
	write(t, file, vendorsYAML)
	for name, secret := range secrets {
		write(t, filepath.Join(s.dir, name), secret)
	}
	ports := freePorts(t, 6)
	s.ingest, s.clickhouse = "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1]
	s.admins = []string{"http://127.0.0.1:" + ports[4], "http://127.0.0.1:" + ports[5]}
	cmd := exec.Command(binary, "local", "--data-dir", filepath.Join(s.dir, "data"), "--vendors", file, "--port", ports[0],
		"--clickhouse-port", ports[1], "--kafka-port", ports[2], "--preview-port", ports[3], "--ingest-admin-port", ports[4], "--processor-admin-port", ports[5])
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	var log bytes.Buffer
	ready, drained := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drained)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(&log, lines.Text())
			if strings.HasPrefix(lines.Text(), "hookline is ready") {
				close(ready)
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-drained
		if err := cmd.Wait(); err != nil {
			t.Errorf("the stack ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the stack said:\n%s", log.Bytes())
		}
	})
	select {
	case <-ready:
	case <-drained:
		t.Fatal("the stack did not start")
	case <-time.After(3 * time.Minute):
		t.Fatal("the stack is not ready")
	}
	config, err := vendors.Load(file, vendors.Options{Schemes: verify.Names()})
	if err != nil {
		t.Fatal(err)
	}
	if s.sender, err = sender.New(s.ingest, config, &http.Client{Timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stack) send(vendor string, header http.Header, body []byte) (sender.Answer, sender.Signed) {
	s.t.Helper()
	signed, err := s.sender.Sign(sender.Delivery{Vendor: vendor, ID: "msg_" + vendor, Header: header, Body: body}, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := s.sender.Post(s.t.Context(), signed)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, signed
}

// query returns the rows that a query gives, as tab-separated text.
func (s *stack) query(query string) ([][]string, error) {
	resp, err := http.Post(s.clickhouse+"/?database=hookline&default_format=TabSeparated", "text/plain", strings.NewReader(query))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s %w", resp.StatusCode, text, err)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if line != "" {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	return rows, nil
}

// rows waits for a query to give n rows.
func (s *stack) rows(n int, within time.Duration, query string) (rows [][]string) {
	s.t.Helper()
	testkit.Eventually(s.t, within, func() (err error) {
		if rows, err = s.query(query); err == nil && len(rows) != n {
			err = fmt.Errorf("%d rows, want %d: %v", len(rows), n, rows)
		}
		return err
	})
	return rows
}

// Every body that a vendor has published, signed as that vendor signs and posted, becomes the event and the sale that
// it must become.
func TestPublishedPayloadsThroughTheStack(t *testing.T) {
	deliveries := published.Read(t)
	var config strings.Builder
	config.WriteString("vendors:\n")
	secrets := map[string]string{
		"text": "a secret for tests", "hex": hex.EncodeToString(make([]byte, 32)), "whsec": demo.NewSecret(true), "key": privateKey(t),
	}
	for i, d := range deliveries {
		secret := map[string]string{"adyen": "hex", "sendgrid": "key", "standard-webhooks": "whsec"}[d.Preset]
		if secret == "" {
			secret = "text"
		}
		fmt.Fprintf(&config, "  v%d:\n    preset: %s\n    secrets: [file:%s]\n", i, d.Preset, secret)
		if d.Preset == "paypal" { // only PayPal has the key to its certificate
			config.WriteString("    signature: {scheme: hub}\n")
		}
	}
	s := start(t, config.String(), secrets)
	for i, d := range deliveries {
		t.Run(d.File, func(t *testing.T) {
			s := *s
			s.t = t
			vendor := "v" + strconv.Itoa(i)
			answer, signed := s.send(vendor, d.Header, d.Body)
			if answer.Status != http.StatusOK {
				t.Fatalf("%d %s", answer.Status, answer.Body)
			}
			events := s.rows(len(d.Events), 10*time.Second, `SELECT e.event_id, e.type, toUnixTimestamp64Milli(e.occurred_at), e.effect, s.amount, s.currency, s.order_id,
				position(unhex('`+hex.EncodeToString(signed.Body)+`'), e.payload) > 0, e.error
				FROM events AS e FINAL LEFT JOIN (SELECT * FROM sales FINAL) AS s ON s.vendor = e.vendor AND s.event_id = e.event_id
				WHERE e.vendor = '`+vendor+`' AND (e.effect = '' OR s.event_id != '') ORDER BY e.kafka_partition, e.kafka_offset`)
			for _, row := range events {
				if row[7] != "1" {
					t.Error("the payload stored is not what was signed")
				}
				if row[8] != "" {
					t.Errorf("error: %s", row[8])
				}
			}
			if len(events) == 1 {
				d.Events[0].Check(t, stored(t, events[0]))
				return
			}
			// Items go to partitions by their IDs, so their order is not kept: count the effects.
			effects := map[string]int{}
			for j, row := range events {
				effects[stored(t, row).Effect]++
				effects[d.Events[j].Effect]--
			}
			for effect, n := range effects {
				if n != 0 {
					t.Errorf("%+d events of effect %s", n, effect)
				}
			}
		})
	}
}

func stored(t *testing.T, row []string) published.Event {
	t.Helper()
	millis, err := strconv.ParseInt(row[2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	e := published.Event{ID: row[0], Type: row[1], Time: time.UnixMilli(millis), Effect: row[3], Currency: row[5], Order: row[6]}
	if e.Effect == "" {
		e.Effect = "none"
	}
	if e.Amount, err = decimal.NewFromString(row[4]); err != nil {
		t.Fatal(err)
	}
	return e
}

const plainVendor = `
vendors:
  acme:
    preset: hub
    secrets: [file:secret]
    events: {id: id, type: type, time: {path: at, format: rfc3339}}
    sales:
      paid: {effect: sale, key: id, amount: amount, unit: major, currency: {const: USD}}
`

func startPlain(t *testing.T) *stack {
	t.Helper()
	return start(t, plainVendor, map[string]string{"secret": "a secret for tests"})
}

func TestASignedPostBecomesABar(t *testing.T) {
	s := startPlain(t)
	posted := time.Now()
	if answer, _ := s.send("acme", nil, []byte(`{"id":"evt_1","type":"paid","at":"2026-03-31T23:30:00Z","amount":"12.34"}`)); answer.Status != http.StatusOK {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	s.rows(1, 2*time.Second, "SELECT 1 FROM sales FINAL WHERE sale_key = 'evt_1' AND amount = 12.34")
	row := time.Since(posted)
	s.rows(1, 15*time.Second, "SELECT 1 FROM sales_per_month WHERE zone = 'UTC' AND month = '2026-03-01' AND vendor = 'acme' AND net = 12.34")
	t.Logf("POST to row %s, POST to chart %s", row.Round(time.Millisecond), time.Since(posted).Round(time.Millisecond))
}

// The whole contract of refusals is tested in package ingest; this is the binary with its default limits.
func TestTheBinaryRefusesAsItPromises(t *testing.T) {
	s := startPlain(t)
	good := []byte(`{"id":"evt_1","type":"ping"}`)
	for _, tc := range []struct {
		name   string
		body   []byte
		edit   func(*sender.Signed)
		status int
	}{
		{"wrong signature", good, func(d *sender.Signed) { d.Body = append(d.Body, ' ') }, 403},
		{"unknown vendor", good, func(d *sender.Signed) { d.URL = s.ingest + "/webhooks/nobody" }, 404},
		{"not JSON", []byte(`{"id":`), func(*sender.Signed) {}, 400},
		{"2 MB", []byte(`{"id":"` + strings.Repeat("x", 2<<20) + `"}`), func(*sender.Signed) {}, 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			signed, err := s.sender.Sign(sender.Delivery{Vendor: "acme", Body: tc.body}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			tc.edit(&signed)
			answer, err := s.sender.Post(t.Context(), signed)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Status != tc.status || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %s %s", answer.Status, answer.Header, answer.Body)
			}
		})
	}
	t.Run("broker down", func(t *testing.T) { // invariant 1
		broker := s.process("broker")
		sendSignal(t, broker, syscall.SIGSTOP)
		testkit.Eventually(t, 5*time.Second, func() error { // a signal takes its time on a busy machine
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", broker))
			if err == nil && !bytes.Contains(stat, []byte(") T ")) {
				err = errors.New("the broker still runs")
			}
			return err
		})
		defer sendSignal(t, broker, syscall.SIGCONT)
		began := time.Now()
		answer, _ := s.send("acme", nil, good)
		took := time.Since(began)
		if answer.Status != http.StatusInternalServerError || took > 4*time.Second {
			t.Errorf("%d after %s: %s", answer.Status, took, answer.Body)
		}
		sendSignal(t, broker, syscall.SIGCONT)
		testkit.Eventually(t, 15*time.Second, func() error {
			if answer, _ := s.send("acme", nil, good); answer.Status != http.StatusOK {
				return fmt.Errorf("%d %s", answer.Status, answer.Body)
			}
			return nil
		})
	})
}

func TestInvariant8_BadInputCostsOnlyItself(t *testing.T) {
	s := startPlain(t)
	at := `"at":"2026-03-01T00:00:00Z"`
	bodies := map[string]string{
		"duplicate-keys": `{"id":"duplicate-keys","type":"paid",` + at + `,"amount":"1","amount":"2"}`,
		"huge-number":    `{"id":"huge-number","type":"paid",` + at + `,"amount":1e999999999}`,
		"deep":           `{"id":"deep","type":"note",` + at + `,"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
		"not-utf8":       "{\"id\":\"not-utf8\",\"type\":\"note\"," + at + ",\"x\":\"\xff\xfe\"}",
		"nul":            `{"id":"nul","type":"note",` + at + `,"x":"\u0000"}`,
		"1970":           `{"id":"1970","type":"paid","at":"1970-01-01T00:00:01Z","amount":"1"}`,
		"2262":           `{"id":"2262","type":"paid","at":"2262-04-12T00:00:00Z","amount":"1"}`,
		"no-time":        `{"id":"no-time","type":"paid","at":"yesterday","amount":"1"}`,
	}
	for name, body := range bodies {
		if answer, _ := s.send("acme", nil, []byte(body)); answer.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
		good := fmt.Sprintf(`{"id":"good-%s","type":"paid",%s,"amount":"1"}`, name, at)
		if answer, _ := s.send("acme", nil, []byte(good)); answer.Status != http.StatusOK {
			t.Errorf("after %s: %d %s", name, answer.Status, answer.Body)
		}
	}
	s.rows(len(bodies), 10*time.Second, "SELECT event_id FROM events FINAL WHERE startsWith(event_id, 'good-') AND effect = 'sale'")
	for name, body := range bodies {
		s.rows(1, 10*time.Second, "SELECT 1 FROM events FINAL WHERE event_id = '"+name+"' AND payload = unhex('"+hex.EncodeToString([]byte(body))+"')")
	}
	s.rows(4, 10*time.Second, "SELECT event_id FROM events FINAL WHERE error != ''")
}

// process returns the ID of a part's process.
func (s *stack) process(part string) int {
	s.t.Helper()
	out, err := exec.Command("pgrep", "-f", "--", "hookline "+part+" --data-dir="+filepath.Join(s.dir, "data")).Output()
	if err != nil {
		s.t.Fatalf("find the %s: %v", part, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

func sendSignal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Error(err)
	}
}

func privateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		ports = append(ports, port)
	}
	return ports
}
