package vendors_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// seeds adds the bodies of schemas/testdata, and what vendors should never send.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Root(f), "schemas", "testdata", "*", "*"))
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, body := range []string{
		``, `{}`, `[]`, `[[]]`, `null`, `{"id":`, "{\"id\":\"\xff\"}", `{"id":"\ud800"}`, `{"id":1e999999999}`, `{"id":"a","id":"b"}`,
		`{"amount":"NaN"}`, `[{"a":1},{"a":1`, "a=b&c", "--x\r\n\r\n--x--", "{\"id\":1}\n{\"id\":2}", `{"p":"{\"q\":1}"}`,
	} {
		f.Add([]byte(body))
	}
}

// everything is a vendor that uses every operator.
const everything = `
vendors:
  acme:
    signature: {scheme: hub}
    events:
      content: any
      id: {first: [{join: [id, header:X-Id], with: "-"}, 'items.#(kind=="x").id', payload.@fromstr.id, event:sha256]}
      type: {first: [type, items.0.type, {const: t}]}
      time: {first: [created, at], format: [rfc3339, unix, unix_ms, unix_ns, datetime, rfc2822, date]}
    sales:
      "*":
        - effect: refund
          when: {kind: [refund, sale], 'event:type': {not: [a, null]}}
          key: {join: [event:type, event:id]}
          amount: {each: items, when: {status: {not: null}}, sum: amount, minus: {path: before, abs: true}, times: {first: [n, {const: 2}]}}
          unit: minor
          currency: {first: [items.0.currency, currency]}
        - effect: sale
          key: {first: [key, id, event:sha256]}
          amount: {path: amount, abs: true}
          unit: major
          currency: {first: [currency, {const: EUR}]}
          order: order.id
          time: {path: at, format: [unix, rfc3339]}
          dimensions: {d: items.#.d, e: e}
`

func FuzzIdentifyAndSale(f *testing.F) {
	seeds(f)
	all := []*vendors.Vendor{load(f, everything)}
	for _, preset := range vendors.PresetNames() {
		all = append(all, load(f, "vendors: {acme: {preset: "+preset+"}}"))
	}
	for _, events := range []string{"{each: '@this', id: id}", "{each: items.#.n}", "{content: ndjson, id: {first: [id, event:sha256]}}", "{content: form}"} {
		all = append(all, own(f, events, "{}"))
	}
	header := http.Header{"X-Id": {"h"}, "X-Shopify-Topic": {"orders/paid"}, "X-Shopify-Event-Id": {"e"}, "X-Github-Event": {"marketplace_purchase"}, "X-Github-Delivery": {"g"}, "X-Wc-Webhook-Topic": {"order.updated"}}
	limit := decimal.New(1, 14)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, v := range all {
			before := string(body)
			events, err := v.Identify(nil, header, body)
			if string(body) != before {
				t.Fatal("the body was changed")
			}
			if err != nil {
				if !errors.Is(err, vendors.ErrBody) || len(events) != 0 {
					t.Fatalf("%d events with %v", len(events), err)
				}
				continue
			}
			for _, e := range events {
				checkEvent(t, e)
				sale, ok, err := effectOf(v, e)
				again, okAgain, _ := effectOf(v, e)
				if ok != okAgain || sale.Key != again.Key || !sale.Amount.Equal(again.Amount) {
					t.Fatal("a sale must depend on the event alone")
				}
				if err != nil && !errors.Is(err, vendors.ErrMapping) {
					t.Fatal(err)
				}
				if ok && (sale.Key == "" || len(sale.Key) > 256 || sale.Amount.IsNegative() || sale.Amount.GreaterThanOrEqual(limit) ||
					sale.Amount.Exponent() < -4 || len(sale.Currency) != 3 || sale.Kind == "") {
					t.Fatalf("%+v", sale)
				}
			}
		}
	})
}

func checkEvent(t *testing.T, e vendors.Identity) {
	t.Helper()
	if e.ID == "" || len(e.ID) > 256 || !utf8.ValidString(e.ID) || len(e.Type) > 256 || !utf8.ValidString(e.Type) {
		t.Fatalf("ID %q, type %q", e.ID, e.Type)
	}
	if len(e.BadTime) > 64 || !utf8.ValidString(e.BadTime) || e.BadTime != "" && !e.Time.IsZero() {
		t.Fatalf("time %v, bad time %q", e.Time, e.BadTime)
	}
	if _, err := time.Parse(time.RFC3339Nano, e.Time.Format(time.RFC3339Nano)); err != nil {
		t.Fatal(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	files, err := filepath.Glob(filepath.Join("presets", "*.yaml"))
	if err != nil || len(files) == 0 {
		f.Fatal("no presets", err)
	}
	for _, file := range append(files, filepath.Join("testdata", "mistakes.yaml")) {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, src := range []string{"vendors: {a: {preset: stripe, secrets: [env:A]}}", "vendors: &a {b: *a}", "a: |\n x\n---\nb", "? a\n: b", "vendors: {a: !!set {x}}"} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		config, err := vendors.Parse("v.yaml", src, options)
		if (config == nil) == (err == nil) {
			t.Fatalf("%v, %v", config, err)
		}
		if err != nil {
			for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
				if p := (*vendors.Problem)(nil); !errors.As(one, &p) || p.Line < 1 || p.Column < 1 {
					t.Fatalf("no place: %v", one)
				}
			}
			return
		}
		for _, v := range config.Vendors {
			events, _ := v.Identify(nil, nil, []byte(`{"id":"e","type":"t","items":[{"a":1}],"amount":1,"currency":"EUR"}`))
			for _, e := range events {
				_, _, _ = effectOf(v, e)
			}
		}
	})
}
