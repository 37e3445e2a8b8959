package ingest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest"
)

// pair returns both ends of a connection that a listener of ingest's has accepted.
func pair(t *testing.T) (look func(time.Time), ours, theirs net.Conn) {
	t.Helper()
	system, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := ingest.NewListener(system)
	theirs, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = ours.Close(), theirs.Close(), ln.Close() })
	return ln.Look, ours, theirs
}

func TestDeadlines(t *testing.T) { // invariant 9
	look, ours, theirs := pair(t)
	now := time.Now()
	look(now)
	set := func(of func(time.Time) error, to time.Time) {
		t.Helper()
		if err := of(to); err != nil {
			t.Fatal(err)
		}
	}
	one := make([]byte, 1)
	pending := make(chan error)
	read := func() { go func() { _, err := ours.Read(make([]byte, 1)); pending <- err }() }

	set(ours.SetReadDeadline, now.Add(time.Minute))
	read()
	look(now.Add(59 * time.Second))
	select {
	case err := <-pending:
		t.Fatalf("a read ended before its time: %v", err)
	default:
	}
	look(now.Add(61 * time.Second))
	if err := <-pending; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want that the deadline has passed", err)
	}
	if _, err := ours.Read(one); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read again: got %v, want that the deadline has passed", err)
	}
	if _, err := ours.Write(one); err != nil {
		t.Errorf("a write under the deadline of reads: %v", err)
	}

	set(ours.SetReadDeadline, time.Time{})
	read()
	look(now.Add(time.Hour))
	if _, err := theirs.Write(one); err != nil {
		t.Fatal(err)
	}
	if err := <-pending; err != nil {
		t.Errorf("read without a deadline: %v", err)
	}

	// One in the past ends a read under way, without a look.
	read()
	set(ours.SetReadDeadline, time.Unix(1, 0))
	if err := <-pending; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline in the past: got %v", err)
	}

	set(ours.SetDeadline, now.Add(2*time.Hour))
	look(now.Add(3 * time.Hour))
	if _, err := ours.Write(one); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write after its deadline: got %v", err)
	}
}

// Whoever moves a deadline while it is looked at has the last word.
func TestDeadlineMovedWhileLookedAt(t *testing.T) {
	look, ours, theirs := pair(t)
	start := time.Now()
	var sweeper sync.WaitGroup
	stop := make(chan struct{})
	sweeper.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				look(start.Add(time.Duration(n%7) * time.Second))
			}
		}
	})
	for n := range 20_000 {
		_ = ours.SetReadDeadline(start.Add(time.Duration(n%5) * time.Second))
	}
	_ = ours.SetReadDeadline(start.Add(time.Hour))
	close(stop)
	sweeper.Wait()
	if _, err := theirs.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Read(make([]byte, 1)); err != nil {
		t.Errorf("read an hour before the deadline: %v", err)
	}
}

// Requests that come before the one ahead of them is answered are not lost.
func TestPipelinedDeliveries(t *testing.T) {
	s := newStack(t)
	var text strings.Builder
	for n := range 3 {
		d := s.sign(fmt.Sprintf(`{"id":"evt_%d"}`, n))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL, strings.NewReader(string(d.Body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = d.Header
		if err := req.Write(&text); err != nil {
			t.Fatal(err)
		}
	}
	whole := text.String()
	for _, cut := range []int{len(whole), len(whole)/3 + 1, 2 * len(whole) / 3} {
		conn := s.dial(whole[:cut])
		answers := bufio.NewReader(conn)
		for n := range 3 {
			if n == 1 {
				_, _ = io.WriteString(conn, whole[cut:])
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatalf("cut at %d of %d, answer %d: %v", cut, len(whole), n, err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := fmt.Sprintf(`{"events":["evt_%d"]}`, n); resp.StatusCode != http.StatusOK || string(body) != want {
				t.Errorf("cut at %d, answer %d: %d %s, want %s", cut, n, resp.StatusCode, body, want)
			}
		}
		conn.Close()
	}
}
