package processor_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor/deadletter"
	"github.com/hookline-io/hookline/processor/reprocess"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const rightVendors = `
vendors:
  acme:
    preset: hub
    events: {id: id, type: {first: ['header:X-Shopify-Topic', type]}, time: {path: at, format: unix}}
    sales:
      paid:     {effect: sale,   key: charge, order: order, amount: amount, unit: minor, currency: currency}
      returned: {effect: refund, amount: amount, unit: minor, currency: currency}
`

// mistakes are what people get wrong in a vendors' file.
var mistakes = []struct{ name, right, wrong string }{
	{"id", "id: id", "id: order"}, // which several events share
	{"type", "{first: ['header:X-Shopify-Topic', type]}", "kind"},
	{"time", "format: unix}", "format: unix_ms}"},
	{"unit", "unit: minor", "unit: major"},
	{"currency", "currency: currency", "currency: money"},
}

// delivery is one of a vendor's.
type delivery struct {
	header   http.Header
	body     string
	received time.Time
}

// orders makes deliveries about orders over four months: each is opened and paid, some are returned, some events come twice, and
// a few nobody can read.
func orders(n int) (out []delivery) {
	received := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	for i := 0; len(out) < n; i++ {
		at := month.Add(time.Duration(i) * (120 * 24 * time.Hour / time.Duration(n)))
		add := func(what, typ, amount string) {
			d := delivery{received: received.Add(time.Duration(len(out)) * time.Millisecond)}
			header := ""
			if i%2 == 0 {
				d.header = http.Header{"X-Shopify-Topic": {typ}}
			} else {
				header = fmt.Sprintf(`"type":%q,`, typ)
			}
			d.body = fmt.Sprintf(`{"id":"evt_%d_%s",%s"at":%d,"order":"o%d","charge":"c%d","amount":%s,"currency":"USD"}`, i, what, header, at.Unix(), i, i, amount)
			out = append(out, d)
			if len(out)%20 == 0 {
				d.received = d.received.Add(time.Hour)
				out = append(out, d)
			}
		}
		amount := strconv.Itoa(100 + i%900)
		if i%100 == 7 {
			amount = `"?"`
		}
		add("opened", "opened", amount)
		add("paid", "paid", amount)
		if i%5 == 0 {
			at = at.Add(36 * time.Hour)
			add("returned", "returned", amount)
		}
	}
	return out
}

// deliver enqueues deliveries as ingest does by a configuration.
func (s *stack) deliver(yaml string, deliveries []delivery) {
	s.t.Helper()
	config, err := vendors.Parse("vendors.yaml", []byte(yaml), vendors.Options{WithoutSecrets: true})
	if err != nil {
		s.t.Fatal(err)
	}
	var events []schemas.Event
	for _, d := range deliveries {
		ids, err := config.Vendors["acme"].Identify(nil, d.header, []byte(d.body))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, id := range ids {
			events = append(events, schemas.Event{
				ID: id.ID, Vendor: "acme", Type: id.Type, Time: id.Time, BadTime: id.BadTime, BadID: id.BadID, Test: id.Test, Delivery: id.Delivery,
				Received: d.received, Proof: schemas.ProofBody, ContentType: "application/json", Data: id.Data,
			})
		}
	}
	s.produce(events...)
}

// process runs a processor by a configuration until do returns.
func (s *stack) process(yaml string, do func()) {
	s.t.Helper()
	if err := os.WriteFile(s.vendors, []byte(yaml), 0o600); err != nil {
		s.t.Fatal(err)
	}
	stop := s.start()
	do()
	if err := stop(); err != nil {
		s.t.Fatal(err)
	}
}

// cure is what an operator does once the vendors' file is right.
func (s *stack) cure() {
	s.t.Helper()
	options := reprocess.Options{Vendor: "acme", Vendors: s.vendors, Page: 1000, DryRun: true, ClickHouse: s.clickhouse()}
	dry, err := reprocess.Run(s.t.Context(), discard(), options)
	if err != nil {
		s.t.Fatal(err)
	}
	options.DryRun = false
	done, err := reprocess.Run(s.t.Context(), discard(), options)
	if err != nil {
		s.t.Fatal(err)
	}
	if dry.Events != done.Events || dry.Moved != done.Moved || fmt.Sprint(dry.Changes) != fmt.Sprint(done.Changes) {
		s.t.Errorf("the dry run said %+v, the run %+v", dry, done)
	}
	q, err := deadletter.Open(s.t.Context(), discard(), deadletter.Options{Kafka: s.kafka, ClickHouse: s.clickhouse()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer q.Close()
	if _, err := q.Redrive(s.t.Context(), deadletter.RedriveOptions{}, nil); err != nil {
		s.t.Fatal(err)
	}
}

// looks are what people see of a stack. Where Kafka holds a record depends on its key, which stays, and is left out.
var looks = map[string]string{
	"figures": "SELECT month, undated, vendor, currency, proof, gross, refunds, orders, refund_count FROM sales_per_month WHERE zone = 'UTC' ORDER BY ALL",
	"sales":   "SELECT * EXCEPT (stored_at, version, counts_from) FROM sales FINAL ORDER BY ALL",
	"events":  "SELECT event_id, type, occurred_at, received_at, payload, effect, error, proof, is_test FROM events FINAL ORDER BY ALL",
	"journal": "SELECT event_id, step, if(step IN ('stored', 'dead letter', 'sale', 'refund'), toDateTime64(0, 3), at) AS time, if(step IN ('stored', 'dead letter'), '', detail) AS what, payload FROM event_journal " +
		"WHERE step != 'dead letter' ORDER BY ALL",
	"dead letters": "SELECT DISTINCT event_id, type, stage, error, payload FROM dead_letters FINAL WHERE state = 'dead' ORDER BY ALL",
	"performance":  "SELECT month, vendor, events, sales, refunds FROM vendor_performance WHERE events > 0 ORDER BY ALL",
}

// TestMistakesAreCurable: whatever a vendors' file had wrong, once it is right and stored events and dead letters went through it
// again, a stack shows what one shows whose file was right from the start. HOOKLINE_MISTAKES says how many deliveries there are.
func TestMistakesAreCurable(t *testing.T) {
	n := 2000
	if text := os.Getenv("HOOKLINE_MISTAKES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	deliveries := orders(n)
	right := newStack(t)
	right.deliver(rightVendors, deliveries)
	right.process(rightVendors, func() { right.settle(n) })
	want := map[string]string{}
	for what, sql := range looks {
		if want[what] = right.ask(sql); want[what] == "" {
			t.Fatalf("no %s", what)
		}
	}
	all := rightVendors
	for _, m := range mistakes {
		all = strings.ReplaceAll(all, m.right, m.wrong)
		t.Run(m.name, func(t *testing.T) { cured(t, strings.ReplaceAll(rightVendors, m.right, m.wrong), deliveries, want) })
	}
	t.Run("all at once", func(t *testing.T) { cured(t, all, deliveries, want) })
}

func cured(t *testing.T, wrong string, deliveries []delivery, want map[string]string) {
	s := newStack(t)
	s.deliver(wrong, deliveries)
	s.process(wrong, func() { s.settle(len(deliveries)) })
	if s.ask(looks["figures"]) == want["figures"] && s.ask(looks["events"]) == want["events"] {
		t.Fatal("the mistake makes no difference")
	}
	s.process(rightVendors, func() {
		s.cure()
		s.settle(len(deliveries))
	})
	for what, sql := range looks {
		// What fails only since it was mapped again has its error in events, and no dead letter: that needs no Kafka.
		if what == "dead letters" && strings.Contains(wrong, "type: kind") && s.ask("SELECT count() FROM dead_letters") == "0" {
			continue
		}
		testkit.Eventually(t, time.Minute, func() error {
			if got := s.ask(sql); got != want[what] {
				return fmt.Errorf("%s: %s", what, firstDifference(got, want[what]))
			}
			return nil
		})
	}
	if report := s.audit(false); !report.Totals.Passed() {
		t.Errorf("the audit found %+v", report.Totals)
	}
}

// settle waits until all is read, and the figures are up to date.
func (s *stack) settle(n int) {
	s.t.Helper()
	testkit.Eventually(s.t, time.Minute+time.Duration(n)*5*time.Millisecond, func() error {
		if s.ask("SELECT count() FROM ledger") == "0" {
			return errors.New("nothing was read")
		}
		if committed, end := s.committed(); committed != end {
			return fmt.Errorf("committed %d of %d", committed, end)
		}
		if letters, dead := s.ask("SELECT count() FROM dead_letters FINAL"), len(s.read(s.kafka.Topics().DLQ)); letters != strconv.Itoa(dead) {
			return fmt.Errorf("%s of %d dead letters are stored", letters, dead)
		}
		if shown, stored := s.ask("SELECT sum(events) FROM vendor_performance"), s.ask("SELECT count() FROM events FINAL"); shown != stored {
			return fmt.Errorf("the board shows %s of %s events", shown, stored)
		}
		state, err := s.db.RollupState(s.t.Context())
		if err == nil && state.Pending > 0 {
			err = fmt.Errorf("%d months are pending", state.Pending)
		}
		return err
	})
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d of %d is\n%s\nwant, of %d,\n%s", i, len(a), a[i], len(b), b[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(a), len(b))
}
