package ingest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestTake(t *testing.T) {
	limited := func(rate, burst int) *vendorEndpoint {
		return &vendorEndpoint{bucket: newBucket(vendors.Limits{Rate: rate, Burst: burst})}
	}
	start := time.Now()
	type step struct {
		after time.Duration
		n     int
		wait  time.Duration
	}
	for name, tc := range map[string]struct {
		from  *vendorEndpoint
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
		{"with a port", proxies, "10.1.0.1:5", []string{"198.51.100.9:4711"}, "198.51.100.9"},
		{"IPv6 with a port", proxies, "10.1.0.1:5", []string{"[2001:db8:2::1]:4711"}, "2001:db8:2::1"},
		{"IPv6 in brackets", proxies, "10.1.0.1:5", []string{"[2001:db8:2::1]"}, "2001:db8:2::1"},
		{"IPv4 in IPv6", proxies, "10.1.0.1:5", []string{"::ffff:198.51.100.9"}, "198.51.100.9"},
		{"two proxies, with ports", proxies, "10.1.0.1:5", []string{"203.0.113.5:1, 10.1.9.9:2"}, "203.0.113.5"},
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

func TestRoomHoldsWhatCameNotWhatWasAnnounced(t *testing.T) { // invariant 9
	r := &memoryLimiter{maxDeliveries: 3, maxBytes: 100}
	enter := func(announced int64) (*reservation, error) {
		return r.reserve(announced, netip.Addr{}, false, func() bool { return false })
	}
	first, err := enter(90)
	second, err2 := enter(90)
	if err != nil || err2 != nil {
		t.Fatal("an announcement holds room")
	}
	if first.grow(60) != nil || second.grow(50) == nil || second.grow(40) != nil {
		t.Error("want room for 60 and 40 bytes, not 50")
	}
	if _, err := enter(1); err == nil {
		t.Error("let in though all bytes are held")
	}
	first.release()
	third, err := enter(60)
	if err != nil {
		t.Error("not let in though there is room again")
	}
	if _, err := enter(-1); err != nil {
		t.Error("not let in with a body of unknown length")
	}
	if _, err := enter(0); err == nil {
		t.Error("a fourth delivery was let in")
	}
	second.release()
	third.release()
	if r.bytes.Load() != 0 || r.deliveries.Load() != 1 {
		t.Errorf("%d bytes and %d deliveries held, want 0 and 1", r.bytes.Load(), r.deliveries.Load())
	}
}

func TestRoomUnderLoad(t *testing.T) {
	r := &memoryLimiter{maxDeliveries: 8, maxBytes: 1000}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 1000 {
				h, err := r.reserve(int64(i), netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 5)}), i%3 == 0, func() bool { return i%2 == 0 })
				if err != nil {
					continue
				}
				for range 5 {
					_ = h.grow(int64(i))
				}
				h.release()
			}
		})
	}
	wg.Wait()
	if got := fmt.Sprint(r.bytes.Load(), r.deliveries.Load(), len(r.peers)); got != "0 0 0" {
		t.Errorf("left over: %s", got)
	}
}

func TestRoomOfOneAddress(t *testing.T) { // invariant 9
	proxy, one, other := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")
	r := &memoryLimiter{maxDeliveries: 200, maxBytes: 100 << 20, trusted: []netip.Prefix{netip.PrefixFrom(proxy, 32)}}
	count := func(addr netip.Addr, n int) (in int, last error) {
		for range n {
			if _, err := r.reserve(0, addr, true, func() bool { return false }); err != nil {
				last = err
			} else {
				in++
			}
		}
		return in, last
	}
	if in, err := count(one, 60); in != 50 || asProblem(err).Status != http.StatusTooManyRequests {
		t.Errorf("one address has %d of 200 deliveries, and then %v", in, err)
	}
	if in, _ := count(netip.MustParseAddr("2001:db8::2"), 1); in != 0 {
		t.Error("another address of its /64 has a share of its own")
	}
	if in, err := count(proxy, 200); in != 150 || asProblem(err).Status != http.StatusServiceUnavailable {
		t.Errorf("a trusted proxy has %d of the other 150, and then %v", in, err)
	}
	made := false
	if _, err := r.reserve(0, other, true, func() bool { made = true; return true }); err != nil || !made {
		t.Errorf("a delivery that another made way for: %v", err)
	}
	bytes := &memoryLimiter{maxBytes: 100 << 20}
	h, err := bytes.reserve(0, one, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if h.grow(25<<20) != nil || h.grow(1) == nil {
		t.Error("want 25 of 100 MB for one address")
	}
}

func TestRoomForVendors(t *testing.T) { // invariant 9
	r := &memoryLimiter{maxDeliveries: 100}
	count := func(known bool) (in int) {
		for i := range 200 {
			addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
			if _, err := r.reserve(0, addr, known, func() bool { return false }); err == nil {
				in++
			}
		}
		return in
	}
	if strangers, vendors := count(false), count(true); strangers != 75 || vendors != 25 {
		t.Errorf("strangers have %d of 100 and vendors %d, want 75 and 25", strangers, vendors)
	}
}
