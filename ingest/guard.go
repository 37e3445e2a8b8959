package ingest

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// peerShare is the part of all connections that one address may hold: 1/peerShare.
const peerShare = 4

// guard bounds connections. It closes what is too much at once: a connection left waiting would hold up those
// behind it. Its state method is for http.Server.ConnState.
type guard struct {
	total   int // 0: no limit
	perPeer int
	trusted []netip.Prefix
	refused prometheus.Counter
	log     *slog.Logger
	seldom  rate.Sometimes

	mu     sync.Mutex
	open   int
	held   map[netip.Prefix]int
	closed map[net.Conn]struct{} // by us, and not yet reported as such
}

func newGuard(o LimitOptions, refused prometheus.Counter, log *slog.Logger) *guard {
	return &guard{
		total: o.MaxConnections, perPeer: max(1, o.MaxConnections/peerShare), trusted: o.TrustedProxies, refused: refused,
		log: log, seldom: rate.Sometimes{Interval: 10 * time.Second}, held: make(map[netip.Prefix]int), closed: make(map[net.Conn]struct{}),
	}
}

func (g *guard) state(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		addr := peerAddr(c)
		if g.enter(c, addr) {
			return
		}
		_ = c.Close()
		g.refused.Inc()
		g.seldom.Do(func() {
			g.log.Warn("too many connections: closing new ones (if the address is your own proxy, name it with --trusted-proxies)",
				"address", addr.String(), "max", g.total, "max_per_address", g.perPeer)
		})
	case http.StateClosed, http.StateHijacked:
		g.leave(c, peerAddr(c))
	}
}

func peerAddr(c net.Conn) netip.Addr {
	remote, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return remote.Addr().Unmap().WithZone("")
}

// enter counts a connection if there is room for it.
func (g *guard) enter(c net.Conn, addr netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	peer := peerOf(addr)
	if g.total > 0 && (g.open >= g.total || g.held[peer] >= g.perPeer && !contains(g.trusted, addr)) {
		g.closed[c] = struct{}{}
		return false
	}
	g.open++
	g.held[peer]++
	return true
}

func (g *guard) leave(c net.Conn, addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.closed[c]; ok {
		delete(g.closed, c)
		return
	}
	peer := peerOf(addr)
	g.open--
	if g.held[peer]--; g.held[peer] == 0 {
		delete(g.held, peer)
	}
}

func (g *guard) connections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// peerOf is who connections are counted by: an IPv4 address, or the /64 in which an IPv6 host picks its addresses.
func peerOf(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	peer, _ := addr.Prefix(bits) // fails for no address at all, which is a peer like any other
	return peer
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
