package load_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline-io/hookline/lab/bench/load"
)

func request(body string) []byte {
	return fmt.Appendf(nil, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// serve answers with handle until the test ends.
func serve(t *testing.T, handle http.HandlerFunc) (address string) {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// A server that takes one request at a time and stalls once must show the stall in every request that was due
// meanwhile, although only one was in its hands.
func TestStallShowsInEveryRequestDue(t *testing.T) {
	const stall, rate = 300 * time.Millisecond, 500
	turn := make(chan struct{}, 1)
	var served atomic.Int64
	address := serve(t, func(http.ResponseWriter, *http.Request) {
		turn <- struct{}{}
		defer func() { <-turn }()
		if served.Add(1) == 50 {
			time.Sleep(stall) // the fault under test, not a wait
		}
	})
	result, err := load.Run(t.Context(), load.Plan{Address: address, Requests: [][]byte{request("")}, Connections: 4, Rate: rate, For: time.Second})
	if err != nil || result.Failed > 0 {
		t.Fatal(err, result.Failure)
	}
	if n := len(result.Latencies); n != rate {
		t.Errorf("%d requests in a second at %d/s", n, rate)
	}
	late := 0
	for _, l := range result.Latencies {
		if l > stall/2 {
			late++
		}
	}
	// Half of the stall's arrivals were due in its first half: 75. A closed loop of 4 would have counted 4.
	if least := int(rate*stall.Seconds()/2) - 5; late < least {
		t.Errorf("%d requests took longer than half of the stall, want %d", late, least)
	}
}

func TestClosedLoop(t *testing.T) {
	var under, most atomic.Int64
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := under.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		defer under.Add(-1)
		body, _ := io.ReadAll(r.Body)
		if string(body) == "bad" {
			http.Error(w, "no", http.StatusTeapot)
		}
	})
	plan := load.Plan{Address: address, Requests: [][]byte{request("good"), request("bad")}, Connections: 3, For: 100 * time.Millisecond}
	result, err := load.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if n := most.Load(); n > 3 {
		t.Errorf("%d requests in flight at once, want 3 at most", n)
	}
	if good := len(result.Latencies); good == 0 || result.Failed == 0 || good-result.Failed > 3 || result.Failed-good > 3 {
		t.Errorf("%d good, %d failed; want as many of each", good, result.Failed)
	}
	if result.Failure == nil || !strings.Contains(result.Failure.Error(), "418: no") {
		t.Errorf("failure %v, want the answer's status and body", result.Failure)
	}
	if p50, p100 := result.Quantile(0.5), result.Quantile(1); p50 <= 0 || p50 > p100 {
		t.Errorf("p50 %v, longest %v", p50, p100)
	}
}
