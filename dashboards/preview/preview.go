// Package preview renders the generated Grafana boards in a plain page, for places that have no Grafana. It
// knows variables, ranges, macros, transformations and panels, not boards: whatever the JSON says is drawn,
// and what it does not know it names instead of leaving it out.
//
// The server holds the boards and asks ClickHouse; the browser sends a board's UID, a panel's ID, the range
// and what was chosen, and draws the answer.
package preview

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed static
var static embed.FS

// Options is what a preview needs.
type Options struct {
	Boards  map[string][]byte // the generated dashboards by file name
	Order   []string          // UIDs of the boards in the order to list them; the first one is at "/"
	Assets  string            // folder of npm packages that holds echarts
	Engine  Engine
	Metrics *Metrics      // nil: panels that ask Prometheus say so
	Refresh time.Duration // of boards that refresh themselves; 0: as they say
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// charts is where the package echarts of npm keeps its library for browsers.
var charts = filepath.Join("echarts", "dist", "echarts.min.js")

// server answers the page's requests.
type server struct {
	Options
	boards []board
	slots  chan struct{} // bounds the queries in flight
	charts string
}

// Handler returns the page and what it asks for. It fails where a board cannot be decoded or the chart
// library is not in the assets.
func Handler(options Options) (http.Handler, error) {
	boards, err := load(options.Boards)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(boards, func(a, b board) int {
		return slices.Index(options.Order, a.uid) - slices.Index(options.Order, b.uid)
	})
	library := filepath.Join(options.Assets, charts)
	if _, err := os.Stat(library); err != nil {
		return nil, fmt.Errorf("the chart library is not at %s: give the folder that npm installed echarts 6 into: %w", library, err)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	const atOnce = 4
	s := &server{Options: options, boards: boards, slots: make(chan struct{}, atOnce), charts: library}

	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, fmt.Errorf("embedded files: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		first := url.URL{Path: "/d/" + boards[0].uid, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, first.String(), http.StatusFound)
	})
	mux.HandleFunc("GET /d/{uid}", s.page)
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(files)))
	mux.HandleFunc("GET /assets/echarts.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, s.charts) })
	mux.HandleFunc("GET /api/boards/{uid}", s.boardOf)
	mux.HandleFunc("GET /api/boards/{uid}/panels/{id}", s.panelOf)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", s.ready)
	return guarded(mux), nil
}

// guarded lets the page load only what this server sends: no inline script or style, no other origin.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

func (s *server) page(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.find(r.PathValue("uid")); !ok {
		http.Error(w, "There is no such board. Start at /.", http.StatusNotFound)
		return
	}
	http.ServeFileFS(w, r, static, "static/page.html")
}

func (s *server) boardOf(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, func(ctx context.Context, request request) (any, error) {
		view, err := request.view(ctx, s.Engine, s.Metrics)
		if s.Refresh > 0 && view.Refresh != "" {
			view.Refresh = fmt.Sprintf("%ds", int(s.Refresh.Seconds()))
		}
		for _, b := range s.boards {
			view.Boards = append(view.Boards, boardName{UID: b.uid, Title: text(b.model.Title)})
		}
		return view, err
	})
}

func (s *server) panelOf(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, func(ctx context.Context, request request) (any, error) {
		id, err := strconv.ParseUint(r.PathValue("id"), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: %q", errNoPanel, r.PathValue("id"))
		}
		frames, err := request.figures(ctx, s.Engine, s.Metrics, uint32(id))
		return map[string]any{"frames": frames}, err
	})
}

// answer reads the request, waits for its turn and writes what do returns, or the error and what to do.
func (s *server) answer(w http.ResponseWriter, r *http.Request, do func(context.Context, request) (any, error)) {
	found, ok := s.find(r.PathValue("uid"))
	if !ok {
		s.fail(w, r, http.StatusNotFound, "There is no such board. Start at /.", nil)
		return
	}
	asked, err := newRequest(found, r.URL.Query(), s.Now())
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error(), nil)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return
	}
	result, err := do(r.Context(), asked)
	switch {
	case r.Context().Err() != nil:
		return // the page has moved on
	case err != nil:
		status, advice := explain(err)
		s.fail(w, r, status, advice, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(result); err != nil {
		s.Log.Warn("answer not written", "path", r.URL.Path, "error", err)
	}
}

// explain says what an error of a request means and what to do.
func explain(err error) (status int, advice string) {
	var exception *clickhouse.Exception
	var network net.Error
	switch {
	case errors.Is(err, errNoPanel):
		return http.StatusNotFound, err.Error()
	case errors.Is(err, errMetrics):
		return http.StatusBadGateway, err.Error()
	case errors.As(err, &exception):
		return http.StatusBadGateway, fmt.Sprintf("ClickHouse refused the query (code %d): %s", exception.Code, exception.Message)
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, fmt.Sprintf("ClickHouse did not answer within %s. Choose a shorter range, or look at its load.",
			queryTimeout)
	case errors.As(err, &network):
		return http.StatusBadGateway, "ClickHouse cannot be reached. Is it running, and is the DSN right?"
	}
	return http.StatusBadGateway, err.Error()
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, status int, advice string, err error) {
	if err != nil {
		s.Log.Warn("request failed", "path", r.URL.Path, "status", status, "error", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(map[string]string{"error": advice}); err != nil {
		s.Log.Warn("answer not written", "path", r.URL.Path, "error", err)
	}
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if err := s.Engine.Ping(ctx); err != nil {
		http.Error(w, "ClickHouse does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

func (s *server) find(uid string) (board, bool) {
	at := slices.IndexFunc(s.boards, func(b board) bool { return b.uid == uid })
	if at < 0 {
		return board{}, false
	}
	return s.boards[at], true
}
