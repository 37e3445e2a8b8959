package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const theSecret = "a secret for tests"

const vendorsYAML = `
vendors:
  acme:
    preset: hub
    secrets: [file:secret]
    events: {id: id, type: type, time: {path: at, format: rfc3339}}
`

// setup is what a test may have otherwise than usual.
type setup struct {
	vendors string
	secret  string
	log     *slog.Logger
	options ingest.Options
}

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
	stop   func()
}

func newStack(t *testing.T, edit ...func(*setup)) *stack {
	t.Helper()
	s := &stack{t: t, dir: t.TempDir(), port: freePort(t), topics: schemas.NewTopics("webhooks")}
	s.startBroker()
	t.Cleanup(func() { s.broker.Close() })
	listen, admin := testkit.FreeAddress(t), testkit.FreeAddress(t)
	s.url, s.admin = "http://"+listen, "http://"+admin
	with := setup{vendors: vendorsYAML, secret: theSecret, log: discard(), options: ingest.Options{
		Listen: listen, Vendors: filepath.Join(s.dir, "vendors.yaml"), MaxBody: 1 << 20, ReadTimeout: 700 * time.Millisecond,
		EnqueueTimeout: 2500 * time.Millisecond, MaxWaiting: 1000, DrainTimeout: 5 * time.Second,
		Kafka: kafka.Options{Brokers: []string{s.seed()}, TopicPrefix: "webhooks"}, Admin: service.AdminOptions{Listen: admin},
	}}
	for _, e := range edit {
		e(&with)
	}
	createTopics(t, with.options.Kafka)
	write(t, filepath.Join(s.dir, "secret"), with.secret)
	write(t, with.options.Vendors, with.vendors)
	s.run(with)
	s.sender = newSender(t, s.url, with.options.Vendors)
	eventually(t, 5*time.Second, func() bool { return s.get(s.admin+"/readyz") == http.StatusOK })
	return s
}

// run starts ingest. stop, which the end of the test calls too, drains it.
func (s *stack) run(with setup) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ingest.Run(ctx, with.log, with.options) }()
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("ingest ended with %v", err)
		}
	}
	s.t.Cleanup(s.stop)
}

func (s *stack) seed() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

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

func (s *stack) sign(body string) sender.Signed { return s.signAs("acme", body, time.Now()) }

func (s *stack) signAs(vendor, body string, at time.Time) sender.Signed {
	s.t.Helper()
	signed, err := s.sender.Sign(sender.Delivery{Vendor: vendor, ID: "msg_1", Body: []byte(body)}, at)
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

func (s *stack) events() []*kgo.Record { return readTopic(s.t, s.seed(), s.topics.Events) }

// rejections adds up the counts on the topic by "vendor reason". Call it after stop.
func rejections(t *testing.T, seed, topic string) (counts map[string]uint64, records int) {
	t.Helper()
	counts = map[string]uint64{}
	all := readTopic(t, seed, topic)
	for _, record := range all {
		r, err := schemas.DecodeRejection(record)
		if err != nil {
			t.Fatal(err)
		}
		counts[r.Vendor+" "+r.Reason] += r.Count
	}
	return counts, len(all)
}

// readTopic returns all that the topic holds now.
func readTopic(t *testing.T, seed, topic string) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(seed), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	ends.Each(func(end kadm.ListedOffset) { want += end.Offset })
	var records []*kgo.Record
	for int64(len(records)) < want {
		fetched := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("got %d of the %d records of %s", len(records), want, topic)
		}
		records = append(records, fetched.Records()...)
	}
	return records
}

func createTopics(t *testing.T, o kafka.Options) {
	t.Helper()
	client, err := o.NewClient(discard(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kafka.CreateTopics(t.Context(), client, o, kafka.TopicOptions{Partitions: 3, Replication: 1, Retention: time.Hour, DeadLetterMaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
}

func newSender(t *testing.T, url, file string) *sender.Sender {
	t.Helper()
	config, err := vendors.Load(file, vendors.Options{Schemes: signature.Names()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := sender.New(url, config, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	return s
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
	if strings.Contains(string(got.Body), theSecret) {
		t.Error("the answer holds the secret")
	}
	spec := readSpec(t)
	if pair := fmt.Sprintf("%d %s", status, reason); !slices.Contains(spec.problems(spec.Paths["/webhooks/{vendor}"].Post), pair) {
		t.Errorf("%s does not have %s", specFile, pair)
	}
}

func wantAccepted(t *testing.T, got sender.Answer) {
	t.Helper()
	if got.Status != http.StatusOK {
		t.Errorf("got %d %s, want 200", got.Status, got.Body)
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

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
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
	defer func() { _ = ln.Close() }()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	n, _ := strconv.Atoi(port)
	return n
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
