//go:build synctests

package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

var errCut = errors.New("the network is cut")

// link is one process's way to the brokers. Packets take time on it, and it can be cut, slowed down and frozen.
type link struct {
	network *kfake.VirtualNetwork

	mu      sync.Mutex
	rng     *rand.Rand
	conns   map[*conn]struct{}
	latency time.Duration // of one request, on average
	dead    bool          // for good
	down    bool          // dials are refused
	thawed  chan struct{} // closed while the link is not frozen
}

const usualLatency = 2 * time.Millisecond

func newLink(network *kfake.VirtualNetwork, rng *rand.Rand) *link {
	l := &link{network: network, rng: rng, conns: map[*conn]struct{}{}, latency: usualLatency, thawed: make(chan struct{})}
	close(l.thawed)
	return l
}

// DialContext connects to a broker; it is for kgo.Dialer.
func (l *link) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if err := l.wait(ctx.Done()); err != nil {
		return nil, err
	}
	inner, err := l.network.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead || l.down {
		return nil, errors.Join(errCut, inner.Close())
	}
	c := &conn{Conn: inner, link: l, closed: make(chan struct{})}
	l.conns[c] = struct{}{}
	return c, nil
}

// wait takes as long as a packet does, or until abort.
func (l *link) wait(abort <-chan struct{}) error {
	l.mu.Lock()
	thawed, dead, down := l.thawed, l.dead, l.down
	takes := l.latency/2 + time.Duration(l.rng.Int64N(int64(l.latency)))
	l.mu.Unlock()
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-abort:
		return net.ErrClosed
	}
	if dead || down {
		return errCut
	}
	select {
	case <-thawed:
		return nil
	case <-abort:
		return net.ErrClosed
	}
}

// cut closes all connections.
func (l *link) cut() {
	l.mu.Lock()
	conns := l.conns
	l.conns = map[*conn]struct{}{}
	l.mu.Unlock()
	for c := range conns {
		c.shut()
	}
}

// kill cuts the link for good: nothing that the process does has any effect from now on.
func (l *link) kill() {
	l.mu.Lock()
	l.dead = true
	l.mu.Unlock()
	l.thaw()
	l.cut()
}

func (l *link) setDown(down bool) {
	l.mu.Lock()
	l.down = down
	l.mu.Unlock()
	if down {
		l.cut()
	}
}

func (l *link) slow(latency time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latency = latency
}

// freeze lets nothing through until thaw, and loses nothing.
func (l *link) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.thawed:
		l.thawed = make(chan struct{})
	default:
	}
}

func (l *link) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.thawed:
	default:
		close(l.thawed)
	}
}

// conn is a connection over a link.
type conn struct {
	net.Conn
	link   *link
	once   sync.Once
	closed chan struct{}
}

func (c *conn) Write(b []byte) (int, error) {
	if err := c.link.wait(c.closed); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	return n, c.reason(err)
}

func (c *conn) Read(b []byte) (int, error) {
	if err := c.reason(nil); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	c.link.mu.Lock()
	thawed := c.link.thawed
	c.link.mu.Unlock()
	select {
	case <-thawed:
	case <-c.closed:
	}
	return n, c.reason(err)
}

// reason is err, or that the connection is closed.
func (c *conn) reason(err error) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	default:
		return err
	}
}

func (c *conn) Close() error {
	c.link.mu.Lock()
	delete(c.link.conns, c)
	c.link.mu.Unlock()
	c.shut()
	return nil
}

// shut closes the process's end only. The broker sees a connection on which nothing comes any more, as after a power
// failure: kfake never misses a member whose connection it sees closed before it has answered its JoinGroup.
func (c *conn) shut() {
	c.once.Do(func() {
		close(c.closed)
		_ = c.SetDeadline(time.Unix(1, 0)) // wakes who reads and writes
	})
}
