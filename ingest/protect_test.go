package ingest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/sender"
)

func TestVendorRate(t *testing.T) {
	s := newStack(t, func(with *setup) {
		with.vendors += "    limits: {rate: 1, burst: 3}\n"
	})
	forged := s.sign(`{"id":"evt_0"}`)
	forged.Body = []byte(`{"id":"evt_1"}`)
	for range 20 {
		wantProblem(t, s.post(forged), 403, "signature_mismatch")
	}
	// None of the forgeries was at the vendor's expense.
	for range 3 {
		wantAccepted(t, s.post(s.sign(`{"id":"evt_1"}`)))
	}
	answer := s.post(s.sign(`{"id":"evt_2"}`))
	wantProblem(t, answer, 429, "rate_limited")
	wait, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 2 {
		t.Errorf("Retry-After %q, want about a second", answer.Header.Get("Retry-After"))
	}
	eventually(t, 5*time.Second, func() bool { return s.post(s.sign(`{"id":"evt_2"}`)).Status == http.StatusOK })
}

func TestAllowList(t *testing.T) {
	with := func(proxies ...string) *stack {
		return newStack(t, func(with *setup) {
			with.vendors += "    limits: {allow: [192.0.2.0/24, 127.0.0.3]}\n"
			for _, p := range proxies {
				with.options.Limits.TrustedProxies = append(with.options.Limits.TrustedProxies, netip.MustParsePrefix(p))
			}
		})
	}
	send := func(s *stack, from, xff string) sender.Answer {
		s.t.Helper()
		d := s.sign(`{"id":"evt_1"}`)
		if xff != "" {
			d.Header.Set("X-Forwarded-For", xff)
		}
		return s.postFrom(from, d)
	}
	direct := with()
	wantAccepted(t, send(direct, "127.0.0.3", ""))
	wantProblem(t, send(direct, "127.0.0.1", ""), 403, "ip_not_allowed")
	wantProblem(t, send(direct, "127.0.0.1", "192.0.2.1"), 403, "ip_not_allowed")
	proxied := with("127.0.0.1/32")
	wantAccepted(t, send(proxied, "127.0.0.1", "192.0.2.1"))
	wantAccepted(t, send(proxied, "127.0.0.1", "203.0.113.9, 192.0.2.1"))
	wantProblem(t, send(proxied, "127.0.0.1", "192.0.2.1, 203.0.113.9"), 403, "ip_not_allowed")
	wantProblem(t, send(proxied, "127.0.0.2", "192.0.2.1"), 403, "ip_not_allowed")
}

// postFrom posts from another address of this machine.
func (s *stack) postFrom(address string, d sender.Signed) sender.Answer {
	s.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, d.URL, strings.NewReader(string(d.Body)))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = d.Header
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return read(s.t, resp)
}

// dial opens a connection and writes to it.
func (s *stack) dial(text string) net.Conn {
	s.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, text) // an ingest that has no room may have closed it
	return conn
}

func TestSlowLoris(t *testing.T) { // invariant 9
	s := newStack(t)
	for name, text := range map[string]string{
		"says nothing":              "",
		"never ends its request":    "POST /webh",
		"never ends its header":     "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nX-A: ",
		"never ends its body":       "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n{",
		"never ends its chunk":      "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n384\r\n{",
		"sends a body nobody reads": "POST /webhooks/nobody HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := s.dial(text)
			// A byte now and then must not keep it open either.
			trickle := time.NewTicker(100 * time.Millisecond)
			defer trickle.Stop()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				for range 40 {
					select {
					case <-ctx.Done():
						return
					case <-trickle.C:
						if text != "" {
							_, _ = conn.Write([]byte("x"))
						}
					}
				}
			}()
			start := time.Now()
			_, _ = io.Copy(io.Discard, conn)
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("held for %s, want about the 0.7 s of ReadTimeout", took)
			}
		})
	}
}

func TestHeaderTooLarge(t *testing.T) {
	s := newStack(t)
	conn := s.dial("POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nX-Large: " + strings.Repeat("x", 64<<10) + "\r\n\r\n")
	got, _ := bufio.NewReader(conn).ReadString('\n')
	if !strings.Contains(got, "431") {
		t.Errorf("got %q, want 431", got)
	}
}

// slowBodies opens connections that announce a body of n bytes and send the first part of it.
func (s *stack) slowBodies(connections, announced, sent int) []net.Conn {
	head := fmt.Sprintf("POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", announced)
	conns := make([]net.Conn, connections)
	for i := range conns {
		conns[i] = s.dial(head + strings.Repeat("x", sent))
	}
	return conns
}

// statuses reads one answer from each connection; 0 where there is none.
func statuses(conns []net.Conn) map[int]int {
	counts := map[int]int{}
	for _, c := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			counts[0]++
			continue
		}
		counts[resp.StatusCode]++
		resp.Body.Close()
	}
	return counts
}

func TestOneAddressCannotTakeAllConnections(t *testing.T) { // invariant 9
	s := newStack(t, func(with *setup) { with.options.Limits.MaxConnections, with.options.Limits.MaxDeliveries = 80, 40 })
	conns := s.slowBodies(100, 100, 1)
	// The slow ones hold a quarter of the connections; a vendor elsewhere does not notice them.
	d := s.sign(`{"id":"evt_1"}`)
	wantAccepted(t, s.postFrom("127.0.0.2", d))
	counts := statuses(conns)
	if counts[408] == 0 || counts[408] > 20 || counts[408]+counts[0] != 100 {
		t.Errorf("got %v, want at most 20 times 408, the others closed", counts)
	}
	eventually(t, 5*time.Second, func() bool { return s.get(s.url) == http.StatusNotFound })
	wantAccepted(t, s.post(d))
}

func TestTooManyDeliveriesAreShed(t *testing.T) { // invariant 9
	s := newStack(t, func(with *setup) { with.options.Limits.MaxDeliveries, with.options.ReadTimeout = 10, 4*time.Second })
	conns := s.slowBodies(10, 100, 1)
	eventually(t, 5*time.Second, func() bool { return s.metric("hookline_ingest_inflight_deliveries") == 10 })
	answer := s.post(s.sign(`{"id":"evt_1"}`))
	wantProblem(t, answer, 503, "busy")
	if answer.Header.Get("Retry-After") == "" {
		t.Errorf("got header %v, want Retry-After", answer.Header)
	}
	// A client that is shed gets its answer before it sends its body.
	start := time.Now()
	conn := s.dial("POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || !resp.Close {
		t.Errorf("before its body: got %d, closing %v, want 503 and the connection closed", resp.StatusCode, resp.Close)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("answered after %s: its body was waited for", took)
	}
	if counts := statuses(conns); counts[408] != 10 {
		t.Errorf("slow ones: got %v, want 408", counts)
	}
	wantAccepted(t, s.post(s.sign(`{"id":"evt_1"}`)))
}

func TestBodiesDoNotOutgrowTheRoom(t *testing.T) { // invariant 9
	const room = 4 << 20
	s := newStack(t, func(with *setup) { with.options.Limits.MaxInflight = room })
	conns := s.slowBodies(20, 1<<20, 600<<10)
	eventually(t, 5*time.Second, func() bool { return s.metric("hookline_ingest_inflight_bytes") > room/2 })
	if got := s.metric("hookline_ingest_inflight_bytes"); got > room {
		t.Errorf("%.0f bytes are held, want at most %d", got, room)
	}
	counts := statuses(conns)
	if counts[408] == 0 || counts[408] > 4 || counts[503] == 0 {
		t.Errorf("got %v, want 408 for the few that fit and 503 for the others", counts)
	}
	eventually(t, 5*time.Second, func() bool { return s.metric("hookline_ingest_inflight_bytes") == 0 })
	wantAccepted(t, s.post(s.sign(`{"id":"evt_1","x":"`+strings.Repeat("x", 1<<19)+`"}`)))
}

// metric reads one number from ingest's admin listener.
func (s *stack) metric(name string) float64 { return metric(s.t, s.admin, name) }

func metric(t *testing.T, admin, name string) float64 {
	t.Helper()
	resp, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text := string(read(t, resp).Body)
	_, after, found := strings.Cut(text, "\n"+name+" ")
	if !found {
		t.Fatalf("no metric %s", name)
	}
	line, _, _ := strings.Cut(after, "\n")
	value, err := strconv.ParseFloat(line, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
