package demo

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func demoVendors(t *testing.T) *vendors.Config {
	t.Helper()
	config, err := vendors.Parse("vendors.yaml", sampleVendors, vendors.Options{
		Schemes:  signature.Names(),
		ReadFile: func(name string) ([]byte, error) { return []byte(NewSecret(strings.Contains(name, "sakura"))), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// What the ledger expects of an event is what the configuration makes of its bytes: otherwise the demo's verdict
// would be about itself.
func TestTrafficIsWhatTheVendorsFileSays(t *testing.T) {
	config := demoVendors(t)
	s, err := sender.New("http://ingest", config, nil)
	if err != nil {
		t.Fatal(err)
	}
	traffic := NewTraffic(1, now)
	var effects, plain, undated int
	currencies, months := map[string]int{}, map[string]int{}
	for range 20_000 {
		e := traffic.Next()
		signed, err := s.Sign(sender.Delivery{Vendor: e.Vendor, ID: e.ID, Header: e.Header, Body: e.Body}, now)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := config.Vendors[e.Vendor].Identify(nil, signed.Header, signed.Body)
		if err != nil || len(ids) != 1 {
			t.Fatalf("identify %s: %d events, %v", e.Body, len(ids), err)
		}
		if ids[0].ID != e.ID || !ids[0].Time.Equal(e.Time) || ids[0].BadTime != "" {
			t.Fatalf("identified %s at %s, want %s at %s", ids[0].ID, ids[0].Time, e.ID, e.Time)
		}
		outcome, err := config.Vendors[e.Vendor].Outcome(ids[0])
		if err != nil {
			t.Fatalf("map %s: %v", e.Body, err)
		}
		counts := len(outcome.Effects)
		if counts != 0 != (e.Effect != nil) || counts > 1 {
			t.Fatalf("%s has %d effects, want it to count: %v", e.Body, counts, e.Effect != nil)
		}
		if e.Time.IsZero() {
			undated++
		} else {
			months[e.Time.Format("2006-01")]++
		}
		if counts == 0 {
			plain++
			continue
		}
		effects++
		sale := outcome.Effects[0]
		currencies[sale.Currency]++
		if sale.Kind != e.Effect.Kind || sale.Currency != e.Effect.Currency || !sale.Amount.Equal(e.Effect.Amount) || !sale.Time.Equal(e.Time) {
			t.Fatalf("mapped to %+v, want %+v at %s", sale, e.Effect, e.Time)
		}
	}
	t.Logf("%d effects, %d without, %d undated, %v, %v", effects, plain, undated, currencies, months)
	if plain == 0 || undated == 0 || len(currencies) != 4 || len(months) != Months {
		t.Error("the demo lacks something it is there to show")
	}
}

// Poison is found to be an event, and nobody can map it.
func TestPoison(t *testing.T) {
	config := demoVendors(t)
	traffic := NewTraffic(1, now)
	e, other := traffic.Poison(now), traffic.Poison(now)
	v := config.Vendors[e.Vendor]
	ids, err := v.Identify(nil, e.Header, e.Body)
	if err != nil || len(ids) != 1 || ids[0].ID != e.ID || !e.Poison || e.ID == other.ID {
		t.Fatalf("%+v is identified as %+v, %v; the next one is %s", e, ids, err, other.ID)
	}
	if outcome, err := v.Outcome(ids[0]); err == nil {
		t.Errorf("%s is mapped to %+v", e.Body, outcome)
	}
}

func TestLedgerNamesEvents(t *testing.T) {
	l := NewLedger()
	id := func(name string) analytics.EventID { return analytics.EventID{Vendor: "v", ID: name} }
	for _, name := range []string{"once", "never", "twice", "bad"} {
		l.Accepted(Event{Vendor: "v", ID: name, Poison: name == "bad"})
	}
	lost, doubled, foreign := l.CompareEvents(map[analytics.EventID]uint64{id("once"): 1, id("twice"): 2, id("other"): 1, id("bad"): 1})
	if got := fmt.Sprint(lost, doubled, foreign, l.Poison()); got != "[{v never}] [{v twice}] [{v other}] [{v bad}]" {
		t.Error(got)
	}
}

func TestTrafficIsReproducible(t *testing.T) {
	a, b, other := NewTraffic(7, now), NewTraffic(7, now), NewTraffic(8, now)
	for range 1000 {
		x, y, z := a.Next(), b.Next(), other.Next()
		if x.ID != y.ID || string(x.Body) != string(y.Body) {
			t.Fatalf("the same seed made %s and %s", x.Body, y.Body)
		}
		if x.ID == z.ID {
			t.Fatalf("two seeds share %s", x.ID)
		}
	}
}

func TestLedgerNamesEveryDifference(t *testing.T) {
	month := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sale := Event{Vendor: "v", ID: "1", Time: month.AddDate(0, 0, 30), Effect: effect(vendors.KindSale, "k", money{"USD", 2, 0}, 1050)}
	same := sale
	same.ID = "2" // another event about the same sale
	undated := Event{Vendor: "v", ID: "3", Effect: effect(vendors.KindRefund, "r", money{"JPY", 0, 0}, 7)}
	l := NewLedger()
	for _, e := range []Event{sale, sale, same, undated} {
		l.Accepted(e)
	}
	if l.Events() != 3 {
		t.Errorf("%d events, want 3", l.Events())
	}
	good := []analytics.Total{
		{Month: month, Vendor: "v", Currency: "USD", Kind: vendors.KindSale, Count: 1, Amount: decimal.RequireFromString("10.5")},
		{Vendor: "v", Currency: "JPY", Kind: vendors.KindRefund, Count: 1, Amount: decimal.RequireFromString("7")},
	}
	if got := l.Compare(good); len(got) != 0 {
		t.Errorf("equal totals differ: %v", got)
	}
	for name, change := range map[string]func([]analytics.Total) []analytics.Total{
		"a cent": func(in []analytics.Total) []analytics.Total {
			in[0].Amount = decimal.RequireFromString("10.51")
			return in
		},
		"doubled": func(in []analytics.Total) []analytics.Total { in[0].Count = 2; return in },
		"lost":    func(in []analytics.Total) []analytics.Total { return in[:1] },
		"invented": func(in []analytics.Total) []analytics.Total {
			extra := in[0]
			extra.Vendor = "w"
			return append(in, extra)
		},
		"the wrong month": func(in []analytics.Total) []analytics.Total { in[0].Month = month.AddDate(0, 1, 0); return in },
	} {
		if got := l.Compare(change(append([]analytics.Total(nil), good...))); len(got) == 0 {
			t.Errorf("%s goes unnoticed", name)
		} else if strings.Contains(fmt.Sprint(got), "undated v JPY") != (name == "lost") {
			t.Errorf("%s is reported as %v", name, got)
		}
	}
}

// What is taken in for a time in the past is what ingest would have made of the delivery then.
func TestThePastIsReceivedAsByIngest(t *testing.T) {
	config := demoVendors(t)
	s, err := sender.New("http://ingest", config, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPast(s, config, nil, "events")
	if err != nil {
		t.Fatal(err)
	}
	traffic, rng := NewTraffic(1, now), rand.New(rand.NewPCG(1, 1))
	delays := map[string][]time.Duration{}
	for range 2000 {
		e := traffic.Next()
		if e.Time.IsZero() {
			continue
		}
		at := arrival(rng, e)
		events, err := p.events(e, at)
		if err != nil {
			t.Fatal(err)
		}
		delays[e.Vendor] = append(delays[e.Vendor], at.Sub(e.Time))
		got := events[0]
		if got.KeyID == "" || string(got.Data) != string(e.Body) {
			t.Fatalf("%+v", got)
		}
		proof := schemas.ProofBody
		if config.Vendors[e.Vendor].Preset == "shopify" { // whose IDs and topics are not signed
			proof += schemas.UnsignedID + schemas.UnsignedType
		}
		want := schemas.Event{
			ID: e.ID, Vendor: e.Vendor, Type: got.Type, Time: e.Time, Received: at,
			ContentType: "application/json", KeyID: got.KeyID, Proof: proof, Delivery: got.Delivery, Data: got.Data,
		}
		// Of these vendors it is the ID that stands in a header.
		if kept := slices.Collect(maps.Values(got.Delivery)); len(kept) > 0 && !slices.Contains(kept, e.ID) {
			t.Fatalf("%q is not among the headers that are kept: %q", e.ID, got.Delivery)
		}
		if diff := cmp.Diff([]schemas.Event{want}, events); diff != "" {
			t.Fatal(diff)
		}
	}
	for vendor, all := range delays {
		slices.Sort(all)
		if all[0] < 0 || all[len(all)-1] > 3*time.Hour {
			t.Errorf("%s delivers between %s and %s after", vendor, all[0], all[len(all)-1])
		}
	}
	if len(delays) != 4 {
		t.Errorf("delays of %d vendors", len(delays))
	}
}
