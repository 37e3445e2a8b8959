package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/testkit"
)

// listeners are this machine's own ports as `hookline local` and `hookline chaos` open them.
type listeners struct {
	kafka, preview, admin, faults string // host:port
}

func startListeners(t *testing.T) listeners {
	t.Helper()
	l := listeners{kafka: testkit.FreeAddress(t), preview: testkit.FreeAddress(t), admin: testkit.FreeAddress(t), faults: testkit.FreeAddress(t)}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "vendors.yaml"), "vendors:\n  acme:\n    preset: stripe\n    secrets: [env:ACME_SECRET]\n")
	charts := filepath.Join(dir, "node_modules", "echarts", "dist")
	if err := os.MkdirAll(charts, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(charts, "echarts.min.js"), "")
	run := func(ready string, arguments ...string) {
		cmd := program(t.Context(), arguments...)
		cmd.Dir, cmd.Env = dir, append(cmd.Env, "ACME_SECRET=whsec_test_whsec_test", "HOOKLINE_KAFKA_BROKERS="+l.kafka)
		log := new(testkit.Text)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Cancel()
			_ = cmd.Wait()
			if t.Failed() {
				t.Logf("%s: %s", arguments[0], log)
			}
		})
		testkit.Eventually(t, 30*time.Second, func() error {
			conn, err := net.Dial("tcp", ready)
			if err == nil {
				conn.Close()
			}
			return err
		})
	}
	run(l.faults, "broker", "--data-dir=broker", "--listen="+l.kafka, "--faults-listen="+l.faults)
	run(l.admin, "ingest", "--listen=127.0.0.1:0", "--admin-listen="+l.admin)
	run(l.preview, "preview", "--listen="+l.preview, "--assets=node_modules", "--clickhouse-dsn=http://127.0.0.1:1/hookline")
	return l
}

func faultOrder(t *testing.T) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Request": "Produce", "Error": "INVALID_RECORD", "Count": 1000})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A web page that somebody opens on this machine can do and read nothing here: neither by the name of its own that it
// has resolve to 127.0.0.1, nor from its own origin. Programs, and this machine's own pages, are answered.
func TestListenersRefuseWebPages(t *testing.T) {
	l := startListeners(t)
	for _, target := range []struct {
		name, method, address, path string
		status                      int // of a request that is allowed
	}{
		{"preview's page", "GET", l.preview, "/d/hookline-sales", 200},
		{"preview's figures", "GET", l.preview, "/api/boards/nowhere", 404},
		{"health", "GET", l.admin, "/livez", 200},
		{"metrics", "GET", l.admin, "/metrics", 200},
		{"profiles", "GET", l.admin, "/debug/pprof/cmdline", 200},
		{"faults", "POST", l.faults, "/", 400},
	} {
		_, port, _ := net.SplitHostPort(target.address)
		for _, sent := range []struct {
			name   string
			header map[string]string
			status int
		}{
			{"a program's", nil, target.status},
			{"localhost", map[string]string{"Host": "localhost:" + port}, target.status},
			{"IPv6", map[string]string{"Host": "[::1]:" + port}, target.status},
			{"typed into the browser", map[string]string{"Sec-Fetch-Site": "none"}, target.status},
			{"its own page", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://" + target.address}, target.status},
			{"a name that is rebound", map[string]string{"Host": "evil.example"}, 403},
			{"a name that is rebound, with the port", map[string]string{"Host": "evil.example:" + port}, 403},
			{"a rebound page's own request", map[string]string{"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 403},
			{"a name that looks like ours", map[string]string{"Host": "127.0.0.1.evil.example"}, 403},
			{"a name that ends in ours", map[string]string{"Host": "evil-localhost"}, 403},
			{"an address that is not ours", map[string]string{"Host": "203.0.113.9"}, 403},
			{"another origin", map[string]string{"Origin": "https://evil.example"}, 403},
			{"another port of this machine", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
			{"an origin that is hidden", map[string]string{"Origin": "null"}, 403},
			{"another site", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
			{"the same site", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
			{"a frame", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		} {
			request, err := http.NewRequest(target.method, "http://"+target.address+target.path, strings.NewReader("no order"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			for name, value := range sent.header {
				request.Header.Set(name, value)
			}
			request.Host = sent.header["Host"]
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != sent.status {
				t.Errorf("%s, %s: %s, want %d", target.name, sent.name, response.Status, sent.status)
			}
		}
	}
}

// The same from a real browser, which is what decides which headers are sent.
func TestABrowserCannotReachListeners(t *testing.T) {
	l := startListeners(t)
	evil := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><title>evil</title>")
	}))
	elsewhere, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("SKIPPED: no second loopback address for the page: %v", err)
	}
	evil.Listener = elsewhere
	evil.Start()
	defer evil.Close()
	b := newVisitor(t)

	for _, address := range []string{l.preview, l.admin, l.faults} {
		_, port, _ := net.SplitHostPort(address)
		for _, path := range []string{"/", "/metrics", "/debug/pprof/", "/api/boards/hookline-sales"} {
			b.visit("http://evil.example:" + port + path)
			if text := b.text(); !strings.Contains(text, "evil.example") || strings.Contains(text, "go_goroutines") {
				t.Errorf("%s%s by a name that is rebound: %.100s", address, path, text)
			}
		}
	}
	b.visit(evil.URL)
	for _, script := range []string{
		fmt.Sprintf(`fetch("http://%s/", {mode: "no-cors", method: "POST", body: %q})`, l.faults, faultOrder(t)),
		fmt.Sprintf(`fetch("http://%s/debug/pprof/profile?seconds=1", {mode: "no-cors"})`, l.admin),
		fmt.Sprintf(`fetch("http://%s/metrics", {mode: "no-cors"})`, l.admin),
		fmt.Sprintf(`fetch("http://%s/api/boards/hookline-sales", {mode: "no-cors"})`, l.preview),
	} {
		b.evaluate(script)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if got := b.statuses("http://127.0.0.1:"); len(got) < 4 {
			return fmt.Errorf("%d of 4 requests are answered: %v", len(got), got)
		}
		return nil
	})
	for url, status := range b.statuses("http://127.0.0.1:") {
		if status != http.StatusForbidden {
			t.Errorf("%s from a page on another address: %d", url, status)
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(l.kafka), kgo.RecordRetries(0), kgo.DisableIdempotentWrite())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	produce := func() error {
		return client.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("x")}).FirstErr()
	}
	if err := produce(); err != nil {
		t.Errorf("the page's order was obeyed: %v", err)
	}
	response, err := http.Post("http://"+l.faults+"/", "application/json", bytes.NewReader(faultOrder(t)))
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if response.StatusCode != http.StatusOK || produce() == nil {
		t.Errorf("a program's order: %s: %s; and the broker obeys: %t", response.Status, said, produce() != nil)
	}
}

// ClickHouse has its own listener, which asks for a password: a page can reach it and is refused.
func TestABrowserCannotUseTheEngine(t *testing.T) {
	e := testkit.Engine(t)
	e.Ask(t, "", "CREATE DATABASE h")
	e.Ask(t, "", "CREATE TABLE h.t (n UInt64) ENGINE = MergeTree ORDER BY n")
	e.Ask(t, "", "INSERT INTO h.t VALUES (1)")
	b := newVisitor(t)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(e.URL, "http://"))
	queries := []string{"/", "/?user=default", "/?user=default&session_id=a", "/?user=owner&password="}
	for _, query := range queries {
		b.visit("http://evil.example:" + port + query + "&query=SELECT%20'read%20by%20a%20page'")
		if text := b.text(); strings.Contains(text, "read by a page\n") || text == "read by a page" {
			t.Errorf("%s by a name that is rebound: %.100s", query, text)
		}
	}
	b.visit("http://evil.example:" + port + "/ping") // what the page's origin may read
	for _, query := range queries {
		b.evaluate(fmt.Sprintf(`fetch(%q, {mode: "no-cors", method: "POST", body: "TRUNCATE TABLE h.t"})`, e.URL+query))
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if got := b.statuses(e.URL); len(got) < len(queries) {
			return fmt.Errorf("%d of %d requests are answered: %v", len(got), len(queries), got)
		}
		return nil
	})
	for url, status := range b.statuses(e.URL) {
		if status == http.StatusOK {
			t.Errorf("%s from a page: %d", url, status)
		}
	}
	if got := e.Ask(t, "h", "SELECT count() FROM t"); got != "1" {
		t.Errorf("%s rows are left", got)
	}
}

// visitor is a headless Chromium in which evil.example is a name of this machine.
type visitor struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	answered map[string]int64 // statuses by URL
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED: no chromium to open the page with")
	}
	v := &visitor{t: t, answered: make(map[string]int64)}
	deadline, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(deadline, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("no-proxy-server", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP evil.example 127.0.0.1"))...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithListener(func(event any) {
		if answer, ok := event.(*network.EventResponseReceived); ok {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.answered[answer.Response.URL] = answer.Response.Status
		}
	}))
	t.Cleanup(cancel)
	v.ctx = ctx
	v.visit("about:blank")
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *visitor) visit(url string) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, chromedp.Navigate(url)); err != nil {
		v.t.Fatalf("%s: %v", url, err)
	}
}

func (v *visitor) text() string {
	v.t.Helper()
	text, err := chromedp.Run(v.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		v.t.Fatal(err)
	}
	return text
}

// evaluate starts a script and does not wait for what it promises.
func (v *visitor) evaluate(script string) {
	v.t.Helper()
	if _, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("void ("+script+"), true")); err != nil {
		v.t.Fatal(err)
	}
}

// statuses are those of the answers to URLs that begin so.
func (v *visitor) statuses(prefix string) map[string]int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	found := make(map[string]int64)
	for url, status := range v.answered {
		if strings.HasPrefix(url, prefix) {
			found[url] = status
		}
	}
	return found
}
