package ingest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/sender"
)

// attacker is somebody at one of several addresses who does one thing as fast as it goes.
type attacker struct {
	s    *stack
	from string
}

// dial opens a connection; nil where there is none to be had.
func (a attacker) dial(ctx context.Context) net.Conn {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(a.from)}, Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(a.s.url, "http://"))
	if err != nil {
		return nil
	}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	return conn
}

// request sends text on a connection of its own and reads what is answered.
func (a attacker) request(ctx context.Context, text string) {
	if conn := a.dial(ctx); conn != nil {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
}

// hold opens a connection, sends text, and leaves it open until ctx ends or ingest closes it.
func (a attacker) hold(ctx context.Context, text string) {
	conn := a.dial(ctx)
	if conn == nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, _ = io.Copy(io.Discard, conn)
}

func post(vendor, header, body string) string {
	return fmt.Sprintf("POST /webhooks/%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", vendor, header, len(body), body)
}

// attacks are what TestHonestVendorsUnderAttack tries, each by as many at once as it says.
func attacks(large sender.Signed) []struct {
	name   string
	atOnce int
	do     func(context.Context, attacker, int)
} {
	deep, megabyte := post("mailgun", "", strings.Repeat("[", 1<<20)), strings.Repeat("x", 1<<20)
	forged := post("v0", "X-Hub-Signature-256: sha256="+strings.Repeat("0a", 32)+"\r\n", `{"id":"evt_forged"}`)
	return []struct {
		name   string
		atOnce int
		do     func(context.Context, attacker, int)
	}{
		{"unsigned bodies of a million [", 8, func(ctx context.Context, a attacker, _ int) { a.request(ctx, deep) }},
		{"forged signatures", 8, func(ctx context.Context, a attacker, _ int) { a.request(ctx, forged) }},
		{"idle connections from four addresses", 400, func(ctx context.Context, a attacker, _ int) {
			a.hold(ctx, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		}},
		{"silent connections", 400, func(ctx context.Context, a attacker, _ int) { a.hold(ctx, "") }},
		{"bodies that never end", 200, func(ctx context.Context, a attacker, _ int) {
			a.hold(ctx, "POST /webhooks/v0 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n{")
		}},
		{"large bodies without a signature", 8, func(ctx context.Context, a attacker, _ int) { a.request(ctx, post("v0", "", megabyte)) }},
		{"a vendor's own deliveries of 1000 events", 6, func(ctx context.Context, a attacker, _ int) {
			header := "X-Hub-Signature-256: " + large.Header.Get("X-Hub-Signature-256") + "\r\n"
			a.request(ctx, post("hostile", header, string(large.Body)))
		}},
		{"guessed verify tokens", 8, func(ctx context.Context, a attacker, _ int) {
			a.request(ctx, "GET /webhooks/meta?hub.mode=subscribe&hub.challenge=x&hub.verify_token=x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		}},
		{"made-up vendors", 8, func(ctx context.Context, a attacker, n int) { a.request(ctx, post(fmt.Sprintf("v-%d", n), "", "{}")) }},
		{"connections opened and closed", 8, func(ctx context.Context, a attacker, _ int) {
			if conn := a.dial(ctx); conn != nil {
				_ = conn.Close()
			}
		}},
	}
}

// Nine honest vendors are served through ten attacks: none of their deliveries is refused. The times are logged, and stand in
// docs/security.md as they were measured: on a busy machine they say little.
func TestHonestVendorsUnderAttack(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: takes half a minute")
	}
	const honest, during = 9, 2 * time.Second
	s := newStack(t, func(with *setup) {
		for v := range honest {
			with.vendors += fmt.Sprintf("  v%d: {preset: hub, secrets: [file:secret]}\n", v)
		}
		with.vendors += "  hostile: {preset: hub, secrets: [file:secret], events: {each: items, id: id, type: type}}\n" +
			"  mailgun: {preset: mailgun, secrets: [file:secret]}\n  meta: {preset: meta, secrets: [file:secret]}\n"
		with.options.MaxWaiting, with.options.ReadTimeout = 2000, 10*time.Second
		with.options.Limits.MaxConnections, with.options.Limits.MaxDeliveries, with.options.Limits.MaxInflight = 400, 200, 256<<20
	})
	var items strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&items, `{"id":"h%d","type":"t"},`, i)
	}
	large := s.signAs("hostile", `{"items":[`+strings.TrimSuffix(items.String(), ",")+`]}`, time.Now())
	clients := make([]*http.Client, honest)
	for v := range clients {
		clients[v] = &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
		defer clients[v].CloseIdleConnections()
	}
	t.Logf("%-45s %v", "alone", s.honest(clients, during))
	for _, attack := range attacks(large) {
		ctx, cancel := context.WithCancel(t.Context())
		var crowd sync.WaitGroup
		for n := range attack.atOnce {
			crowd.Go(func() {
				a := attacker{s: s, from: fmt.Sprintf("127.0.1.%d", 1+n%4)}
				for i := 0; ctx.Err() == nil; i++ {
					attack.do(ctx, a, n<<20+i)
					select {
					case <-ctx.Done():
					case <-time.After(time.Millisecond):
					}
				}
			})
		}
		time.Sleep(200 * time.Millisecond) // so that it has begun
		t.Logf("%-45s %v", attack.name, s.honest(clients, during))
		cancel()
		crowd.Wait()
	}
}

// honest has a vendor for each client send ten deliveries a second each, every one of which must be accepted, and returns how long they took.
func (s *stack) honest(clients []*http.Client, during time.Duration) string {
	s.t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	for v, client := range clients {
		all.Go(func() {
			d := s.signAs(fmt.Sprintf("v%d", v), fmt.Sprintf(`{"id":"evt_%d","type":"t"}`, v), time.Now())
			ticker := time.NewTicker(100 * time.Millisecond)
			defer ticker.Stop()
			for end := time.Now().Add(during); time.Now().Before(end); <-ticker.C {
				started := time.Now()
				request, _ := http.NewRequest(http.MethodPost, d.URL, strings.NewReader(string(d.Body)))
				request.Header = d.Header.Clone()
				response, err := client.Do(request)
				if err != nil {
					s.t.Errorf("an honest delivery: %v", err)
					continue
				}
				answer, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if response.StatusCode != http.StatusOK {
					s.t.Errorf("an honest delivery: %s: %s", response.Status, answer)
				}
				mu.Lock()
				took = append(took, time.Since(started))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	if len(took) == 0 {
		return "nothing was sent"
	}
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	return fmt.Sprintf("%d deliveries, p50 %s, p99 %s", len(took), round(took[len(took)/2]), round(took[len(took)*99/100]))
}
