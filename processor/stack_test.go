package processor_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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
	"github.com/hookline-io/hookline/processor/forward"
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

// clickhouse are the options of one who looks after it.
func (s *stack) clickhouse() analytics.Options { return s.as("migrator") }

func (s *stack) as(user string) analytics.Options {
	return analytics.Options{DSN: analytics.DSN(s.engine.As(s.t, user) + "/hookline"), Timeout: 10 * time.Second, Connections: 4}
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
		Actions: forward.Options{
			Group: "hookline.actions", Concurrency: 1, Attempts: 1, RetryDelay: time.Second, AlertAfter: time.Second, DrainTimeout: time.Second,
		},
		Kafka: s.kafka, ClickHouse: s.as("writer"), Admin: service.AdminOptions{Listen: testkit.FreeAddress(s.t)},
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

func discard() *slog.Logger {
	if os.Getenv("HOOKLINE_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}
