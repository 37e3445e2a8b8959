package vendors_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// sell maps one event of type "t" by sales, in YAML's flow style.
// effectOf returns the one effect of an event; ok is false where it has none.
func effectOf(v *vendors.Vendor, event vendors.Identity) (effect vendors.Effect, ok bool, err error) {
	outcome, err := v.Outcome(event)
	if err != nil || len(outcome.Effects) == 0 {
		return vendors.Effect{}, false, err
	}
	return outcome.Effects[0], true, nil
}

func sell(t testing.TB, sales, body string) (vendors.Effect, bool, error) {
	t.Helper()
	return effectOf(own(t, "{}", sales), vendors.Identity{ID: "e1", Type: "t", Time: eventTime, Data: []byte(body)})
}

var eventTime = time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC)

// TestMoney reads amounts as vendors write them: exact, or refused.
func TestMoney(t *testing.T) {
	tests := []struct {
		unit, currency, amount string
		want                   string // what is stored, or what the error says
	}{
		{"minor", "USD", `100`, "1"},
		{"minor", "USD", `"100"`, "1"},
		{"minor", "usd", `1999`, "19.99"},
		{"minor", "JPY", `1200`, "1200"},
		{"minor", "KWD", `1234`, "1.234"},
		{"minor", "BHD", `1`, "0.001"},
		{"minor", "IQD", `1500`, "1.5"},
		{"minor", "AFN", `150`, "1.5"},
		{"minor", "CLF", `12345`, "1.2345"},
		{"minor", "HUF", `100`, "1"},
		{"minor", "ISK", `100`, "100"},
		{"minor", "UGX", `100`, "100"},
		{"minor", "MGA", `100`, "1"},
		{"minor", "MRU", `100`, "1"},
		{"minor", "HRK", `100`, "1"},
		{"minor", "USD", `0`, "0"},
		{"minor", "USD", `-0`, "0"},
		{"minor", "USD", `1e2`, "1"},
		{"minor", "USD", `1.5E+3`, "15"},
		{"minor", "USD", `100.0`, "1"},
		{"minor", "USD", `9999999999999999`, "99999999999999.99"},
		{"minor", "USD", `9007199254740993`, "90071992547409.93"},
		{"minor", "USD", `19.99`, "amount 19.99 is not a whole number of minor units: is unit: major meant?"},
		{"minor", "USD", `10000000000000000`, "more than 14 digits before the point"},
		{"minor", "USD", `-100`, "amount -1 is negative"},
		{"major", "USD", `"404.95"`, "404.95"},
		{"major", "USD", `404.95`, "404.95"},
		{"major", "USD", `0.1`, "0.1"},
		{"major", "JPY", `"1200"`, "1200"},
		{"major", "USD", `"0.0001"`, "0.0001"},
		{"major", "USD", `1.10000000`, "1.1"},
		{"major", "USD", `99999999999999.9999`, "99999999999999.9999"},
		{"major", "USD", `100000000000000`, "more than 14 digits before the point"},
		{"major", "USD", `1e14`, "more than 14 digits before the point"},
		{"major", "USD", `1e13`, "10000000000000"},
		{"major", "USD", `0.00001`, "amount 0.00001 has more than 4 decimals and is never rounded"},
		{"major", "USD", `19.989999999999998`, "has more than 4 decimals and is never rounded"},
		{"major", "USD", `1e-5`, "has more than 4 decimals"},
		{"major", "USD", `0e5`, "0"},
		{"major", "USD", `1e999999999`, "too large an exponent"},
		{"major", "USD", `1e-999999999`, "too large an exponent"},
		{"major", "USD", `1e00000000000000000000000001`, "10"},
		{"major", "USD", strings.Repeat("9", 100_000), "is longer than 64 characters"},
		{"major", "USD", `"NaN"`, `"NaN" is not a number`},
		{"major", "USD", `"Infinity"`, `"Infinity" is not a number`},
		{"major", "USD", `"0x10"`, `"0x10" is not a number`},
		{"major", "USD", `"1,000.00"`, "is not a number"},
		{"major", "USD", `"+5"`, "is not a number"},
		{"major", "USD", `" 5"`, "is not a number"},
		{"major", "USD", `"5."`, "is not a number"},
		{"major", "USD", `".5"`, "is not a number"},
		{"major", "USD", `"--5"`, "is not a number"},
		{"major", "USD", `"1e"`, "is not a number"},
		{"major", "USD", `"1e+-5"`, "is not a number"},
		{"major", "USD", `"$5"`, "is not a number"},
		{"major", "USD", `"५"`, "is not a number"},
		{"major", "USD", `true`, "is not a number"},
		{"major", "USD", `null`, "amount: nothing at amount"},
		{"major", "USD", `""`, "amount: nothing at amount"},
		{"major", "USD", `[5]`, "amount: a list at \"amount\""},
		{"major", "XXX", `5`, `"XXX" is not an ISO 4217 currency`},
		{"major", "US", `5`, `"US" is not an ISO 4217 currency`},
		{"major", "", `5`, "currency: nothing at currency"},
		{"major", strings.Repeat("U", 1000), `5`, `"UUUUUUUUUUUUUUUU" is not an ISO 4217 currency`},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %.8s %.30s", tt.unit, tt.currency, tt.amount), func(t *testing.T) {
			sale, ok, err := sell(t, "{t: {effect: sale, unit: "+tt.unit+", amount: amount, currency: currency}}",
				`{"amount":`+tt.amount+`,"currency":"`+tt.currency+`"}`)
			if err != nil {
				if !errors.Is(err, vendors.ErrMapping) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %s", err, tt.want)
				}
				if len(err.Error()) > 300 {
					t.Errorf("the message has %d characters", len(err.Error()))
				}
				return
			}
			if !ok || sale.Amount.String() != tt.want || sale.Currency != strings.ToUpper(tt.currency) {
				t.Errorf("got %v %s %s, want %s", ok, sale.Amount, sale.Currency, tt.want)
			}
		})
	}
}

func TestSale(t *testing.T) {
	const rest = "unit: major, amount: a, currency: {const: EUR}"
	tests := []struct {
		name, sales, body string
		want              string // kind key amount currency order time dimensions; "" for no effect
	}{
		{"defaults", "{t: {effect: sale, " + rest + "}}", `{"a":5}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"everything", "{t: {effect: refund, key: k, order: o, time: {path: at, format: unix}, dimensions: {by: b, none: n}, " + rest + "}}",
			`{"a":"5.00","k":9007199254740993,"o":"o1","at":1,"b":"card"}`, "refund 9007199254740993 5 EUR o1 1970-01-01T00:00:01Z map[by:card]"},
		{"what is known of the event", "{t: {effect: sale, key: {join: [event:type, event:id]}, order: event:sha256, " + rest + "}}",
			`{"a":5}`, "sale t:e1 5 EUR " + sha(`{"a":5}`) + " 2026-01-31T23:59:59Z map[]"},
		{"another type", "{u: {effect: sale, " + rest + "}}", `{"a":5}`, ""},
		{"effect none", "{t: {effect: none}}", `{"a":5}`, ""},
		{"switched off", "{t: null, '*': {effect: sale, " + rest + "}}", `{"a":5}`, ""},
		{"a pattern", "{'*': {effect: sale, " + rest + "}}", `{"a":5}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"no absent time of its own", "{t: {effect: sale, time: at, " + rest + "}}", `{"a":5,"at":null}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"when: text", "{t: {effect: sale, when: {s: paid}, " + rest + "}}", `{"a":5,"s":"paid"}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"when: another text", "{t: {effect: sale, when: {s: paid}, " + rest + "}}", `{"a":5,"s":"open"}`, ""},
		{"when: a text that says true", "{t: {effect: sale, when: {s: true}, " + rest + "}}", `{"a":5,"s":"true"}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"when: true", "{t: {effect: sale, when: {s: true}, " + rest + "}}", `{"a":5,"s":true}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"when: a number", "{t: {effect: sale, when: {s: 9007199254740993}, " + rest + "}}", `{"a":5,"s":9007199254740993}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"when: nearly the number", "{t: {effect: sale, when: {s: 9007199254740993}, " + rest + "}}", `{"a":5,"s":9007199254740992}`, ""},
		{"when: one of", "{t: {effect: sale, when: {s: [a, b]}, " + rest + "}}", `{"a":5,"s":"b"}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"when: nothing", "{t: {effect: sale, when: {s: null}, " + rest + "}}", `{"a":5}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"when: not nothing", "{t: {effect: sale, when: {s: {not: null}}, " + rest + "}}", `{"a":5}`, ""},
		{"when: not", "{t: {effect: sale, when: {s: {not: [a, null]}}, " + rest + "}}", `{"a":5,"s":"b"}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"when: an object is no text", "{t: {effect: sale, when: {s: a}, " + rest + "}}", `{"a":5,"s":{}}`, ""},
		{"when: all", "{t: {effect: sale, when: {s: x, u: y}, " + rest + "}}", `{"a":5,"s":"x","u":"z"}`, ""},
		{"when: the event's type", "{'*': {effect: sale, when: {'event:type': [t, u]}, " + rest + "}}", `{"a":5}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"the first rule that holds", "{t: [{effect: refund, when: {s: x}, " + rest + "}, {effect: sale, " + rest + "}]}", `{"a":5,"s":"y"}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"none ends the list", "{t: [{effect: none, when: {s: x}}, {effect: sale, " + rest + "}]}", `{"a":5,"s":"x"}`, ""},
		{"a running total", "{t: {effect: refund, unit: minor, amount: {path: a, minus: old.a}, currency: {const: EUR}}}", `{"a":500,"old":{"a":200}}`, "refund e1 3 EUR  2026-01-31T23:59:59Z map[]"},
		{"a running total, first", "{t: {effect: refund, unit: minor, amount: {path: a, minus: old.a}, currency: {const: EUR}}}", `{"a":500}`, "refund e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"times", "{t: {effect: sale, unit: minor, amount: {path: a, times: n}, currency: {const: EUR}}}", `{"a":500,"n":3}`, "sale e1 15 EUR  2026-01-31T23:59:59Z map[]"},
		{"times a default", "{t: {effect: sale, unit: minor, amount: {path: a, times: {first: [n, {const: 1}]}}, currency: {const: EUR}}}", `{"a":500}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"turned round", "{t: {effect: refund, unit: major, amount: {path: a, times: {const: -1}}, currency: {const: EUR}}}", `{"a":-5}`, "refund e1 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"abs", "{t: {effect: refund, unit: major, amount: {path: a, abs: true}, currency: {const: EUR}}}", `{"a":"-5.20"}`, "refund e1 5.2 EUR  2026-01-31T23:59:59Z map[]"},
		{"a sum", "{t: {effect: refund, unit: major, amount: {each: xs, when: {s: ok}, sum: a}, currency: {const: EUR}}}",
			`{"xs":[{"s":"ok","a":"0.10"},{"s":"no","a":9},{"s":"ok","a":0.2}]}`, "refund e1 0.3 EUR  2026-01-31T23:59:59Z map[]"},
		{"a sum of nothing that matches", "{t: {effect: refund, unit: major, amount: {each: xs, when: {s: ok}, sum: a}, currency: {const: EUR}}}", `{"xs":[{"s":"no","a":9}]}`, ""},
		{"a sum less a path", "{t: {effect: refund, unit: major, amount: {each: xs, sum: a, minus: {each: ys, sum: a}}, currency: {const: EUR}}}", `{"xs":[{"a":5}],"ys":[{"a":1},{"a":1}]}`, "refund e1 3 EUR  2026-01-31T23:59:59Z map[]"},
		{"a long key", "{t: {effect: sale, key: k, " + rest + "}}", `{"a":5,"k":"` + strings.Repeat("k", 300) + `"}`, "sale " + sha(strings.Repeat("k", 300)) + " 5 EUR  2026-01-31T23:59:59Z map[]"},
		{"duplicate keys: the first counts", "{t: {effect: sale, " + rest + "}}", `{"a":5,"a":6}`, "sale e1 5 EUR  2026-01-31T23:59:59Z map[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sale, ok, err := sell(t, tt.sales, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if ok {
				got = fmt.Sprint(sale.Kind, " ", sale.Key, " ", sale.Amount, " ", sale.Currency, " ", sale.Order, " ", sale.Time.Format(time.RFC3339), " ", sale.Dimensions)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSaleRefuses(t *testing.T) {
	const rest = "unit: major, amount: a, currency: {const: EUR}"
	tests := []struct{ name, sales, body, want string }{
		{"no key", "{t: {effect: sale, key: k, " + rest + "}}", `{"a":5}`, "t: key: nothing at k"},
		{"an object for a key", "{t: {effect: sale, key: k, " + rest + "}}", `{"a":5,"k":{}}`, `key: an object at "k"`},
		{"a list for an order", "{t: {effect: sale, order: k, " + rest + "}}", `{"a":5,"k":[]}`, `order: a list at "k"`},
		{"a list for a dimension", "{t: {effect: sale, dimensions: {d: k}, " + rest + "}}", `{"a":5,"k":[]}`, `dimension d: a list at "k"`},
		{"an unreadable time", "{t: {effect: sale, time: at, " + rest + "}}", `{"a":5,"at":"soon"}`, `time: "soon" is in none of the formats of at`},
		{"a refund larger than its total", "{t: {effect: refund, unit: major, amount: {path: a, minus: b}, currency: {const: EUR}}}", `{"a":5,"b":6}`, "amount -1 is negative"},
		{"no list to sum", "{t: {effect: refund, unit: major, amount: {each: xs, sum: a}, currency: {const: EUR}}}", `{"xs":{}}`, `amount: no list at "xs"`},
		{"an item without amount", "{t: {effect: refund, unit: major, amount: {each: xs, sum: a}, currency: {const: EUR}}}", `{"xs":[{"a":1},{}]}`, `nothing at a of an item of "xs"`},
		{"an item that is no number", "{t: {effect: refund, unit: major, amount: {each: xs, sum: a}, currency: {const: EUR}}}", `{"xs":[{"a":"x"}]}`, `"x" is not a number`},
		{"minus what is no number", "{t: {effect: refund, unit: major, amount: {path: a, minus: b}, currency: {const: EUR}}}", `{"a":5,"b":"x"}`, `"x" is not a number`},
		{"times nothing", "{t: {effect: refund, unit: major, amount: {path: a, times: b}, currency: {const: EUR}}}", `{"a":5}`, "amount: nothing at a × b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ok, err := sell(t, tt.sales, tt.body)
			if ok || !errors.Is(err, vendors.ErrMapping) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v, want %s", ok, err, tt.want)
			}
		})
	}
}

// TestSaleOutlivesBody changes the body afterwards: what a sale holds are copies.
func TestSaleOutlivesBody(t *testing.T) {
	body := []byte(`{"a":5,"c":"EUR","k":"key","o":"order","d":"dim"}`)
	v := own(t, "{}", "{t: {effect: sale, unit: major, amount: a, currency: c, key: k, order: o, dimensions: {d: d}}}")
	sale, ok, err := effectOf(v, vendors.Identity{ID: "e", Type: "t", Data: body})
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	for i := range body {
		body[i] = 'x'
	}
	if got := sale.Currency + sale.Key + sale.Order + sale.Dimensions["d"]; got != "EURkeyorderdim" {
		t.Error(got)
	}
}

// TestPatterns has an exact type, two patterns that overlap and one for all, and finds the nearest.
func TestPatterns(t *testing.T) {
	rule := func(key string) string {
		return "{effect: sale, unit: major, amount: {const: 1}, currency: {const: EUR}, key: {const: " + key + "}}"
	}
	v := own(t, "{}", "{order.paid: "+rule("exact")+", order.*: "+rule("prefix")+", '*.paid': "+rule("suffix")+", 'a*z': "+rule("middle")+", '*': "+rule("all")+"}")
	for typ, want := range map[string]string{
		"order.paid": "exact", "order.made": "prefix", "order.": "prefix", "invoice.paid": "suffix", ".paid": "suffix",
		"abcz": "middle", "az": "middle", "a": "all", "": "all", "paid": "all",
	} {
		sale, ok, err := effectOf(v, vendors.Identity{ID: "e", Type: typ, Data: []byte("{}")})
		if err != nil || !ok || sale.Key != want {
			t.Errorf("%q: rule %q (%v, %v), want %q", typ, sale.Key, ok, err, want)
		}
	}
}

// TestPresetIsOverriddenInParts changes one event type of a preset, switches one off, adds one, and leaves the rest.
func TestPresetIsOverriddenInParts(t *testing.T) {
	v := load(t, `
vendors:
  acme:
    preset: stripe
    events: {id: data.object.id}
    sales:
      charge.refunded: null
      payment_intent.succeeded: {effect: none}
      invoice.paid: {effect: sale, amount: data.object.amount_paid, unit: minor, currency: data.object.currency}
`)
	body := []byte(`{"id":"evt","type":"charge.succeeded","created":1,"data":{"object":{"id":"ch","captured":true,"amount_captured":5,"amount_paid":7,"amount_received":5,"amount_refunded":5,"currency":"usd"}}}`)
	events, err := v.Identify(nil, nil, body)
	if err != nil || events[0].ID != "ch" || events[0].Type != "charge.succeeded" || events[0].Time.IsZero() {
		t.Fatalf("%+v, %v", events, err)
	}
	for typ, want := range map[string]string{
		"charge.succeeded": "0.05", "invoice.paid": "0.07", "charge.refunded": "", "payment_intent.succeeded": "",
	} {
		events[0].Type = typ
		sale, ok, err := effectOf(v, events[0])
		if err != nil || ok != (want != "") || ok && sale.Amount.String() != want {
			t.Errorf("%s: %s (%v, %v), want %q", typ, sale.Amount, ok, err, want)
		}
	}
}

// TestAnotherSchemeDropsThePresetsOptions keeps a preset's events under a scheme of the user's own.
func TestAnotherSchemeDropsThePresetsOptions(t *testing.T) {
	v := load(t, "vendors: {acme: {preset: stripe, signature: {scheme: hub}}}")
	if v.Signature != (vendors.Signature{Scheme: "hub"}) {
		t.Errorf("%+v", v.Signature)
	}
}

// TestVendorWithoutConfig is the zero value, which other packages' tests use.
func TestVendorWithoutConfig(t *testing.T) {
	var v vendors.Vendor
	events, err := v.Identify(nil, nil, []byte(`{}`))
	if err != nil || len(events) != 1 || events[0].ID != sha(`{}`) {
		t.Fatalf("%v, %v", events, err)
	}
	if _, ok, err := effectOf(&v, events[0]); ok || err != nil {
		t.Fatal(ok, err)
	}
}

// TestDigits: a vendor's own minor units, where they are not those of ISO 4217.
func TestDigits(t *testing.T) {
	for preset, want := range map[string]map[string]string{
		"stripe": {"ISK": "1", "UGX": "1", "MGA": "100", "JPY": "100", "USD": "1"},
		"adyen":  {"ISK": "1", "CLP": "1", "IDR": "100", "CVE": "100", "UGX": "100"},
	} {
		for currency, amount := range want {
			v := load(t, "vendors: {acme: {preset: "+preset+", sales: {t: {effect: sale, amount: a, unit: minor, currency: c}}}}")
			sale, _, err := effectOf(v, vendors.Identity{ID: "e", Type: "t", Data: []byte(`{"a":100,"c":"` + currency + `"}`)})
			if err != nil || sale.Amount.String() != amount {
				t.Errorf("%s: 100 minor units of %s are %s, %v; want %s", preset, currency, sale.Amount, err, amount)
			}
		}
	}
}
