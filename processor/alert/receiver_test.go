package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// receiver plays Alertmanager, or a webhook, over real HTTP: it is not the real thing, and takes whatever is JSON.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	mode     string // "" answers 200, "fail" 503, "redirect" 302, "hang" not at all
	requests []request
	release  chan struct{}
}

type request struct {
	path, auth, body string
}

func newReceiver(t *testing.T, mode string) *receiver {
	r := &receiver{mode: mode, release: make(chan struct{})}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		mode, release := r.mode, r.release
		if mode == "" {
			r.requests = append(r.requests, request{req.Method + " " + req.URL.Path, req.Header.Get("Authorization"), string(body)})
		}
		r.mu.Unlock()
		switch mode {
		case "fail":
			http.Error(w, "not now", http.StatusServiceUnavailable)
		case "redirect":
			http.Redirect(w, req, "/elsewhere", http.StatusFound)
		case "hang":
			select {
			case <-release:
			case <-req.Context().Done():
			}
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(func() {
		r.set("")
		r.Close()
	})
	return r
}

func (r *receiver) set(mode string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mode == "hang" {
		close(r.release)
		r.release = make(chan struct{})
	}
	r.mode = mode
}

func (r *receiver) got() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// alerts decodes all that arrived at an Alertmanager's API.
func (r *receiver) alerts(t *testing.T) (out []notification) {
	t.Helper()
	for _, q := range r.got() {
		var batch []notification
		if err := json.Unmarshal([]byte(q.body), &batch); err != nil {
			t.Fatalf("%v: %s", err, q.body)
		}
		out = append(out, batch...)
	}
	return out
}

func (r *receiver) count(n int) func() error {
	return func() error {
		if got := len(r.got()); got != n {
			return fmt.Errorf("%d requests, want %d", got, n)
		}
		return nil
	}
}

// logged keeps what is logged.
type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logged) count(parts ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			n++
		}
	}
	return n
}

// running is a Notifier that runs until the test ends or stop is called.
type running struct {
	*Notifier
	log  *logged
	reg  *prometheus.Registry
	stop func()
}

func start(t *testing.T, o Options) running {
	t.Helper()
	r := running{log: &logged{}, reg: prometheus.NewRegistry()}
	o.Instance = "host-1"
	n, err := New(slog.New(slog.NewTextHandler(r.log, nil)), r.reg, "hookline-test", o)
	if err != nil {
		t.Fatal(err)
	}
	r.Notifier = n
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	r.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(r.stop)
	return r
}

func (r running) metric(t *testing.T, name, destination string) float64 {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if destination == "" || slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == destination }) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return -1
}
