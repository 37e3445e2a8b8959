package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor/alert"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// line is the path from the events topic on: a broker in this process (kfake, not Apache Kafka), targets over real
// HTTP, and a store of results in memory (not ClickHouse).
type line struct {
	t       *testing.T
	cluster *kfake.Cluster
	kafka   kafka.Options
	topics  schemas.Topics
	client  *kgo.Client
	config  atomic.Pointer[vendors.Config]
	results *memory
	log     testkit.Text
	options Options
	sent    int
}

func newLine(t *testing.T, partitions int32) *line {
	t.Helper()
	topics := schemas.NewTopics("webhooks")
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics.Events, topics.Retry), kfake.SeedTopics(1, topics.DLQ))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l := &line{
		t: t, cluster: cluster, kafka: kafka.Options{Brokers: cluster.ListenAddrs(), TopicPrefix: "webhooks"}, topics: topics, results: &memory{},
		options: Options{
			Group: "hookline.actions", Concurrency: 4, Queue: 16, Attempts: 3, RetryDelay: 100 * time.Millisecond, AlertAfter: 200 * time.Millisecond,
			DrainTimeout: 10 * time.Second, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		},
	}
	if l.client, err = l.kafka.NewClient(slog.New(slog.DiscardHandler), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.Close)
	return l
}

// triggers makes each event type go to its targets.
func (l *line) triggers(types map[string][]string) {
	l.t.Helper()
	var actions []string
	for typ, urls := range types {
		var list []string
		for _, u := range urls {
			list = append(list, fmt.Sprintf("{forward: %q, timeout: 5s, secret: env:S}", u))
		}
		actions = append(actions, fmt.Sprintf("%s: [%s]", typ, strings.Join(list, ", ")))
	}
	l.config.Store(parse(l.t, "vendors: {acme: {preset: stripe, actions: {"+strings.Join(actions, ", ")+"}}}"))
}

func (l *line) produce(records ...*kgo.Record) {
	l.t.Helper()
	if err := l.client.ProduceSync(l.t.Context(), records...).FirstErr(); err != nil {
		l.t.Fatal(err)
	}
}

// event is an event of type typ with the next ID: e0, e1 and so on.
func (l *line) event(typ string) *kgo.Record {
	e := schemas.Event{
		ID: fmt.Sprintf("e%d", l.sent), Vendor: "acme", Type: typ, Time: time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC), Received: time.Now().Truncate(time.Millisecond).UTC(),
		ContentType: "application/json", Proof: schemas.ProofBody, Data: fmt.Appendf(nil, `{"id": "e%d",  "ü": 1.10}`, l.sent),
	}
	l.sent++
	return e.Record(l.topics.Events)
}

// run is a run of the package under test.
type run struct {
	*Actions
	alerts *alert.Notifier
	cancel context.CancelFunc
	ended  chan error
}

func (l *line) start(change ...func(*Actions)) *run {
	l.t.Helper()
	log := slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	alerts, err := alert.New(log, prometheus.NewRegistry(), "test", alert.Options{Instance: "test"})
	if err != nil {
		l.t.Fatal(err)
	}
	a, err := New(l.options, Parts{Log: log, Registry: prometheus.NewRegistry(), Kafka: l.kafka, Config: &l.config, Results: l.results, Alerts: alerts})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, c := range change {
		c(a)
	}
	ctx, cancel := context.WithCancel(l.t.Context())
	r := &run{Actions: a, alerts: alerts, cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- a.Run(ctx) }()
	l.t.Cleanup(func() {
		cancel()
		select {
		case err := <-r.ended:
			l.t.Log("the run ended:", err)
		case <-time.After(20 * time.Second):
			l.t.Error("Run does not end")
		}
	})
	return r
}

// stop ends the run as SIGTERM would and returns what it says.
func (r *run) stop() error {
	r.cancel()
	err := <-r.ended
	r.ended <- err
	return err
}

// committed is the offset that the group goes on from, summed over the topic's partitions.
func (l *line) committed(topic string) (sum int64) {
	l.t.Helper()
	for _, at := range l.offsets(topic) {
		sum += at
	}
	return sum
}

func (l *line) offsets(topic string) map[int32]int64 {
	l.t.Helper()
	all, err := kadm.NewClient(l.client).FetchOffsets(l.t.Context(), l.options.Group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err != nil {
		l.t.Fatal(err)
	}
	out := map[int32]int64{}
	for id, o := range all[topic] {
		out[id] = o.At
	}
	return out
}

func (l *line) eventuallyCommitted(topic string, want int64) {
	l.t.Helper()
	testkit.Eventually(l.t, 20*time.Second, func() error {
		if got := l.committed(topic); got != want {
			return fmt.Errorf("%s is committed up to %d, want %d", topic, got, want)
		}
		return nil
	})
}

// read returns all records of a topic.
func (l *line) read(topic string) []*kgo.Record {
	l.t.Helper()
	ends, err := kadm.NewClient(l.client).ListEndOffsets(l.t.Context(), topic)
	if err != nil {
		l.t.Fatal(err)
	}
	total := 0
	ends.Each(func(o kadm.ListedOffset) { total += int(o.Offset) })
	client, err := kgo.NewClient(kgo.SeedBrokers(l.kafka.Brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		l.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	var out []*kgo.Record
	for len(out) < total && ctx.Err() == nil {
		out = append(out, client.PollFetches(ctx).Records()...)
	}
	if len(out) < total {
		l.t.Fatalf("read %d of %d records of %s", len(out), total, topic)
	}
	return out
}

// memory is a store of results, which keeps the last of each attempt as ClickHouse does.
type memory struct {
	mu    sync.Mutex
	away  bool
	calls int
	rows  map[string]analytics.ActionResult
}

func (m *memory) InsertActionResults(_ context.Context, results []analytics.ActionResult) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.away {
		return errors.New("connection refused")
	}
	if m.rows == nil {
		m.rows = map[string]analytics.ActionResult{}
	}
	for _, r := range results {
		m.rows[fmt.Sprintf("%s %s %s %d", r.EventID, r.Action, r.Target, r.Attempt)] = r
	}
	return nil
}

func (m *memory) set(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

// of returns the results of an event at a target, by attempt: "1 failed 503, 2 succeeded 200".
func (m *memory) of(event, target string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, r := range m.rows {
		if r.EventID == event && r.Target == target {
			out = append(out, fmt.Sprintf("%d %s %d", r.Attempt, r.Outcome, r.Status))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// site is a target. answer decides by the event's ID and how often it came so far, this time included.
type site struct {
	*httptest.Server
	mu     sync.Mutex
	got    []delivery
	count  map[string]int
	answer func(id string, times int) int
}

type delivery struct {
	header http.Header
	body   string
}

func newSite(t *testing.T, answer func(id string, times int) int) *site {
	s := &site{count: map[string]int{}, answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id := r.Header.Get("Webhook-Id")
		s.mu.Lock()
		s.got = append(s.got, delivery{r.Header, string(body)})
		s.count[id]++
		times := s.count[id]
		s.mu.Unlock()
		status := http.StatusOK
		if answer != nil {
			status = answer(id, times)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) deliveries() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *site) times(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[id]
}

// distinct is how many events came at least once.
func (s *site) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.count)
}

func (s *site) eventually(t *testing.T, distinct int) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		if got := s.distinct(); got != distinct {
			return fmt.Errorf("%d events came, want %d", got, distinct)
		}
		return nil
	})
}
