package processor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/internal/testkit/tables"
	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/processor/actions"
	"github.com/hookline-io/hookline/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const vendorsYAML = `
vendors:
  acme:
    preset: hub
    events: {id: id, type: type, time: {path: at, format: rfc3339}}
    sales:
      paid:     {effect: sale,   key: order, amount: amount, unit: major, currency: {const: USD}}
      returned: {effect: refund, amount: amount, unit: major, currency: {const: USD}}
`

// stack is a broker, an engine, and the means to feed the one and look into the other.
type stack struct {
	t       *testing.T
	broker  *testkit.BrokerProcess
	engine  *testkit.EngineProcess
	kafka   kafka.Options
	db      *analytics.DB
	client  *kgo.Client
	vendors string
}

func newStack(t *testing.T) *stack {
	t.Helper()
	return newStackOf(t, 4)
}

// newStackOf makes a stack whose topics have that many partitions.
func newStackOf(t *testing.T, partitions int32) *stack {
	t.Helper()
	return newStackOver(t, prepared.Engine(t), partitions)
}

// prepared is an engine with hookline's tables.
var prepared = tables.Prepared("UTC")

// newStackOver makes a stack over an engine with hookline's tables.
func newStackOver(t *testing.T, engine *testkit.EngineProcess, partitions int32) *stack {
	t.Helper()
	s := &stack{t: t, broker: testkit.Broker(t), engine: engine}
	s.kafka = kafka.Options{Brokers: []string{s.broker.Addr}, TopicPrefix: "webhooks"}
	var err error
	if s.client, err = s.kafka.NewClient(discard(), nil, kafka.ProducerOptions()...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	if _, err = kafka.CreateTopics(t.Context(), s.client, s.kafka, kafka.TopicOptions{Partitions: partitions, Replication: 1, Retention: 5 * 365 * 24 * time.Hour, DeadLetterMaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if s.db, err = analytics.Open(t.Context(), s.clickhouse()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	s.vendors = filepath.Join(t.TempDir(), "vendors.yaml")
	if err = os.WriteFile(s.vendors, []byte(vendorsYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stack) clickhouse() analytics.Options {
	return analytics.Options{DSN: analytics.DSN(s.engine.DSN + "/hookline"), Timeout: 10 * time.Second, Connections: 4}
}

// start runs a processor until stop is called, which returns how it ended.
func (s *stack) start(edits ...func(*processor.Options)) (stop func() error) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	options := processor.Options{
		Vendors: s.vendors, Group: "hookline.store", OutcomesGroup: "hookline.outcomes", SessionTimeout: 12 * time.Second, AlertAfter: time.Second,
		Retry: processor.RetryOptions{Attempts: 3, Delay: 500 * time.Millisecond},
		Batch: processor.Limits{MaxRows: 500, MaxBytes: 1 << 20, MaxWait: 20 * time.Millisecond, InsertTimeout: 5 * time.Second, DrainTimeout: 5 * time.Second},
		Actions: actions.Options{
			Group: "hookline.actions", Concurrency: 1, Attempts: 1, RetryDelay: time.Second, AlertAfter: time.Second, DrainTimeout: time.Second,
		},
		Kafka: s.kafka, ClickHouse: s.clickhouse(), Admin: service.AdminOptions{Listen: testkit.FreeAddress(s.t)},
	}
	for _, edit := range edits {
		edit(&options)
	}
	go func() { ended <- processor.Run(ctx, discard(), options) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	s.t.Cleanup(func() {
		if err := stop(); err != nil {
			s.t.Errorf("the processor ended with %v", err)
		}
	})
	return stop
}

func (s *stack) produce(events ...schemas.Event) {
	s.t.Helper()
	records := make([]*kgo.Record, len(events))
	for i := range events {
		records[i] = events[i].Record(s.kafka.Topics().Events)
	}
	s.produceRecords(records...)
}

func (s *stack) produceRecords(records ...*kgo.Record) {
	s.t.Helper()
	if err := s.client.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

var month = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// sale is the nth sale of the tests, worth 1.25.
func sale(n int, received time.Time) schemas.Event {
	at := month.Add(time.Duration(n) * time.Minute)
	id := fmt.Sprintf("evt_%d", n)
	return schemas.Event{
		ID: id, Vendor: "acme", Type: "paid", Time: at, Received: received, Proof: schemas.ProofBody,
		Data: fmt.Appendf(nil, `{"id":%q,"type":"paid","at":%q,"order":"o%d","amount":"1.25"}`, id, at.Format(time.RFC3339), n),
	}
}

// sales are those from one number up to another.
func sales(from, to int, received time.Time) (out []schemas.Event) {
	for n := from; n < to; n++ {
		out = append(out, sale(n, received))
	}
	return out
}

// wantSales waits until the views show exactly n sales of 1.25, and that nothing else was counted.
func (s *stack) wantSales(n int) {
	s.t.Helper()
	testkit.Eventually(s.t, 30*time.Second, func() error {
		totals, err := s.db.SalesTotals(s.t.Context(), "UTC")
		if err != nil {
			return err
		}
		var count uint64
		amount := 0.0
		for _, total := range totals {
			count += total.Count
			amount += total.Amount.InexactFloat64()
		}
		if count != uint64(n) || amount != 1.25*float64(n) {
			return fmt.Errorf("the views show %d sales worth %v, want %d worth %v", count, amount, n, 1.25*float64(n))
		}
		return nil
	})
}

// committed is the sum of the group's committed offsets, and end that of the topic's ends.
func (s *stack) committed() (committed, end int64) {
	s.t.Helper()
	admin := kadm.NewClient(s.client)
	offsets, err := admin.FetchOffsets(s.t.Context(), "hookline.store")
	if err != nil {
		s.t.Fatal(err)
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == s.kafka.Topics().Events {
			committed += max(o.At, 0)
		}
	})
	ends, err := admin.ListEndOffsets(s.t.Context(), s.kafka.Topics().Events)
	if err != nil {
		s.t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { end += o.Offset })
	return committed, end
}

func (s *stack) wantAllCommitted() {
	s.t.Helper()
	testkit.Eventually(s.t, 20*time.Second, func() error {
		if committed, end := s.committed(); committed != end {
			return fmt.Errorf("committed %d of %d", committed, end)
		}
		return nil
	})
}

func TestInvariant4_RedeliveriesCountOnce(t *testing.T) {
	s := newStack(t)
	now := time.Now()
	s.start()
	const n = 300
	// The same events, received at other times, in other batches, one round months later; none in the future, which
	// Apache Kafka refuses (log.message.timestamp.after.max.ms is an hour).
	for round := range 3 {
		s.produce(sales(0, n, now.AddDate(0, round-2, 0))...)
		s.wantSales(n)
	}
	s.wantAllCommitted()
	if stored, err := s.db.CountEvents(t.Context()); err != nil || stored != n {
		t.Errorf("%d events stored (%v), want %d", stored, err, n)
	}
}

func TestInvariant8_PoisonCostsOnlyItself(t *testing.T) {
	s := newStack(t)
	now := time.Now()
	with := func(edit func(*schemas.Event)) *kgo.Record {
		e := sale(0, now)
		edit(&e)
		return e.Record(s.kafka.Topics().Events)
	}
	poison := map[string]*kgo.Record{
		"p-header":   {Topic: s.kafka.Topics().Events, Key: []byte("p-header"), Value: []byte("what is this")},
		"p-1970":     with(func(e *schemas.Event) { e.ID, e.Time = "p-1970", time.Unix(0, 0) }),
		"p-2262":     with(func(e *schemas.Event) { e.ID, e.Time = "p-2262", time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"p-badtime":  with(func(e *schemas.Event) { e.ID, e.Time, e.BadTime = "p-badtime", time.Time{}, "yesterday" }),
		"p-amount":   with(func(e *schemas.Event) { e.ID, e.Data = "p-amount", []byte(`{"order":"x","amount":"a lot"}`) }),
		"p-huge":     with(func(e *schemas.Event) { e.ID, e.Data = "p-huge", []byte(`{"order":"x","amount":1e999999999}`) }),
		"p-decimals": with(func(e *schemas.Event) { e.ID, e.Data = "p-decimals", []byte(`{"order":"x","amount":"1.00001"}`) }),
		"p-utf8":     with(func(e *schemas.Event) { e.ID, e.Data = "p-utf8", []byte("{\"order\":\"\xff\",\"amount\":\"\xff\"}") }),
		"p-vendor":   with(func(e *schemas.Event) { e.ID, e.Vendor = "p-vendor", "nobody" }),
		"p-nul":      with(func(e *schemas.Event) { e.ID, e.Data = "p-nul", []byte("{\"order\":\"\x00\",\"amount\":\"\x00\"}") }),
		"p-nested":   with(func(e *schemas.Event) { e.ID, e.Data = "p-nested", []byte(strings.Repeat(`{"amount":[`, 100_000)) }),
	}
	s.start()
	i := 0
	for _, r := range poison {
		s.produceRecords(r)
		s.produce(sale(i, now), sale(i+1, now)) // good ones around it
		i += 2
	}
	s.wantSales(i)
	s.wantAllCommitted()
	letters := s.deadLetters(len(poison))
	for key, r := range poison {
		letter, ok := letters[key]
		if !ok {
			t.Errorf("%s is not in the dead-letter topic", key)
			continue
		}
		if string(letter.Value) != string(r.Value) || len(letter.Headers) <= len(r.Headers) {
			t.Errorf("%s: the original is not untouched", key)
		}
		for i, h := range r.Headers {
			if letter.Headers[i].Key != h.Key || string(letter.Headers[i].Value) != string(h.Value) {
				t.Errorf("%s: header %s changed", key, h.Key)
			}
		}
	}
	// What can be decoded is stored raw all the same.
	if stored, err := s.db.CountEvents(t.Context()); err != nil || stored != uint64(i+len(poison)-1) {
		t.Errorf("%d events stored (%v), want %d", stored, err, i+len(poison)-1)
	}
}

// deadLetters returns the dead letters by key, which must be n and each there once.
func (s *stack) deadLetters(n int) map[string]*kgo.Record {
	s.t.Helper()
	client, err := s.kafka.NewClient(discard(), nil, kgo.ConsumeTopics(s.kafka.Topics().DLQ), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 15*time.Second)
	defer cancel()
	out := map[string]*kgo.Record{}
	for len(out) < n && ctx.Err() == nil {
		for _, r := range client.PollFetches(ctx).Records() {
			if out[string(r.Key)] != nil {
				s.t.Errorf("%s is dead-lettered twice", r.Key)
			}
			out[string(r.Key)] = r
		}
	}
	return out
}

func TestInvariant3_NothingIsCommittedWhileClickHouseIsDown(t *testing.T) {
	s := newStack(t)
	s.start()
	s.produce(sale(0, time.Now()))
	s.wantSales(1)
	s.wantAllCommitted()
	before, _ := s.committed()

	s.engine.Kill()
	s.produce(sales(1, 1201, time.Now())...) // more than both batches hold
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if now, _ := s.committed(); now != before {
			t.Fatalf("committed %d offsets that are not stored", now-before)
		}
	}
	s.engine.Restart()
	s.wantSales(1201)
	s.wantAllCommitted()
	if letters := s.deadLetters(0); len(letters) != 0 {
		t.Errorf("%d dead letters for an outage", len(letters))
	}
}

func TestInvariant4_TwoProcessorsAndARollingRestartLoseAndDoubleNothing(t *testing.T) {
	s := newStack(t)
	first := s.start()
	n := 0
	send := func(count int) {
		for range count / 50 {
			s.produce(sales(n, n+50, time.Now())...)
			n += 50
		}
	}
	send(300)
	second := s.start()
	send(600)
	if err := first(); err != nil {
		t.Errorf("the first processor ended with %v", err)
	}
	send(300)
	s.start()
	send(300)
	if err := second(); err != nil {
		t.Errorf("the second processor ended with %v", err)
	}
	send(100)
	s.wantSales(n)
	s.wantAllCommitted()
}

func TestBrokerRestartIsSurvived(t *testing.T) {
	s := newStack(t)
	s.start()
	s.produce(sale(0, time.Now()))
	s.wantSales(1)
	s.broker.Kill()
	s.broker.Restart()
	s.produce(sales(1, 200, time.Now())...)
	s.wantSales(200)
	s.wantAllCommitted()
}

func TestStoppingStoresWhatIsInHand(t *testing.T) { // and says so by its offsets: nothing is read twice
	s := newStack(t)
	stop := s.start()
	s.produce(sales(0, 200, time.Now())...)
	s.wantSales(200)
	if err := stop(); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if committed, end := s.committed(); committed != end {
		t.Errorf("committed %d of %d after a clean stop", committed, end)
	}
}

func discard() *slog.Logger {
	if os.Getenv("HOOKLINE_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}
