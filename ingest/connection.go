package ingest

import (
	"context"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// sweep is how often connections are looked at, and so how late a deadline may take effect.
const sweep = 100 * time.Millisecond

// listener accepts connections that cost an HTTP server less than those of the system. http.Server moves a
// connection's deadlines seven times for each request, and each time one of the runtime's timers; here a deadline is a number, and
// sweep looks which have passed.
type listener struct {
	net.Listener
	start time.Time    // that all times are counted from: it has a monotonic clock, so that nobody's setting of the other matters
	swept atomic.Int64 // when connections were last looked at

	mu   sync.Mutex
	open map[*connection]struct{}
}

func newListener(ln net.Listener) *listener {
	return &listener{Listener: ln, start: time.Now(), open: make(map[*connection]struct{})}
}

// Accept waits for the next connection, as net.Listener has it.
func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := accepted.(*net.TCPConn)
	if !ok {
		return accepted, nil
	}
	c := &connection{TCPConn: tcp, from: l}
	c.read.at.Store(never)
	c.write.at.Store(never)
	c.read.apply, c.write.apply = tcp.SetReadDeadline, tcp.SetWriteDeadline
	l.mu.Lock()
	l.open[c] = struct{}{}
	l.mu.Unlock()
	return c, nil
}

// sweep ends what takes too long on any connection, until ctx ends.
func (l *listener) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweep)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			l.look(now)
		}
	}
}

func (l *listener) look(at time.Time) {
	now := int64(at.Sub(l.start))
	l.swept.Store(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.read.look(now)
		c.write.look(now)
	}
}

// connection is a TCP connection of an HTTP/1 server.
type connection struct {
	*net.TCPConn
	from        *listener
	read, write deadline
	under       atomic.Bool // a request's header has been read, and it is not answered yet
}

// noteState is for http.Server.ConnState.
func noteState(c net.Conn, state http.ConnState) {
	if c, ok := c.(*connection); ok {
		c.under.Store(state == http.StateActive)
	}
}

// Read reads as a TCP connection does, but for one thing. While a request is handled http.Server reads a byte ahead, in
// a goroutine of its own, to cancel the request's context once the sender hangs up; to end that again costs more than
// a signature. A delivery that came whole is taken whether or not its sender waits for the answer, so that
// read is told that nothing has come: no error, no byte. All other reads under a request are for its body, and larger.
func (c *connection) Read(p []byte) (int, error) {
	if len(p) == 1 && c.under.Load() {
		return 0, nil
	}
	return c.TCPConn.Read(p)
}

// Close closes the connection, as net.Conn has it.
func (c *connection) Close() error {
	c.from.mu.Lock()
	delete(c.from.open, c)
	c.from.mu.Unlock()
	return c.TCPConn.Close()
}

// SetReadDeadline has reads fail that are not done by t or a sweep later, as net.Conn has it.
func (c *connection) SetReadDeadline(t time.Time) error { return c.read.set(t, c.from) }

// SetWriteDeadline does the same for writes.
func (c *connection) SetWriteDeadline(t time.Time) error { return c.write.set(t, c.from) }

// SetDeadline does both.
func (c *connection) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// deadline is when reads, or writes, of a connection begin to fail. Its times are nanoseconds since the listener's start.
type deadline struct {
	at     atomic.Int64
	passed atomic.Bool // the connection has been told

	mu    sync.Mutex // held while it is told
	apply func(time.Time) error
}

const never = math.MaxInt64

// set moves the deadline. One that is past already, which is how a read under way is ended, takes effect at once.
func (d *deadline) set(t time.Time, l *listener) error {
	at := int64(never)
	if !t.IsZero() {
		at = int64(t.Sub(l.start))
	}
	d.at.Store(at)
	if now := l.swept.Load(); at <= now || d.passed.Load() {
		return d.tell(now)
	}
	return nil
}

// look tells the connection if the deadline has passed.
func (d *deadline) look(now int64) {
	if d.at.Load() <= now && !d.passed.Load() {
		_ = d.tell(now) // fails only for a connection that is closed
	}
}

// tell has the connection know whether the deadline has passed. It looks again once it has spoken: set, which does not
// wait for it, stores the deadline first and looks at passed second.
func (d *deadline) tell(now int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		passed := d.at.Load() <= now
		if passed == d.passed.Load() {
			return nil
		}
		d.passed.Store(passed)
		var t time.Time
		if passed {
			t = time.Unix(1, 0)
		}
		if err := d.apply(t); err != nil {
			return err
		}
	}
}
