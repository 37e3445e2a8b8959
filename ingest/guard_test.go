package ingest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fakeConn is a connection from an address, whose end the guard can see.
type fakeConn struct {
	net.Conn
	g      *guard
	from   string
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.from), 1))
}

func (c *fakeConn) Close() error {
	if !c.closed {
		c.closed = true
		c.g.state(c, http.StateClosed)
	}
	return nil
}

func newTestGuard(total int) *guard {
	counter := func() prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts{Name: "n"}) }
	return newGuard(LimitOptions{MaxConnections: total, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("2001:db8::7/128")}},
		counter(), counter(), slog.New(slog.DiscardHandler))
}

// open opens a connection and takes it through states.
func (g *guard) testOpen(from string, known bool, states ...http.ConnState) *fakeConn {
	c := &fakeConn{g: g, from: from}
	ctx := g.context(context.Background(), c)
	g.state(c, http.StateNew)
	for _, state := range states {
		g.state(c, state)
	}
	if known {
		g.verified(ctx)
	}
	return c
}

const (
	active = http.StateActive
	idle   = http.StateIdle
)

// When there are too many connections, those go first that cost least to lose.
func TestConnectionsGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGuard(8)
		slow := g.testOpen("192.0.2.1", false, active)
		knownOld := g.testOpen("192.0.2.2", true, active, idle)
		time.Sleep(300 * time.Millisecond)
		fresh := g.testOpen("192.0.2.1", false, active)
		knownNew := g.testOpen("192.0.2.2", true, active, idle)
		strangerOld := g.testOpen("192.0.2.3", false, active, idle)
		time.Sleep(time.Millisecond)
		strangerNew := g.testOpen("192.0.2.3", false)
		busy := g.testOpen("192.0.2.4", true, active)
		busy2 := g.testOpen("192.0.2.4", true, active)
		if g.connections() != 8 {
			t.Fatalf("%d connections", g.connections())
		}
		for i, victim := range []*fakeConn{strangerOld, strangerNew, slow, knownOld, knownNew} {
			c := g.testOpen("198.51.100."+string(rune('1'+i)), true, active)
			if !victim.closed || c.closed || g.connections() != 8 {
				t.Errorf("%d: the wrong one gave way", i)
			}
		}
		if c := g.testOpen("203.0.113.1", false); !c.closed || fresh.closed || busy.closed || busy2.closed {
			t.Error("a new one did not give way to those in use")
		}
		time.Sleep(600 * time.Millisecond)
		if c := g.testOpen("203.0.113.1", false); c.closed || !fresh.closed {
			t.Error("one that became slow did not give way")
		}
	})
}

// One address has a quarter, and gives way to itself; a trusted proxy has as much as there is.
func TestConnectionsOfOneAddress(t *testing.T) {
	g := newTestGuard(8)
	other := g.testOpen("192.0.2.2", false, active, idle)
	first := g.testOpen("192.0.2.1", true, active, idle)
	g.testOpen("192.0.2.1", true, active)
	if c := g.testOpen("192.0.2.1", true, active); c.closed || !first.closed || other.closed {
		t.Error("want the oldest of the same address to give way")
	}
	if c := g.testOpen("192.0.2.1", false); !c.closed || other.closed {
		t.Error("want a third one closed, as both others are in use")
	}
	for _, host := range []string{"2001:db8:0:1::1", "2001:db8:0:1::2"} {
		g.testOpen(host, true, active)
	}
	if c := g.testOpen("2001:db8:0:1::3", true, active); !c.closed {
		t.Error("a /64 has more than a quarter")
	}
	for range 3 {
		if c := g.testOpen("2001:db8::7", true, active); c.closed {
			t.Error("the proxy's was closed")
		}
	}
	if c := g.testOpen("2001:db8::7", true, active); c.closed || !other.closed {
		t.Error("want the last idle one to give way to the proxy")
	}
	for c := range g.open {
		_ = c.Close()
	}
	if g.connections() != 0 || len(g.held) != 0 || g.known != 0 {
		t.Errorf("after all left: %d connections, %v, %d known", g.connections(), g.held, g.known)
	}
	unlimited := newTestGuard(0)
	for range 100 {
		if c := unlimited.testOpen("192.0.2.1", false); c.closed {
			t.Fatal("refused without a limit")
		}
	}
}

// A connection that never delivered anything verified is not kept for long.
func TestIdleStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGuard(8)
		sweep := func() {
			for _, c := range g.idle(time.Now()) {
				_ = c.Close()
			}
		}
		stranger, said := g.testOpen("192.0.2.1", false, active, idle), g.testOpen("192.0.2.2", false)
		known, inUse := g.testOpen("192.0.2.3", true, active, idle), g.testOpen("192.0.2.4", false, active)
		time.Sleep(9 * time.Second)
		sweep()
		if stranger.closed || said.closed {
			t.Error("closed too early")
		}
		time.Sleep(3 * time.Second)
		sweep()
		if !stranger.closed || !said.closed || known.closed || inUse.closed {
			t.Errorf("after 12 s: %t %t %t %t, want the strangers' closed", stranger.closed, said.closed, known.closed, inUse.closed)
		}
	})
}

// Strangers who are fast and many drive out no vendor's connection.
func TestStrangersDriveOutNoVendor(t *testing.T) {
	g := newTestGuard(8)
	vendor := g.testOpen("192.0.2.1", true, active, idle)
	for i := range 7 {
		g.testOpen("198.51.100."+string(rune('1'+i)), false, active)
	}
	for range 100 {
		if c := g.testOpen("203.0.113.1", false, active); !c.closed || vendor.closed {
			t.Fatalf("new one closed %t, vendor's closed %t", c.closed, vendor.closed)
		}
	}
}
