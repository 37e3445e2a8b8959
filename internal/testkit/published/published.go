// Package published reads bodies as vendors have published them, with the figures that must come out of each. They
// stay where they are, see testkit.Vectors.
package published

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/internal/testkit"
)

// Delivery is one body and what must come out of it.
type Delivery struct {
	File   string
	Preset string
	Header http.Header // in which some vendors put the type and ID
	Body   []byte
	Events []Event
}

// Event is what an event must be, or turned out to be. A wanted field that is zero is not checked, but for Effect.
type Event struct {
	ID, Type string
	Time     time.Time
	Effect   string // sale, refund or none
	Amount   decimal.Decimal
	Currency string
	Order    string
}

// Check compares what turned out with what is wanted.
func (want Event) Check(t *testing.T, got Event) {
	t.Helper()
	if got.ID == "" || want.ID != "" && got.ID != want.ID {
		t.Errorf("ID %q, want %q", got.ID, want.ID)
	}
	if want.Type != "" && got.Type != want.Type {
		t.Errorf("type %q, want %q", got.Type, want.Type)
	}
	if !want.Time.IsZero() && !got.Time.Equal(want.Time) {
		t.Errorf("time %v, want %v", got.Time, want.Time)
	}
	if got.Effect != want.Effect {
		t.Errorf("effect %q, want %q", got.Effect, want.Effect)
	}
	if want.Effect == "none" || want.Currency == "" {
		return
	}
	if !got.Amount.Equal(want.Amount) || got.Currency != want.Currency {
		t.Errorf("%s %s, want %s %s", got.Amount, got.Currency, want.Amount, want.Currency)
	}
	if want.Order != "" && got.Order != want.Order {
		t.Errorf("order %q, want %q", got.Order, want.Order)
	}
}

// header returns the headers that a body alone does not have.
func header(file string) http.Header {
	return map[string]http.Header{
		"shopify.orders_paid.json":                   {"X-Shopify-Topic": {"orders/paid"}, "X-Shopify-Event-Id": {"e-1"}},
		"shopify.refunds_create.json":                {"X-Shopify-Topic": {"refunds/create"}, "X-Shopify-Event-Id": {"e-2"}},
		"github.marketplace_purchase.purchased.json": {"X-Github-Event": {"marketplace_purchase"}, "X-Github-Delivery": {"g-1"}},
		"github.ping.json":                           {"X-Github-Event": {"ping"}, "X-Github-Delivery": {"g-2"}},
		"razorpay.payment.authorized.json":           {"X-Razorpay-Event-Id": {"r-1"}},
		"linear.comment.create.json":                 {"Linear-Delivery": {"l-1"}},
	}[file]
}

// correct sets what a preset knows better than the index, which gives one field where several are needed.
func correct(file string, e *Event) {
	switch file {
	case "paystack.charge.success.json", "paystack.transfer.success.json":
		e.ID = e.Type + ":" + e.ID // no event ID: one data.id can have several events ("dedupe on event + data.id")
	case "flutterwave.v3.charge.completed.json":
		e.ID = e.Type + ":" + e.ID + ":successful" // the same charge is reported again when its status changes
	case "adyen.authorisation.json", "adyen.three-items.composed.json":
		e.Effect = "sale" // Adyen captures automatically by default, and then sends nothing else
	case "linear.comment.create.json":
		// webhookTimestamp changes with every attempt, and a sale's month must not (invariant 5).
		e.Time = time.Date(2020, 1, 23, 12, 53, 18, 84e6, time.UTC)
	}
}

// entry is one entry of index.json.
type entry struct {
	File          string   `json:"file"`
	Vendor        string   `json:"vendor"`
	Unit          string   `json:"unit"`
	TimeUnit      string   `json:"time_unit"`
	Effect        string   `json:"effect"`
	ItemEffects   []string `json:"item_effects"`
	Expected      *outcome `json:"expected"`
	ExpectedFirst *outcome `json:"expected_first"`
}

type outcome struct {
	ID       string `json:"id"`
	Type     string `json:"event_type"`
	Time     string `json:"time"`
	Amount   string `json:"amount"` // as it stands in the body
	Currency string `json:"currency"`
	Order    string `json:"order_id"`
}

// Read returns all deliveries. Where the folder is absent the test is skipped, visibly.
func Read(t *testing.T) []Delivery {
	t.Helper()
	dir := filepath.Join(testkit.Vectors(t), "real-payloads")
	var entries []entry
	if err := json.Unmarshal(read(t, dir, "index.json"), &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		t.Fatal("the index is empty")
	}
	out := make([]Delivery, len(entries))
	for i, e := range entries {
		out[i] = Delivery{File: e.File, Preset: e.Vendor, Header: header(e.File), Body: read(t, dir, e.File), Events: e.events(t)}
		if e.Vendor == "flutterwave" {
			out[i].Preset = "flutterwave-v3"
		}
	}
	return out
}

func read(t *testing.T, dir, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// events returns what is wanted of each event of a delivery; the index has the details of the first only.
func (e *entry) events(t *testing.T) []Event {
	t.Helper()
	effects := e.ItemEffects
	if effects == nil {
		effects = []string{e.Effect}
	}
	events := make([]Event, len(effects))
	for i, effect := range effects {
		events[i].Effect = effect
	}
	want := e.Expected
	if want == nil {
		want = e.ExpectedFirst
	}
	first := &events[0]
	first.ID, first.Type, first.Order = want.ID, want.Type, want.Order
	if want.Time != "" {
		first.Time = parseTime(t, want.Time, e.TimeUnit)
	}
	if want.Amount != "" && e.Unit != "" {
		first.Currency, first.Amount = want.Currency, decimal.RequireFromString(want.Amount)
		if e.Unit == "minor" {
			first.Amount = first.Amount.Shift(-map[string]int32{"USD": 2, "EUR": 2, "NGN": 2, "INR": 2, "JPY": 0}[want.Currency])
		}
	}
	correct(e.File, first)
	return events
}

func parseTime(t *testing.T, text, unit string) time.Time {
	t.Helper()
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("index.json: time %q", text)
	}
	if strings.HasSuffix(unit, "milliseconds") {
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}
