package engine_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/hookline-io/hookline/internal/testkit"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
}

// call sends a request as curl would.
func call(t *testing.T, method, address string, query url.Values, body []byte, header ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, address+"/?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

func TestHTTPInterface(t *testing.T) {
	e := testkit.Engine(t)
	c := open(t, e.DSN, nil)
	exec(t, c, "CREATE DATABASE h ENGINE = Atomic")
	exec(t, c, "CREATE TABLE h.t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
	steps := []struct {
		name, method string
		query        url.Values
		body         string
		status       int
		want         string // the response, or its beginning where it ends in …
	}{
		{"ping", "GET", nil, "", 200, "Ok.\n"},
		{"query in the URL", "GET", url.Values{"query": {"SELECT 1"}}, "", 200, "1\n"},
		{"query in the body", "POST", nil, "SELECT 1, 'x' FORMAT CSV", 200, "1,\"x\"\n"},
		{"query in both", "POST", url.Values{"query": {"SELECT 1"}}, "+ 1", 200, "2\n"},
		{"GET changes nothing", "GET", url.Values{"query": {"CREATE TABLE h.x (n UInt8) ENGINE = Memory"}}, "", 500, "Code: 164. …"},
		{"parameters", "POST", url.Values{"param_a": {"41"}, "param_s": {"it's \\0 ☃"}}, "SELECT {a:UInt8} + 1, {s:String}", 200, "42\tit\\'s \\0 ☃\n"},
		{"identifier parameter", "POST", url.Values{"param_d": {"h"}}, "SELECT count() FROM {d:Identifier}.t", 200, "0\n"},
		{"settings", "POST", url.Values{"max_threads": {"3"}}, "SELECT getSetting('max_threads')", 200, "3\n"},
		{"settings do not stay", "POST", nil, "SELECT getSetting('max_threads') = 3", 200, "0\n"},
		{"unknown setting", "POST", url.Values{"absent": {"3"}}, "SELECT 1", 404, "Code: 115. …"},
		{"setting that is no name", "POST", url.Values{"a b": {"3"}}, "SELECT 1", 404, "Code: 115. …"},
		{"database", "POST", url.Values{"database": {"h"}}, "SELECT currentDatabase()", 200, "h\n"},
		{"database that is no name", "POST", url.Values{"database": {"`h"}}, "SELECT 1", 404, "Code: 81. …"},
		{"default format", "POST", url.Values{"default_format": {"JSONEachRow"}}, "SELECT 1 AS a", 200, "{\"a\":1}\n"},
		{"session", "POST", url.Values{"session_id": {"1"}}, "SELECT 1", 501, "Code: 48. …"},
		{"insert values", "POST", nil, "INSERT INTO h.t VALUES (1, 'a;b'), (2, now() || '')", 200, ""},
		{"insert with data in the body", "POST", url.Values{"query": {"INSERT INTO h.t FORMAT TSV"}}, "3\tc\n4\td\n", 200, ""},
		{"insert with all in the body", "POST", nil, "INSERT INTO h.t (s, n) FORMAT JSONEachRow\n{\"n\":5,\"s\":\"e\"}\n\n{\"n\":6,\"s\":\"SELECT 1; \"}\n", 200, ""},
		{"insert with all in the URL", "POST", url.Values{"query": {"INSERT INTO h.t FORMAT CSV 7,g"}}, "", 200, ""},
		{"insert with settings", "POST", url.Values{"database": {"h"}}, "INSERT INTO t SETTINGS max_insert_block_size = 1 VALUES (8, 'h')", 200, ""},
		{"insert with parameters", "POST", url.Values{"param_n": {"9"}}, "INSERT INTO h.t SELECT {n:UInt64}, 'i'", 200, ""},
		{"insert through a function", "POST", nil, "INSERT INTO FUNCTION null('n UInt8') VALUES (1)", 200, ""},
		{"insert of nothing", "POST", url.Values{"query": {"INSERT INTO h.t FORMAT Native"}}, "", 200, ""},
		{"what was inserted", "POST", nil, "SELECT count(), sum(n), groupBitXor(cityHash64(n)) != 0 FROM h.t", 200, "9\t45\t1\n"},
		{"no rows", "POST", nil, "SELECT 1 WHERE 0", 200, ""},
		{"several statements", "POST", nil, "SELECT 1; SELECT 2", 400, "Code: 62. …"},
		{"one statement and a semicolon", "POST", nil, "SELECT 1;", 200, "1\n"},
		{"nothing", "POST", nil, " -- nothing\n", 400, "Code: 62. …"},
		{"NUL and invalid UTF-8", "POST", nil, "SELECT hex('\x00\xff')", 200, "00FF\n"},
	}
	for _, step := range steps {
		a := call(t, step.method, e.URL, step.query, []byte(step.body))
		prefix, isPrefix := strings.CutSuffix(step.want, "…")
		if a.status != step.status || isPrefix && !strings.HasPrefix(a.text, prefix) || !isPrefix && a.text != step.want {
			t.Errorf("%s: %d %q, want %d %q", step.name, a.status, a.text, step.status, step.want)
		}
	}
}

func TestHTTPHeaders(t *testing.T) {
	e := testkit.Engine(t)
	a := call(t, "POST", e.URL, url.Values{"query_id": {"q1"}}, []byte("SELECT number FROM numbers(10) FORMAT JSON"))
	if id := a.header.Get("X-ClickHouse-Query-Id"); id != "q1" {
		t.Errorf("query ID %q", id)
	}
	if kind := a.header.Get("Content-Type"); kind != "application/json; charset=UTF-8" {
		t.Errorf("content type %q", kind)
	}
	var summary map[string]string
	if err := json.Unmarshal([]byte(a.header.Get("X-ClickHouse-Summary")), &summary); err != nil || summary["result_rows"] != "10" {
		t.Errorf("summary %v, %v", summary, err)
	}
	var result struct{ Rows int }
	if err := json.Unmarshal([]byte(a.text), &result); err != nil || result.Rows != 10 {
		t.Errorf("%d rows, %v in %s", result.Rows, err, a.text)
	}
	a = call(t, "POST", e.URL, nil, []byte("SELECT * FROM absent"))
	if code := a.header.Get("X-ClickHouse-Exception-Code"); code != "60" {
		t.Errorf("exception code %q", code)
	}
}

func TestContentEncodings(t *testing.T) {
	e := testkit.Engine(t)
	query := []byte("SELECT 'x', number FROM numbers(3) FORMAT CSV")
	encode := func(w io.WriteCloser, out *bytes.Buffer) []byte {
		_, err := w.Write(query)
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	var zipped, stored, framed bytes.Buffer
	zs, err := zstd.NewWriter(&stored)
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string][]byte{
		"gzip": encode(gzip.NewWriter(&zipped), &zipped),
		"zstd": encode(zs, &stored),
		"lz4":  encode(lz4.NewWriter(&framed), &framed),
	}
	decoders := map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
		"lz4":  func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil },
	}
	for name, body := range bodies {
		a := call(t, "POST", e.URL, nil, body, "Content-Encoding", name, "Accept-Encoding", name)
		if got := a.header.Get("Content-Encoding"); got != name {
			t.Errorf("%s: answered in %q: %s", name, got, a.text)
			continue
		}
		r, err := decoders[name](strings.NewReader(a.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if plain, err := io.ReadAll(r); err != nil || string(plain) != "\"x\",0\n\"x\",1\n\"x\",2\n" {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
	for name, header := range map[string][]string{"unknown": {"Content-Encoding", "x"}, "broken": {"Content-Encoding", "gzip"}} {
		if a := call(t, "POST", e.URL, nil, []byte("junk"), header...); a.status != 500 || !strings.HasPrefix(a.text, "Code: ") {
			t.Errorf("%s: %d %q", name, a.status, a.text)
		}
	}
	if a := call(t, "POST", e.URL, url.Values{"query": {"INSERT INTO FUNCTION null('n UInt8') FORMAT CSV"}, "decompress": {"1"}}, []byte("junk")); a.status != 500 {
		t.Errorf("junk in place of frames: %d %q", a.status, a.text)
	}
}

// A client that goes away in the middle of its data leaves nothing behind: neither rows nor a statement that
// waits for more.
func TestBrokenInsert(t *testing.T) {
	e := testkit.Engine(t)
	c := open(t, e.DSN, nil)
	exec(t, c, "CREATE DATABASE h ENGINE = Atomic")
	exec(t, c, "CREATE TABLE h.t (n UInt64) ENGINE = MergeTree ORDER BY n")
	connection, err := net.Dial("tcp", strings.TrimPrefix(e.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	const half = "POST /?query=INSERT+INTO+h.t+FORMAT+TSV HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n1\n2\n3\n"
	if _, err := connection.Write([]byte(half)); err != nil {
		t.Fatal(err)
	}
	inserts := "SELECT count() FROM system.processes WHERE query LIKE 'INSERT%'"
	testkit.Eventually(t, 20*time.Second, func() error { return counts(c, inserts, 1) })
	if err := connection.Close(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error { return counts(c, inserts, 0) })
	if err := counts(c, "SELECT count() FROM h.t", 0); err != nil {
		t.Error(err)
	}
}

// A long SELECT delays neither inserts nor other queries.
func TestConcurrency(t *testing.T) {
	e := testkit.Engine(t)
	c := open(t, e.DSN, func(o *clickhouse.Options) { o.MaxOpenConns = 40 })
	exec(t, c, "CREATE DATABASE h ENGINE = Atomic")
	exec(t, c, "CREATE TABLE h.t (batch UInt64, n UInt64, text String) ENGINE = MergeTree ORDER BY (batch, n)")
	ctx, cancel := context.WithCancel(context.Background())
	slow := make(chan error, 1)
	go func() { slow <- c.Exec(ctx, "SELECT sleepEachRow(1) FROM numbers(1000) SETTINGS max_block_size = 1") }()
	testkit.Eventually(t, 10*time.Second, func() error { return running(c, 1) })
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 5 {
				if err := insertBatch(context.Background(), c, uint64(worker*5+i), 100); err != nil {
					t.Error(err)
				}
				var count uint64
				if err := c.QueryRow(context.Background(), "SELECT count() FROM h.t WHERE batch = ?", worker*5+i).Scan(&count); err != nil || count != 100 {
					t.Errorf("batch %d: %d rows, %v", worker*5+i, count, err)
				}
			}
		})
	}
	group.Wait()
	if err := running(c, 1); err != nil {
		t.Errorf("the long query ended early: %v", err)
	}
	cancel()
	if err := <-slow; !errors.Is(err, context.Canceled) {
		t.Errorf("the long query ended with %v", err)
	}
	// The engine stops working on a query that nobody waits for.
	testkit.Eventually(t, 10*time.Second, func() error { return running(c, 0) })
}

// running is an error unless that many long queries run.
func running(c driver.Conn, want uint64) error {
	return counts(c, "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleepEachRow%'", want)
}

// counts is an error unless the query returns want.
func counts(c driver.Conn, query string, want uint64) error {
	var count uint64
	err := c.QueryRow(context.Background(), query).Scan(&count)
	if err == nil && count != want {
		err = fmt.Errorf("%s is %d, want %d", query, count, want)
	}
	return err
}
