package processor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

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
		"p-header": {Topic: s.kafka.Topics().Events, Key: []byte("p-header"), Value: []byte("what is this")},
		"p-1970":   with(func(e *schemas.Event) { e.ID, e.Time = "p-1970", time.Unix(0, 0) }),
		"p-2262":   with(func(e *schemas.Event) { e.ID, e.Time = "p-2262", time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"p-badtime": with(func(e *schemas.Event) {
			e.ID, e.Time, e.BadTime, e.Data = "p-badtime", time.Time{}, "yesterday", []byte(`{"order":"x","amount":"1","at":"yesterday"}`)
		}),
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
