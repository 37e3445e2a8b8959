package vendors_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// published is one entry of the index of bodies that vendors have published.
type published struct {
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

// deliveryHeaders are the headers in which some vendors put the type and ID, which a body alone does not have.
var deliveryHeaders = map[string]http.Header{
	"shopify.orders_paid.json":                   {"X-Shopify-Topic": {"orders/paid"}, "X-Shopify-Event-Id": {"e-1"}},
	"shopify.refunds_create.json":                {"X-Shopify-Topic": {"refunds/create"}, "X-Shopify-Event-Id": {"e-2"}},
	"github.marketplace_purchase.purchased.json": {"X-Github-Event": {"marketplace_purchase"}, "X-Github-Delivery": {"g-1"}},
	"github.ping.json":                           {"X-Github-Event": {"ping"}, "X-Github-Delivery": {"g-2"}},
	"razorpay.payment.authorized.json":           {"X-Razorpay-Event-Id": {"r-1"}},
	"linear.comment.create.json":                 {"Linear-Delivery": {"l-1"}},
}

// deviations are where a preset knows better than the index, which gives one field where several are needed.
var deviations = map[string]func(*outcome){
	// No event ID: one data.id can have several events ("dedupe on event + data.id").
	"paystack.charge.success.json":   func(o *outcome) { o.ID = o.Type + ":" + o.ID },
	"paystack.transfer.success.json": func(o *outcome) { o.ID = o.Type + ":" + o.ID },
	// The same charge is told again when its status changes.
	"flutterwave.v3.charge.completed.json": func(o *outcome) { o.ID = o.Type + ":" + o.ID + ":successful" },
	// webhookTimestamp changes with every attempt, and a sale's month must not (invariant 5).
	"linear.comment.create.json": func(o *outcome) { o.Time = "2020-01-23T12:53:18.084Z" },
}

// presetOf names the preset of the index's vendor, where they differ.
var presetOf = map[string]string{"flutterwave": "flutterwave-v3"}

func TestRealPayloads(t *testing.T) {
	dir := filepath.Join(testkit.Vectors(t), "real-payloads")
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []published
	if err := json.Unmarshal(index, &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		t.Fatal("the index is empty")
	}
	for _, e := range entries {
		t.Run(e.File, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join(dir, e.File))
			if err != nil {
				t.Fatal(err)
			}
			preset := e.Vendor
			if name, ok := presetOf[preset]; ok {
				preset = name
			}
			vendor := load(t, "vendors: {acme: {preset: "+preset+"}}")
			events, err := vendor.Identify(nil, deliveryHeaders[e.File], body)
			if err != nil {
				t.Fatal(err)
			}
			effects := e.ItemEffects
			if effects == nil {
				effects = []string{e.Effect}
			}
			if len(events) != len(effects) {
				t.Fatalf("%d events, want %d", len(events), len(effects))
			}
			want := e.Expected
			if want == nil {
				want = e.ExpectedFirst
			}
			if correct := deviations[e.File]; correct != nil {
				correct(want)
			}
			checkIdentity(t, events[0], want, e.TimeUnit)
			for i, event := range events {
				checkEffect(t, vendor, event, effects[i], want, e.Unit, len(events) == 1)
			}
		})
	}
}

func checkIdentity(t *testing.T, got vendors.Identity, want *outcome, unit string) {
	t.Helper()
	if want.ID != "" && got.ID != want.ID {
		t.Errorf("ID %q, want %q", got.ID, want.ID)
	}
	if got.ID == "" {
		t.Error("no ID")
	}
	if want.Type != "" && got.Type != want.Type {
		t.Errorf("type %q, want %q", got.Type, want.Type)
	}
	if want.Time == "" {
		return
	}
	at, err := time.Parse(time.RFC3339, want.Time)
	if strings.HasPrefix(unit, "unix") && err != nil {
		n, _ := strconv.ParseInt(want.Time, 10, 64)
		at = time.Unix(n, 0)
	}
	if !got.Time.Equal(at) || got.BadTime != "" {
		t.Errorf("time %v (bad: %q), want %v", got.Time, got.BadTime, at)
	}
}

func checkEffect(t *testing.T, vendor *vendors.Vendor, event vendors.Identity, effect string, want *outcome, unit string, amounts bool) {
	t.Helper()
	sale, ok, err := vendor.Sale(event)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		if effect != "none" {
			t.Errorf("no effect, want %s", effect)
		}
		return
	}
	if string(sale.Kind) != effect {
		t.Errorf("effect %s, want %s", sale.Kind, effect)
	}
	if !amounts {
		return
	}
	amount := decimal.RequireFromString(want.Amount)
	if unit == "minor" {
		amount = amount.Shift(-map[string]int32{"USD": 2, "EUR": 2, "NGN": 2, "INR": 2, "JPY": 0}[want.Currency])
	}
	if !sale.Amount.Equal(amount) || sale.Currency != want.Currency {
		t.Errorf("%s %s, want %s %s", sale.Amount, sale.Currency, amount, want.Currency)
	}
	if want.Order != "" && sale.Order != want.Order {
		t.Errorf("order %q, want %q", sale.Order, want.Order)
	}
	if sale.Key == "" || sale.Time.IsZero() {
		t.Errorf("key %q and time %v must both be there", sale.Key, sale.Time)
	}
}

// load returns the only vendor of a vendors.yaml, without secrets.
func load(t testing.TB, yaml string) *vendors.Vendor {
	t.Helper()
	config, err := vendors.Parse("vendors.yaml", []byte(yaml), vendors.Options{WithoutSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range config.Vendors {
		return v
	}
	panic(fmt.Sprintf("no vendor in %s", yaml))
}
