package ingest

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// Limits act in the order of their cost, so that a refusal is as cheap as can be:
//
//  1. connections, in all and per address, before a byte is read (guard)
//  2. size and duration of the header (http.Server), then path, vendor and method
//  3. the vendor's allowed addresses (allowed)
//  4. deliveries in flight and bytes of their bodies, in all and per address, before and while the body is read
//     (memoryLimiter)
//  5. size and duration of the body (readBody), then the signature
//  6. the vendor's rate (bucket), then its share of what waits for Kafka (queueShare)
//
// The rate comes last on purpose. A bucket that is filled before the signature is known could be emptied by anyone
// who knows a vendor's name, and the vendor's own deliveries would then get the 429. A limit per address for
// those who fail was weighed and left out: checking a signature adds about 4 µs to the 40 µs of a
// request (BenchmarkRefusal), so it would save next to nothing, while real vendors send from addresses that others share (hosting platforms, a
// proxy that was not declared), and would be refused for what a stranger did.

// LimitOptions are the flags that bound what strangers can make ingest hold.
type LimitOptions struct {
	MaxConnections int            `default:"4096" help:"Connections at once; 0 for no limit. One address may hold a quarter of them, unless it is a trusted proxy. More are closed at once."`
	MaxDeliveries  int64          `default:"2048" help:"Deliveries at once; 0 for no limit. More get 503 before their body is read."`
	MaxInflight    int64          `default:"268435456" help:"Bytes of bodies held at once, and once more as many waiting for Kafka; 0 for no limit. More get 503."`
	TrustedProxies []netip.Prefix `placeholder:"CIDR" help:"Addresses of your own proxies, such as 10.0.0.0/8. Only these are believed when X-Forwarded-For names the sender."`
}

// allowed says whether a vendor with that list of addresses may send from this one.
func allowed(list []netip.Prefix, address string) bool {
	addr, err := netip.ParseAddr(address)
	return err == nil && contains(list, addr.Unmap().WithZone(""))
}

// newBucket returns nil for a vendor without a rate. A reload of the vendors' file starts with a full one.
func newBucket(l vendors.Limits) *rate.Limiter {
	if l.Rate == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(l.Rate), l.Burst)
}

// take takes n events' worth from the vendor's bucket, or says how long to wait for them. A delivery of more
// events than the bucket holds takes it whole: it could never be accepted otherwise.
func (s *vendorEndpoint) take(n int, now time.Time) (wait time.Duration) {
	if s.bucket == nil {
		return 0
	}
	n = min(n, s.bucket.Burst())
	if s.bucket.AllowN(now, n) {
		return 0
	}
	missing := float64(n) - s.bucket.TokensAt(now)
	return max(time.Second, time.Duration(missing/float64(s.bucket.Limit())*float64(time.Second)))
}

// memoryLimiter bounds what deliveries in flight hold (invariant 9). No address may hold more than a share of it, so that
// one that is slow, or many at once, does not shut out the others.
type memoryLimiter struct {
	maxDeliveries, maxBytes int64
	deliveries, bytes       atomic.Int64
	trusted                 []netip.Prefix // proxies, which are many senders

	mu    sync.Mutex
	peers map[netip.Prefix]*reservation // what each address holds
}

// What an address may hold in any case, for small limits.
const (
	leastDeliveries = 32
	leastBytes      = 16 << 20
)

// open is how much of the limits there is for a delivery: a quarter is not for strangers, unless the limits are small.
func (r *memoryLimiter) open(known bool) (deliveries, bytes int64) {
	deliveries, bytes = r.maxDeliveries, r.maxBytes
	if !known && deliveries >= 2*leastDeliveries {
		deliveries -= deliveries / peerShare
	}
	if !known && bytes >= 2*leastBytes {
		bytes -= bytes / peerShare
	}
	return deliveries, bytes
}

// reservation is what one delivery has of the limits, or all of an address.
type reservation struct {
	limiter           *memoryLimiter
	addr              netip.Addr
	known             bool // it came by a connection that delivered something verified
	deliveries, bytes int64
}

// reserve admits a delivery, or says why it has to come again. announced is the length of its body, and -1 if that
// is not known. It is not held yet: otherwise a header of a few bytes could hold as much as the largest body. makeWay is
// asked to end another delivery where there is no space.
func (r *memoryLimiter) reserve(announced int64, addr netip.Addr, known bool, makeWay func() bool) (*reservation, error) {
	h := &reservation{limiter: r, addr: addr, known: known}
	if !r.share(h, 1, 0) {
		return nil, tooManyOfYours()
	}
	deliveries, bytes := r.open(known)
	full := bytes > 0 && r.bytes.Load()+max(announced, 0) > bytes
	n := r.deliveries.Add(1)
	if full = full || deliveries > 0 && n > deliveries; full && !makeWay() {
		h.release()
		return nil, busy(nil)
	}
	return h, nil
}

// grow holds n bytes more, or says why there is no space for them.
func (h *reservation) grow(n int64) error {
	if !h.limiter.share(h, 0, n) {
		return tooManyOfYours()
	}
	_, most := h.limiter.open(h.known)
	if total := h.limiter.bytes.Add(n); most > 0 && total > most {
		h.limiter.bytes.Add(-n)
		h.limiter.share(h, 0, -n)
		return busy(nil)
	}
	return nil
}

// release gives back all that is held.
func (h *reservation) release() {
	h.limiter.bytes.Add(-h.bytes)
	h.limiter.deliveries.Add(-1)
	h.limiter.share(h, -h.deliveries, -h.bytes)
}

// share adds to what h and its address hold, unless that were more than the address's share.
func (r *memoryLimiter) share(h *reservation, deliveries, bytes int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	peer := peerOf(h.addr)
	all, ok := r.peers[peer]
	if !ok {
		if r.peers == nil {
			r.peers = make(map[netip.Prefix]*reservation)
		}
		all = new(reservation)
		r.peers[peer] = all
	}
	over := deliveries > 0 && r.maxDeliveries > 0 && all.deliveries+deliveries > max(leastDeliveries, r.maxDeliveries/peerShare) ||
		bytes > 0 && r.maxBytes > 0 && all.bytes+bytes > max(leastBytes, r.maxBytes/peerShare)
	if over && !contains(r.trusted, h.addr) {
		return false
	}
	all.deliveries, all.bytes = all.deliveries+deliveries, all.bytes+bytes
	h.deliveries, h.bytes = h.deliveries+deliveries, h.bytes+bytes
	if all.deliveries == 0 {
		delete(r.peers, peer)
	}
	return true
}
