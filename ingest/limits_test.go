package ingest

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestTake(t *testing.T) {
	limited := func(rate, burst int) *source {
		return &source{bucket: newBucket(vendors.Limits{Rate: rate, Burst: burst})}
	}
	start := time.Now()
	type step struct {
		after time.Duration
		n     int
		wait  time.Duration
	}
	for name, tc := range map[string]struct {
		from  *source
		steps []step
	}{
		"no limit":                    {limited(0, 0), []step{{0, 1e6, 0}, {0, 1e6, 0}}},
		"the burst, then the rate":    {limited(10, 30), []step{{0, 30, 0}, {0, 1, time.Second}, {100 * time.Millisecond, 1, 0}, {0, 1, time.Second}}},
		"the wait is what is missing": {limited(1, 5), []step{{0, 5, 0}, {0, 4, 4 * time.Second}, {4 * time.Second, 4, 0}}},
		"a refusal costs nothing":     {limited(1, 2), []step{{0, 2, 0}, {0, 2, 2 * time.Second}, {0, 2, 2 * time.Second}, {2 * time.Second, 2, 0}}},
		"more than the bucket holds":  {limited(1, 10), []step{{0, 500, 0}, {0, 500, 10 * time.Second}, {10 * time.Second, 500, 0}}},
		"a handshake takes nothing":   {limited(1, 1), []step{{0, 1, 0}, {0, 0, 0}}},
	} {
		at := start
		for i, s := range tc.steps {
			at = at.Add(s.after)
			if wait := tc.from.take(s.n, at); (wait - s.wait).Abs() > time.Millisecond {
				t.Errorf("%s: step %d: wait %s, want %s", name, i, wait, s.wait)
			}
		}
	}
}

func TestClientAddress(t *testing.T) {
	proxies := LimitOptions{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")}}
	for _, tc := range []struct {
		name   string
		o      LimitOptions
		remote string
		xff    []string
		want   string
	}{
		{"direct", LimitOptions{}, "192.0.2.1:5", nil, "192.0.2.1"},
		{"no proxy is trusted", LimitOptions{}, "192.0.2.1:5", []string{"198.51.100.9"}, "192.0.2.1"},
		{"not even a private one", LimitOptions{}, "10.1.0.1:5", []string{"198.51.100.9"}, "10.1.0.1"},
		{"through the proxy", proxies, "10.1.0.1:5", []string{"198.51.100.9"}, "198.51.100.9"},
		{"through the proxy, by IPv6", proxies, "[2001:db8:1::7]:5", []string{"2001:db8:2::1"}, "2001:db8:2::1"},
		{"past the proxy", proxies, "192.0.2.1:5", []string{"198.51.100.9"}, "192.0.2.1"},
		{"another private address is no proxy", proxies, "10.2.0.1:5", []string{"198.51.100.9"}, "10.2.0.1"},
		{"nor is loopback", proxies, "127.0.0.1:5", []string{"198.51.100.9"}, "127.0.0.1"},
		{"a forged entry on the left", proxies, "10.1.0.1:5", []string{"198.51.100.9, 203.0.113.5"}, "203.0.113.5"},
		{"a forged header before the proxy's", proxies, "10.1.0.1:5", []string{"198.51.100.9", "203.0.113.5"}, "203.0.113.5"},
		{"a forged proxy on the left", proxies, "10.1.0.1:5", []string{"198.51.100.9, 10.1.0.2, 203.0.113.5"}, "203.0.113.5"},
		{"two proxies", proxies, "10.1.0.1:5", []string{"203.0.113.5, 10.1.9.9"}, "203.0.113.5"},
		{"no address", proxies, "10.1.0.1:5", []string{"unknown"}, "10.1.0.1"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = tc.remote
		r.Header["X-Forwarded-For"] = tc.xff
		if got := clientAddress(tc.o)(r); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestAllowed(t *testing.T) {
	list := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fe80::/10")}
	for address, want := range map[string]bool{
		"192.0.2.255":        true,
		"::ffff:192.0.2.1":   true,
		"2001:db8:ffff::1":   true,
		"fe80::1%eth0":       true,
		"192.0.3.1":          false,
		"2001:db9::1":        false,
		"192.0.2.1, 8.8.8.8": false,
		"":                   false,
	} {
		if got := allowed(list, address); got != want {
			t.Errorf("%q: got %v, want %v", address, got, want)
		}
	}
}

func TestGuard(t *testing.T) {
	g := newGuard(LimitOptions{MaxConnections: 8, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("2001:db8::7/128")}},
		prometheus.NewCounter(prometheus.CounterOpts{Name: "closed"}), slog.New(slog.DiscardHandler))
	type conn struct {
		net.TCPConn
		addr netip.Addr
	}
	var conns []*conn
	for i, tc := range []struct {
		addr string
		want bool
	}{
		{"192.0.2.1", true}, {"192.0.2.1", true}, {"192.0.2.1", false}, // a quarter of 8
		{"192.0.2.2", true},
		{"2001:db8:0:1::1", true}, {"2001:db8:0:1::2", true}, {"2001:db8:0:1::3", false}, // one /64
		{"2001:db8::7", true}, {"2001:db8::7", true}, {"2001:db8::7", true}, // the proxy …
		{"2001:db8::7", false}, {"192.0.2.3", false}, // … until there are 8 in all
	} {
		c := &conn{addr: netip.MustParseAddr(tc.addr)}
		conns = append(conns, c)
		if got := g.enter(c, c.addr); got != tc.want {
			t.Errorf("%d: %s: got %v, want %v", i, tc.addr, got, tc.want)
		}
	}
	for _, c := range conns {
		g.leave(c, c.addr)
	}
	if g.connections() != 0 || len(g.held) != 0 || len(g.closed) != 0 {
		t.Errorf("after all left: %d connections, %v, %v", g.connections(), g.held, g.closed)
	}
	unlimited := newGuard(LimitOptions{}, nil, nil)
	for range 100 {
		if !unlimited.enter(&conn{}, netip.Addr{}) {
			t.Fatal("refused without a limit")
		}
	}
}

func TestRoomHoldsWhatCameNotWhatWasAnnounced(t *testing.T) { // invariant 9
	r := &room{maxDeliveries: 3, maxBytes: 100}
	first, ok := r.enter(90)
	second, ok2 := r.enter(90)
	if !ok || !ok2 {
		t.Fatal("an announcement holds room")
	}
	if !first.grow(60) || second.grow(50) || !second.grow(40) {
		t.Error("want room for 60 and 40 bytes, not 50")
	}
	if _, ok := r.enter(1); ok {
		t.Error("let in though all bytes are held")
	}
	first.leave()
	third, ok := r.enter(60)
	if !ok {
		t.Error("not let in though there is room again")
	}
	if _, ok := r.enter(-1); !ok {
		t.Error("not let in with a body of unknown length")
	}
	if _, ok := r.enter(0); ok {
		t.Error("a fourth delivery was let in")
	}
	second.leave()
	third.leave()
	if r.bytes.Load() != 0 || r.deliveries.Load() != 1 {
		t.Errorf("%d bytes and %d deliveries held, want 0 and 1", r.bytes.Load(), r.deliveries.Load())
	}
}

func TestRoomUnderLoad(t *testing.T) {
	r := &room{maxDeliveries: 8, maxBytes: 1000}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 1000 {
				h, ok := r.enter(int64(i))
				if !ok {
					continue
				}
				for range 5 {
					h.grow(int64(i))
				}
				h.leave()
			}
		})
	}
	wg.Wait()
	if got := fmt.Sprint(r.bytes.Load(), r.deliveries.Load()); got != "0 0" {
		t.Errorf("left over: %s", got)
	}
}
