package scrape

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// The engine answers what the boards ask, of counters, gauges and histograms of two processes.
func TestRange(t *testing.T) {
	at := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE a_total counter\na_total{status=\"200\"} %d\n# TYPE lag gauge\nlag 7\n", 15*at)
		fmt.Fprintf(w, "# TYPE d histogram\nd_bucket{le=\"0.1\"} %[1]d\nd_bucket{le=\"+Inf\"} %[1]d\nd_sum 1\nd_count %[1]d\n", 10*at)
	}))
	defer server.Close()
	store, err := New([]string{server.URL, server.URL + "/other"}, 15*time.Second, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1_800_000_000, 0)
	for ; at < 20; at++ {
		if err := store.scrape(t.Context(), server.URL, start.Add(time.Duration(at)*15*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	for expr, want := range map[string]float64{
		`sum by (status) (rate(a_total[1m]))`:                            1,
		`max(lag or nothing)`:                                            7,
		`histogram_quantile(0.5, sum by (le) (rate(d_bucket[1m])))`:      0.05,
		`sum(nothing) or vector(3)`:                                      3,
		`count(lag{instance=~"127.0.0.1:.*"})`:                           1,
		`label_replace(vector(2), "reason", "none", "", "")`:             2,
		`sum by (status) (a_total) and deriv(sum(a_total)[2m:15s]) > 99`: -1, // nothing
	} {
		answer, err := store.Range(t.Context(), expr, start.Add(4*time.Minute), start.Add(4*time.Minute+30*time.Second), 15*time.Second)
		switch {
		case err != nil:
			t.Errorf("%s: %v", expr, err)
		case want == -1 && len(answer) == 0:
		case len(answer) != 1 || len(answer[0].Values) != 3 || answer[0].Values[2] < want-1e-9 || answer[0].Values[2] > want+1e-9:
			t.Errorf("%s: %+v, want %v", expr, answer, want)
		}
	}
	if _, err := store.Range(t.Context(), "sum(", start, start, time.Second); err == nil {
		t.Error("an expression that is none has an answer")
	}
	store.forget(start.Add(time.Hour))
	if len(store.series) > 0 {
		t.Errorf("%d series are kept for ever", len(store.series))
	}
}

func TestTargetsAreAddresses(t *testing.T) {
	if _, err := New([]string{"ingest:8081"}, time.Second, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("what is no address is taken")
	}
}

// A process that answers an error, or something else than metrics, costs only itself.
func TestBadTargets(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, "<html>")
	}))
	defer server.Close()
	store, err := New([]string{server.URL}, time.Second, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{server.URL + "/gone", server.URL + "/page", "http://127.0.0.1:1/"} {
		if err := store.scrape(t.Context(), target, time.Now()); err == nil {
			t.Errorf("%s was read", target)
		}
	}
}
