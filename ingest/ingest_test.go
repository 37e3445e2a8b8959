package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/verify"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const vendorsYAML = `
vendors:
  acme:
    preset: hub
    secrets: [file:secret]
    events: {id: id, type: type, time: {path: at, format: rfc3339}}
`

// stack is an ingest that listens, a broker for it, and a vendor to call it.
type stack struct {
	t      *testing.T
	url    string
	admin  string
	port   int // the broker's
	dir    string
	broker *kfake.Cluster
	sender *sender.Sender
	topics schemas.Topics
	ended  chan error
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{t: t, dir: t.TempDir(), port: freePort(t), topics: schemas.NewTopics("webhooks")}
	s.startBroker()
	t.Cleanup(func() { s.broker.Close() })
	options := kafka.Options{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", s.port)}, TopicPrefix: "webhooks"}
	client, err := options.NewClient(discard(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kafka.CreateTopics(t.Context(), client, options, kafka.TopicOptions{Partitions: 3, Replication: 1, Retention: time.Hour, DeadLetterMaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "secret"), "a secret for tests")
	file := write(t, filepath.Join(s.dir, "vendors.yaml"), vendorsYAML)
	listen, admin := fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	s.url, s.admin = "http://"+listen, "http://"+admin
	ctx, cancel := context.WithCancel(context.Background())
	s.ended = make(chan error, 1)
	go func() {
		s.ended <- ingest.Run(ctx, discard(), ingest.Options{
			Listen: listen, Vendors: file, MaxBody: 1 << 20, ReadTimeout: 700 * time.Millisecond,
			EnqueueTimeout: 2500 * time.Millisecond, MaxWaiting: 1000, DrainTimeout: 5 * time.Second,
			Kafka: options, Admin: service.AdminOptions{Listen: admin},
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-s.ended; err != nil {
			t.Errorf("ingest ended with %v", err)
		}
	})
	config, err := vendors.Load(file, vendors.Options{Schemes: verify.Names()})
	if err != nil {
		t.Fatal(err)
	}
	if s.sender, err = sender.New(s.url, config, http.DefaultClient); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool { return s.get(s.admin+"/readyz") == http.StatusOK })
	return s
}

func (s *stack) startBroker() {
	s.t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(s.port), kfake.DataDir(filepath.Join(s.dir, "kafka")))
	if err != nil {
		s.t.Fatal(err)
	}
	s.broker = broker
}

func (s *stack) get(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (s *stack) sign(body string) sender.Signed {
	s.t.Helper()
	signed, err := s.sender.Sign(sender.Delivery{Vendor: "acme", ID: "msg_1", Body: []byte(body)}, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return signed
}

func (s *stack) post(d sender.Signed) sender.Answer {
	s.t.Helper()
	answer, err := s.sender.Post(s.t.Context(), d)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// consume returns the first n events on the topic.
func (s *stack) consume(n int) []*kgo.Record {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(fmt.Sprintf("127.0.0.1:%d", s.port)), kgo.ConsumeTopics(s.topics.Events),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n && ctx.Err() == nil {
		records = append(records, client.PollFetches(ctx).Records()...)
	}
	return records
}

func TestAcceptedDeliveryIsOnKafkaByteForByte(t *testing.T) { // invariants 1 and 2
	s := newStack(t)
	body := "{\"id\":\"evt_1\",\r\n \"type\":\"order.paid\", \"at\":\"2026-01-31T23:30:00+01:00\", \"n\": 1.10, \"x\":\"\\u0000\xff\"}\r\n"
	before := time.Now().Add(-time.Millisecond)
	answer := s.post(s.sign(body))
	if answer.Status != http.StatusOK || strings.TrimSpace(string(answer.Body)) != `{"events":["evt_1"]}` {
		t.Fatalf("got %d %s", answer.Status, answer.Body)
	}
	records := s.consume(1)
	if len(records) != 1 {
		t.Fatalf("got %d records, want 1", len(records))
	}
	e, err := schemas.DecodeEvent(records[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(e.Data) != body {
		t.Errorf("stored %q, want %q", e.Data, body)
	}
	if string(records[0].Key) != "evt_1" || e.Vendor != "acme" || e.Type != "order.paid" || e.KeyID == "" || e.Proof != schemas.ProofBody {
		t.Errorf("got %+v with key %q", e, records[0].Key)
	}
	if want := time.Date(2026, 1, 31, 22, 30, 0, 0, time.UTC); !e.Time.Equal(want) {
		t.Errorf("event time %s, want %s", e.Time, want)
	}
	if e.Received.Before(before.Truncate(time.Millisecond)) || e.Received.After(time.Now()) {
		t.Errorf("received %s is not the time it was received", e.Received)
	}
}

func TestRefusals(t *testing.T) {
	s := newStack(t)
	good := `{"id":"evt_2","type":"t"}`
	with := func(edit func(*sender.Signed)) sender.Signed {
		d := s.sign(good)
		edit(&d)
		return d
	}
	for _, tc := range []struct {
		name   string
		d      sender.Signed
		status int
		reason string
	}{
		{"wrong signature", with(func(d *sender.Signed) { d.Body = []byte(`{"id":"evt_3","type":"t"}`) }), 403, "signature_mismatch"},
		{"no signature", with(func(d *sender.Signed) { d.Header = http.Header{} }), 403, "signature_missing"},
		{"unknown vendor", with(func(d *sender.Signed) { d.URL = s.url + "/webhooks/nobody" }), 404, "unknown_vendor"},
		{"no such path", with(func(d *sender.Signed) { d.URL = s.url + "/elsewhere" }), 404, "request"},
		{"not JSON", s.sign(`{"id":"evt_4",`), 400, "body_malformed"},
		{"no event ID", s.sign(`{"type":"t"}`), 400, "body_malformed"},
		{"2 MB", s.sign(`{"id":"` + strings.Repeat("x", 2<<20) + `"}`), 413, "body_too_large"},
		{"compressed", with(func(d *sender.Signed) { d.Header.Set("Content-Encoding", "gzip") }), 415, "content_type"},
		{"curl's default type", with(func(d *sender.Signed) { d.Header.Set("Content-Type", "application/x-www-form-urlencoded") }), 415, "content_type"},
	} {
		t.Run(tc.name, func(t *testing.T) { wantProblem(t, s.post(tc.d), tc.status, tc.reason) })
	}
	t.Run("2 MB without a length", func(t *testing.T) {
		resp, err := http.Post(s.url+"/webhooks/acme", "application/json", io.MultiReader(strings.NewReader(strings.Repeat(" ", 2<<20))))
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, read(t, resp), 413, "body_too_large")
	})
	t.Run("GET", func(t *testing.T) {
		req, _ := http.NewRequest(http.MethodGet, s.url+"/webhooks/acme", nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, read(t, resp), 405, "request")
	})
	t.Run("slow body", func(t *testing.T) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		got, _ := io.ReadAll(conn)
		if !bytes.Contains(got, []byte("408 Request Timeout")) || !bytes.Contains(got, []byte("body_too_slow")) {
			t.Errorf("got %q", got)
		}
	})
	// Refusals cost only themselves.
	if answer := s.post(s.sign(good)); answer.Status != http.StatusOK {
		t.Errorf("a good delivery after the refusals got %d %s", answer.Status, answer.Body)
	}
	if records := s.consume(1); len(records) != 1 {
		t.Errorf("%d records on Kafka, want only the good one", len(records))
	}
}

func TestNo200WithoutTheBroker(t *testing.T) { // invariant 1
	s := newStack(t)
	if answer := s.post(s.sign(`{"id":"before"}`)); answer.Status != http.StatusOK {
		t.Fatalf("with the broker up: %d %s", answer.Status, answer.Body)
	}
	s.broker.Close()
	start := time.Now()
	answer := s.post(s.sign(`{"id":"during"}`))
	wantProblem(t, answer, 500, "not_enqueued")
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("the vendor waited %s for a 500", took)
	}
	if got := s.get(s.admin + "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("readyz says %d while the broker is down", got)
	}
	if got := s.get(s.admin + "/livez"); got != http.StatusOK {
		t.Errorf("livez says %d while the broker is down", got)
	}
	s.startBroker()
	eventually(t, 10*time.Second, func() bool { return s.post(s.sign(`{"id":"after"}`)).Status == http.StatusOK })
}

func wantProblem(t *testing.T, got sender.Answer, status int, reason string) {
	t.Helper()
	var p struct {
		Type, Title, Detail, Reason string
		Status                      int
	}
	if ct := got.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type %q of %s", ct, got.Body)
	}
	if err := json.Unmarshal(got.Body, &p); err != nil {
		t.Fatalf("%s: %v", got.Body, err)
	}
	if got.Status != status || p.Status != status || p.Reason != reason || p.Detail == "" {
		t.Errorf("got %d %+v, want %d %s", got.Status, p, status, reason)
	}
	if strings.Contains(string(got.Body), "a secret for tests") {
		t.Error("the answer holds the secret")
	}
}

func read(t *testing.T, resp *http.Response) sender.Answer {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return sender.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func eventually(t *testing.T, within time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s", within)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	n, _ := strconv.Atoi(port)
	return n
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
