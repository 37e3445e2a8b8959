package ingest

import (
	"container/list"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

const (
	strangerIdle = 10 * time.Second       // a connection that never delivered anything verified may be idle for so long
	strangerBusy = 200 * time.Millisecond // and gives way to another connection in the middle of a request after so long
	strangerSlow = time.Second            // and to another delivery
)

// guard bounds connections. Where there are too many, one that waits for its next request gives way, the longest idle
// first and those that never delivered anything verified before the others; a new one is closed only where none does. Its
// methods context and state are for http.Server.
type guard struct {
	total   int // 0: no limit
	perPeer int
	trusted []netip.Prefix
	refused prometheus.Counter // closed though they, or what they would have to make way for, are vendors'
	evicted prometheus.Counter // strangers' that gave way
	log     *slog.Logger
	seldom  rate.Sometimes

	mu    sync.Mutex
	open  map[net.Conn]*connection
	held  map[netip.Prefix]int
	known int // of open, those that delivered something verified
	lists [classes]list.List
}

// connection is one that the guard counts.
type connection struct {
	conn   net.Conn
	peer   netip.Prefix
	known  bool // something verified came by it
	since  time.Time
	active bool
	class  int
	place  *list.Element // in the list of its class; nil for those that do not give way
}

// The classes of connections in the order in which they give way, each listed by how long it has been so.
const (
	idleStranger = iota
	slowStranger
	idleKnown
	classes
	inUse = classes // gives way to nobody
)

func newGuard(o LimitOptions, refused, evicted prometheus.Counter, log *slog.Logger) *guard {
	return &guard{
		total: o.MaxConnections, perPeer: max(1, o.MaxConnections/peerShare), trusted: o.TrustedProxies, refused: refused, evicted: evicted,
		log: log, seldom: rate.Sometimes{Interval: 10 * time.Second}, open: make(map[net.Conn]*connection), held: make(map[netip.Prefix]int),
	}
}

// handle is how a request finds its connection.
type handle struct {
	conn  net.Conn
	known atomic.Bool
}

type handleKey struct{}

func (g *guard) context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, handleKey{}, &handle{conn: c})
}

// isKnown says whether something verified came by a request's connection before.
func isKnown(ctx context.Context) bool {
	h, ok := ctx.Value(handleKey{}).(*handle)
	return ok && h.known.Load()
}

// verified notes that something verified came by a request's connection.
func (g *guard) verified(ctx context.Context) {
	h, ok := ctx.Value(handleKey{}).(*handle)
	if !ok || h.known.Swap(true) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.open[h.conn]; ok {
		c.known = true
		g.known++
		g.list(c)
	}
}

func (g *guard) state(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		g.admit(c, peerAddr(c), time.Now())
	case http.StateActive, http.StateIdle:
		g.mu.Lock()
		defer g.mu.Unlock()
		if known, ok := g.open[c]; ok {
			known.active, known.since = state == http.StateActive, time.Now()
			g.list(known)
		}
	case http.StateClosed, http.StateHijacked:
		g.mu.Lock()
		defer g.mu.Unlock()
		if known, ok := g.open[c]; ok {
			g.remove(known)
		}
	}
}

// admit counts a new connection, or closes it, or one that gives way.
func (g *guard) admit(c net.Conn, addr netip.Addr, now time.Time) {
	in, out := g.enter(c, addr, now)
	if out != nil {
		g.evicted.Inc()
		_ = out.Close()
	}
	if in {
		return
	}
	_ = c.Close()
	if !g.mostlyKnown() {
		g.evicted.Inc()
		return
	}
	g.refused.Inc()
	g.seldom.Do(func() {
		g.log.Warn("too many connections: closing new ones (if the address is your own proxy, name it with --trusted-proxies)",
			"address", addr.String(), "max", g.total, "max_per_address", g.perPeer)
	})
}

// enter counts a connection if there is space for it, and returns the one that has to be closed for it.
func (g *guard) enter(c net.Conn, addr netip.Addr, now time.Time) (in bool, out net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	peer := peerOf(addr)
	if g.total > 0 {
		full, own := len(g.open) >= g.total, g.held[peer] >= g.perPeer && !contains(g.trusted, addr)
		if full || own {
			victim := g.giveWay(now, func(v *connection) bool { return !own || v.peer == peer })
			if victim == nil {
				return false, nil
			}
			g.remove(victim)
			out = victim.conn
		}
	}
	added := &connection{conn: c, peer: peer, since: now, class: inUse}
	g.open[c] = added
	g.held[peer]++
	g.list(added)
	return true, out
}

// giveWay returns the first connection that may be closed for another; nil where there is none.
func (g *guard) giveWay(now time.Time, may func(*connection) bool) *connection {
	for class := range g.lists {
		if class == idleKnown && 2*g.known < len(g.open) {
			break // no number of strangers drives out a vendor
		}
		for e := g.lists[class].Front(); e != nil; e = e.Next() {
			c := e.Value.(*connection)
			if class == slowStranger && now.Sub(c.since) < strangerBusy {
				break // the rest are younger
			}
			if may(c) {
				return c
			}
		}
	}
	return nil
}

// makeWay closes a stranger's connection that takes long over its request, if there is one.
func (g *guard) makeWay(now time.Time) bool {
	g.mu.Lock()
	var victim *connection
	if e := g.lists[slowStranger].Front(); e != nil && now.Sub(e.Value.(*connection).since) >= strangerSlow {
		victim = e.Value.(*connection)
		g.remove(victim)
	}
	g.mu.Unlock()
	if victim == nil {
		return false
	}
	g.evicted.Inc()
	_ = victim.conn.Close()
	return true
}

// run closes strangers' connections that are idle for too long, until ctx is done.
func (g *guard) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, c := range g.idle(now) {
				_ = c.Close()
			}
		}
	}
}

// idle returns the strangers' connections that are idle for too long, which it counts no longer.
func (g *guard) idle(now time.Time) (out []net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for e := g.lists[idleStranger].Front(); e != nil; e = g.lists[idleStranger].Front() {
		c := e.Value.(*connection)
		if now.Sub(c.since) < strangerIdle {
			break
		}
		g.remove(c)
		out = append(out, c.conn)
	}
	return out
}

// list puts a connection at the end of the list of its class. The caller holds the lock.
func (g *guard) list(c *connection) {
	g.unlist(c)
	switch {
	case c.known && c.active:
		return
	case c.known:
		c.class = idleKnown
	case c.active:
		c.class = slowStranger
	default:
		c.class = idleStranger
	}
	c.place = g.lists[c.class].PushBack(c)
}

func (g *guard) unlist(c *connection) {
	if c.place != nil {
		g.lists[c.class].Remove(c.place)
		c.place, c.class = nil, inUse
	}
}

// remove ends the counting of a connection. The caller holds the lock.
func (g *guard) remove(c *connection) {
	g.unlist(c)
	delete(g.open, c.conn)
	if g.held[c.peer]--; g.held[c.peer] == 0 {
		delete(g.held, c.peer)
	}
	if c.known {
		g.known--
	}
}

func (g *guard) connections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}

// mostlyKnown says whether it is vendors that hold most connections: only then is it worth somebody's attention that there
// are too many.
func (g *guard) mostlyKnown() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return 2*g.known >= len(g.open)
}
