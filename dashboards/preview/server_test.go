package preview

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/hookline-io/hookline/dashboards"
)

// stub stands in for ClickHouse where a test is about what the server makes of its answers.
type stub struct {
	frame Frame
	err   error
	asked []string
}

func (s *stub) Query(_ context.Context, sql string) (Frame, error) {
	s.asked = append(s.asked, sql)
	return s.frame, s.err
}

func (s *stub) Ping(context.Context) error { return s.err }

// serving starts a server over engine, with the boards as they are generated.
func serving(t *testing.T, engine Engine) *httptest.Server {
	t.Helper()
	boards, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := Handler(Options{
		Boards: boards, Order: dashboards.UIDs(), Assets: assets(t), Engine: engine, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// assets is a folder with an empty file where the chart library should be.
func assets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, charts)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestPages(t *testing.T) {
	server := serving(t, &stub{})
	for path, want := range map[string]struct {
		status int
		kind   string
	}{
		"/":                          {200, "text/html"}, // redirected
		"/d/hookline-sales":          {200, "text/html"},
		"/d/nowhere":                 {404, "text/plain"},
		"/static/app.js":             {200, "text/javascript"},
		"/static/style.css":          {200, "text/css"},
		"/static/../go.mod":          {404, "text/plain"},
		"/assets/echarts.min.js":     {200, "text/javascript"},
		"/assets/package.json":       {404, "text/plain"},
		"/livez":                     {200, "text/plain"},
		"/readyz":                    {200, "text/plain"},
		"/api/boards/nowhere":        {404, "application/json"},
		"/api/boards/hookline-sales": {200, "application/json"},
	} {
		response, _ := get(t, server.URL+path)
		if response.StatusCode != want.status || !strings.HasPrefix(response.Header.Get("Content-Type"), want.kind) {
			t.Errorf("%s: %d, %s; want %d, %s", path, response.StatusCode, response.Header.Get("Content-Type"), want.status, want.kind)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused to 10.1.2.3 by user:password")}
	for name, test := range map[string]struct {
		path, query string
		err         error
		status      int
		want        string
	}{
		"unknown panel":  {path: "/panels/4711", status: 404, want: "no such panel: 4711"},
		"no panel":       {path: "/panels/x", status: 404, want: "no such panel"},
		"bad range":      {path: "/panels/1", query: "?from=tomorrow&to=now", status: 400, want: `"tomorrow" is no time`},
		"refused by SQL": {path: "/panels/1", err: &clickhouse.Exception{Code: 60, Message: "Unknown table"}, status: 502, want: "code 60): Unknown table"},
		"too slow":       {path: "/panels/1", err: context.DeadlineExceeded, status: 504, want: "Choose a shorter range"},
		"not there":      {path: "", err: refused, status: 502, want: "Is it running"},
	} {
		server := serving(t, &stub{err: test.err})
		response, body := get(t, server.URL+"/api/boards/hookline-sales"+test.path+test.query)
		var answer struct{ Error string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatalf("%s: %v: %s", name, err, body)
		}
		if response.StatusCode != test.status || !strings.Contains(answer.Error, test.want) {
			t.Errorf("%s: %d %q; want %d %q", name, response.StatusCode, answer.Error, test.status, test.want)
		}
		if strings.Contains(body, "password") {
			t.Errorf("%s: the answer shows a secret: %s", name, body)
		}
	}
}

func TestNotReadyWithoutClickHouse(t *testing.T) {
	server := serving(t, &stub{err: errors.New("down")})
	if response, body := get(t, server.URL+"/readyz"); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if response, body := get(t, server.URL+"/livez"); response.StatusCode != http.StatusOK {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

// The browser chooses a board, a panel, a range and values of variables; none of them may bring SQL along.
func TestRequestsCannotBringSQL(t *testing.T) {
	engine := &stub{}
	server := serving(t, engine)
	for _, name := range nasty {
		engine.asked = nil
		value := percentEncode(name)
		query := "?from=2025-01-01&to=2025-12-31&sql=SMUGGLED&var-currency=" + value + "&var-zone=" + value + "&var-vendor=" + value + "&var-vendor=b"
		if response, body := get(t, server.URL+"/api/boards/hookline-sales/panels/1"+query); response.StatusCode != http.StatusOK {
			t.Fatalf("%q: %d %s", name, response.StatusCode, body)
		}
		if len(engine.asked) != 2 {
			t.Fatalf("%q: %d queries were run, want the panel's two", name, len(engine.asked))
		}
		for _, sql := range engine.asked {
			if unencoded := value != name && name != "*" && strings.Contains(sql, name); unencoded || strings.Contains(sql, "SMUGGLED") {
				t.Errorf("%q stands unencoded in %s", name, sql)
			}
		}
	}
}

// A preview may refresh more often than Grafana should for everybody; a board that does not, never does.
func TestBoardsRefreshAsConfigured(t *testing.T) {
	boards, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for refresh, want := range map[time.Duration]map[string]string{
		0:               {dashboards.SalesUID: "1m", dashboards.JournalUID: ""},
		5 * time.Second: {dashboards.SalesUID: "5s", dashboards.JournalUID: ""},
		2 * time.Minute: {dashboards.SalesUID: "120s", dashboards.JournalUID: ""},
	} {
		handler, err := Handler(Options{Boards: boards, Assets: assets(t), Engine: &stub{}, Refresh: refresh, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for uid, want := range want {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/boards/"+uid, nil))
			var got boardView
			if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || got.Refresh != want {
				t.Errorf("set to %s, %s refreshes every %q, want %q (%v)", refresh, uid, got.Refresh, want, err)
			}
		}
	}
}

func TestHandlerRefusesToStart(t *testing.T) {
	boards, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for want, options := range map[string]Options{
		"no boards":        {Assets: assets(t)},
		"decode dashboard": {Assets: assets(t), Boards: map[string][]byte{"x.json": []byte(`{"uid":1}`)}},
		"echarts.min.js":   {Assets: t.TempDir(), Boards: boards},
		"needs a UID":      {Assets: assets(t), Boards: map[string][]byte{"x.json": []byte(`{"schemaVersion":42,"templating":{},"annotations":{}}`)}},
	} {
		if _, err := Handler(options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want an error with %q", err, want)
		}
	}
}
