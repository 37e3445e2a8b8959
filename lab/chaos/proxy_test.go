package chaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// echo answers each line with itself.
func echo(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	return ln.Addr().String()
}

type caller struct {
	net.Conn
	lines *bufio.Reader
}

func call(t *testing.T, w *way) (*caller, error) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.port()))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return &caller{conn, bufio.NewReader(conn)}, nil
}

// say returns how long the answer took.
func (c *caller) say(within time.Duration) (time.Duration, error) {
	began := time.Now()
	_ = c.SetDeadline(began.Add(within))
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		return 0, err
	}
	_, err := c.lines.ReadString('\n')
	return time.Since(began), err
}

func TestWay(t *testing.T) {
	w, err := newWay("way", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	port := w.port()
	c, err := call(t, w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.say(5 * time.Second); err != nil {
		t.Fatal(err)
	}

	if err := w.poison("latency", map[string]any{"latency": 150}); err != nil {
		t.Fatal(err)
	}
	if took, err := c.say(5 * time.Second); err != nil || took < 300*time.Millisecond {
		t.Errorf("an answer on a slow way: %s, %v", took, err)
	}
	w.clean(context.Background())
	if took, err := c.say(5 * time.Second); err != nil || took > 250*time.Millisecond {
		t.Errorf("an answer on a clean way: %s, %v", took, err)
	}

	if err := w.poison("timeout", map[string]any{"timeout": 0}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.say(300 * time.Millisecond); err == nil {
		t.Error("an answer on a silent way")
	}
	w.clean(context.Background())

	if c, err = call(t, w); err != nil {
		t.Fatal(err)
	}
	if _, err := c.say(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	w.close()
	if _, err := c.say(5 * time.Second); err == nil {
		t.Error("a connection outlived the cut")
	}
	if _, err := call(t, w); err == nil {
		t.Error("a new connection over a way that is cut")
	}
	if err := w.open(); err != nil {
		t.Fatal(err)
	}
	if w.port() != port {
		t.Errorf("port %d became %d", port, w.port())
	}
	if c, err = call(t, w); err != nil {
		t.Fatal(err)
	}
	if _, err := c.say(5 * time.Second); err != nil {
		t.Error(err)
	}
}
