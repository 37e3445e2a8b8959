package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/hookline-io/hookline/compose/clickhouse"
	"github.com/hookline-io/hookline/compose/local/engine"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// open connects over the native protocol as the owner.
func open(t testing.TB, e *testkit.EngineProcess) driver.Conn {
	t.Helper()
	o, err := driver.ParseDSN(e.As(t, testkit.Owner))
	if err != nil {
		t.Fatal(err)
	}
	c, err := driver.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// What an INSERT was acknowledged for is there after SIGKILL; each other one is there whole or not at all, as each is
// one block.
func TestKilledWhileInserting(t *testing.T) {
	const batch, rounds = 5000, 4
	ctx := context.Background()
	e := testkit.Engine(t)
	e.Ask(t, "", "CREATE DATABASE h")
	e.Ask(t, "", "CREATE TABLE h.t (batch UInt64, n UInt64, text String) ENGINE = MergeTree ORDER BY (batch, n)")
	c := open(t, e)
	var answered []uint64
	next := uint64(0)
	for round := range rounds {
		var began atomic.Int64
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				next++
				began.Add(1)
				if insertBatch(ctx, c, next, batch) != nil {
					return
				}
				answered = append(answered, next)
			}
		}()
		testkit.Eventually(t, 30*time.Second, func() error {
			if began.Load() < int64(5+round) {
				return fmt.Errorf("%d batches", began.Load())
			}
			return nil
		})
		e.Kill() // while a batch is in flight
		<-stopped
		e.Restart()
	}
	if len(answered) < rounds {
		t.Fatalf("only %d batches were stored: this proves nothing", len(answered))
	}
	for _, number := range answered {
		if got := e.Ask(t, "h", fmt.Sprintf("SELECT count(), uniqExact(n) FROM t WHERE batch = %d", number)); got != fmt.Sprintf("%d\t%d", batch, batch) {
			t.Errorf("batch %d was acknowledged and has %s rows", number, got)
		}
	}
	if torn := e.Ask(t, "h", fmt.Sprintf("SELECT batch, count() FROM t GROUP BY batch HAVING count() != %d", batch)); torn != "" {
		t.Errorf("batches that are there in part: %s", torn)
	}
}

func insertBatch(ctx context.Context, c driver.Conn, number, size uint64) error {
	b, err := c.PrepareBatch(ctx, "INSERT INTO h.t")
	if err != nil {
		return err
	}
	for n := range size {
		if err := b.Append(number, n, strings.Repeat("x", 100)); err != nil {
			return err
		}
	}
	return b.Send()
}

// A second engine on the folder would ruin it.
func TestOneEngineAFolder(t *testing.T) {
	e := testkit.Engine(t)
	err := engine.Run(context.Background(), engine.Options{DataDir: e.DataDir(), HTTP: "127.0.0.1:0", Native: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "another engine is running") {
		t.Fatalf("the second engine ended with %v", err)
	}
}

// Other machines must not reach it.
func TestOnlyOnLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:8123", "localhost:8123", "8123"} {
		for _, o := range []engine.Options{{HTTP: address, Native: "127.0.0.1:0"}, {HTTP: "127.0.0.1:0", Native: address}} {
			o.DataDir, o.Log = t.TempDir(), slog.New(slog.DiscardHandler)
			if err := engine.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--listen") {
				t.Errorf("%+v: %v", address, err)
			}
		}
	}
}

// The server lives no longer than what started it, however that ends.
func TestTheServerEndsWithItsParent(t *testing.T) {
	e := testkit.Engine(t)
	for _, end := range []func(){e.Kill, e.Stop} {
		end()
		testkit.Eventually(t, 10*time.Second, func() error {
			r, err := http.Get(e.URL + "/ping")
			if err == nil {
				r.Body.Close()
				return errors.New("it still answers")
			}
			return nil
		})
		e.Restart()
		e.Ask(t, "", "SELECT 1")
	}
}

// A long query holds nothing up.
func TestStopIsBounded(t *testing.T) {
	e := testkit.Engine(t)
	c := open(t, e)
	slow := make(chan error, 1)
	go func() {
		slow <- c.Exec(context.Background(), "SELECT sleepEachRow(1) FROM numbers(1000) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0")
	}()
	testkit.Eventually(t, 10*time.Second, func() error {
		if e.Ask(t, "", "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleepEachRow(1)%'") != "1" {
			return errors.New("the query does not run yet")
		}
		return nil
	})
	began := time.Now()
	e.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopped after %v", took)
	}
	if err := <-slow; err == nil {
		t.Error("the long query has ended well")
	}
}

// A login that fails over the native protocol ends the library's process (see Serve): the engine is back at once, and has
// lost nothing.
func TestAFailedHandshakeLosesNothing(t *testing.T) {
	e := testkit.Engine(t)
	e.Ask(t, "", "CREATE DATABASE h")
	e.Ask(t, "", "CREATE TABLE h.t (n UInt64) ENGINE = MergeTree ORDER BY n")
	e.Ask(t, "", "INSERT INTO h.t VALUES (1)")
	for _, login := range []string{"owner:wrong@", "default@", "default:@"} {
		o, err := driver.ParseDSN("clickhouse://" + login + e.Native())
		if err != nil {
			t.Fatal(err)
		}
		c, err := driver.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Ping(t.Context()); err == nil {
			t.Errorf("%s logs in", login)
		}
		_ = c.Close()
	}
	owner, err := driver.ParseDSN(e.As(t, testkit.Owner) + "/h")
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 10*time.Second, func() error { // the process that answers first may be about to end
		c, err := driver.Open(owner)
		if err != nil {
			return err
		}
		defer c.Close()
		var rows uint64
		if err = c.QueryRow(t.Context(), "SELECT count() FROM t").Scan(&rows); err == nil && rows != 1 {
			err = fmt.Errorf("%d rows, want 1", rows)
		}
		return err
	})
}

// A disk is never filled to its end: the library takes no notice of a write that fails.
func TestSomeOfTheDiskIsKeptFree(t *testing.T) {
	e := testkit.Engine(t)
	var disk syscall.Statfs_t
	if err := syscall.Statfs(e.DataDir(), &disk); err != nil {
		t.Fatal(err)
	}
	want := strconv.FormatUint(engine.KeepFree(disk.Blocks*uint64(disk.Bsize)), 10) //nolint:gosec,unconvert // a size, of different types by system
	if got := e.Ask(t, "", "SELECT keep_free_space FROM system.disks WHERE name = 'default'"); got != want {
		t.Errorf("%s bytes are kept free, want %s", got, want)
	}
}

func TestPasswordsAreKeptFromOthers(t *testing.T) {
	e := testkit.Engine(t)
	seen := map[string]bool{}
	for _, user := range append(clickhouse.Users(), testkit.Owner) {
		info, err := os.Stat(e.PasswordFile(user))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", user, info.Mode().Perm())
		}
		password := e.Password(t, user)
		if len(password) < 20 || seen[password] {
			t.Errorf("%s has the password %q", user, password)
		}
		seen[password] = true
	}
	before := e.Password(t, "writer")
	e.Restart()
	if e.Password(t, "writer") != before {
		t.Error("a restart changed the password")
	}
}

// A page on the web can have a browser send these to a listener on this machine. None achieves anything.
func TestInvariant7_WebPagesAchieveNothing(t *testing.T) {
	e := testkit.Engine(t)
	e.Ask(t, "", "CREATE DATABASE hookline")
	e.Ask(t, "", "CREATE TABLE hookline.sales (n UInt64) ENGINE = MergeTree ORDER BY n")
	e.Ask(t, "", "INSERT INTO hookline.sales VALUES (1)")
	secret, written := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "written")
	if err := os.WriteFile(secret, []byte("hunter2"), 0o400); err != nil {
		t.Fatal(err)
	}
	statements := []string{
		"INSERT INTO FUNCTION file('" + written + "', 'CSV', 'a String') VALUES ('x')",
		"ALTER TABLE hookline.sales DELETE WHERE 1 SETTINGS mutations_sync = 2",
		"TRUNCATE TABLE hookline.sales",
		"SELECT * FROM file('" + secret + "', 'LineAsString', 'l String')",
		"SELECT * FROM url('" + e.URL + "/ping', 'LineAsString', 'l String')",
		"SELECT 1",
	}
	headers := []http.Header{
		{"Content-Type": {"text/plain"}, "Origin": {"http://evil.example"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}},
		{"Origin": {"null"}},
		{},
	}
	for _, statement := range statements {
		for _, header := range headers {
			for _, host := range []string{"evil.example", strings.TrimPrefix(e.URL, "http://")} {
				for _, query := range []string{"", "?user=default", "?user=default&max_sessions_for_user=0", "?user=default&session_id=a", "?user=owner&password="} {
					request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/"+query, strings.NewReader(statement))
					if err != nil {
						t.Fatal(err)
					}
					request.Header, request.Host = header.Clone(), host
					response, err := http.DefaultClient.Do(request)
					if err != nil {
						t.Fatal(err)
					}
					var body bytes.Buffer
					_, _ = body.ReadFrom(response.Body)
					response.Body.Close()
					if response.StatusCode == http.StatusOK || strings.Contains(body.String(), "hunter2") {
						t.Errorf("%s with %v to %s%s: %s %s", statement, header, host, query, response.Status, &body)
					}
				}
			}
		}
	}
	if got := e.Ask(t, "hookline", "SELECT count() FROM sales"); got != "1" {
		t.Errorf("%s sales are left", got)
	}
	if _, err := os.Stat(written); !os.IsNotExist(err) {
		t.Errorf("a file was written: %v", err)
	}
}

// A configuration of one's own is merged into the generated one, and is gone with the flag.
func TestOverride(t *testing.T) {
	e := testkit.EngineWith(t, "<clickhouse><max_concurrent_queries>77</max_concurrent_queries></clickhouse>")
	if got := e.Ask(t, "", "SELECT value FROM system.server_settings WHERE name = 'max_concurrent_queries'"); got != "77" {
		t.Errorf("max_concurrent_queries is %s", got)
	}
}

// An installed clickhouse gets the same configuration, in which nobody logs in as default.
func TestAnInstalledServer(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "clickhouse")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\necho \"$@\" \"${#CLICKHOUSE_WRITER_PASSWORD}\" >&2\nexit 3\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data & more")
	err := engine.Run(t.Context(), engine.Options{
		DataDir: data, HTTP: "127.0.0.1:0", Native: "127.0.0.1:0", Server: engine.Server{Binary: binary}, Log: slog.New(slog.DiscardHandler),
	})
	want := "server --config-file=" + filepath.Join(data, "clickhouse", "config.xml") + " 26"
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	users, err := os.ReadFile(filepath.Join(data, "clickhouse", "users.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(users), "<password></password>") || !strings.Contains(string(users), "<password_sha256_hex>") {
		t.Errorf("default may log in:\n%s", users)
	}
	config, err := os.ReadFile(filepath.Join(data, "clickhouse", "config.xml"))
	if err != nil || !strings.Contains(string(config), "data &amp; more/") {
		t.Errorf("%v:\n%s", err, config)
	}
}
