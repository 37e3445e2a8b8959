package vendors_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// inLine writes an outcome in one line: [object@as of:] effects [test].
func inLine(o vendors.Outcome) string {
	var parts []string
	if o.Object != "" {
		as := ""
		if !o.AsOf.IsZero() {
			as = "@" + o.AsOf.Format(time.DateOnly)
		}
		if o.Step {
			as = "@step"
		}
		parts = append(parts, o.Object+as+":")
	}
	for _, e := range o.Effects {
		text := fmt.Sprint(e.Kind, " ", e.Key, " ", e.Amount, " ", e.Currency)
		if e.Order != "" {
			text += " of " + e.Order
		}
		if e.Alone {
			text += " alone"
		}
		parts = append(parts, text)
	}
	if o.Test {
		parts = append(parts, "test")
	}
	return strings.Join(parts, "; ")
}

func TestOutcome(t *testing.T) {
	const rest = "unit: major, amount: a, currency: {const: EUR}"
	const order = `t: {object: id, as_of: {path: at, format: date}, unit: major, currency: cur, order: id, effects: [
		{effect: sale, when: {paid: true}, amount: total},
		{effect: refund, each: refunds, key: id, amount: {path: total, abs: true}}]}`
	tests := []struct{ name, sales, body, want string }{
		{"several effects share what the rule says", "{t: {unit: major, currency: {const: EUR}, key: k, order: o, effects: [{effect: sale, amount: a}, {effect: tax, amount: b}, {effect: fee, key: f, amount: c}]}}",
			`{"k":"k1","o":"o1","f":"f1","a":10,"b":2,"c":0.5}`, "sale k1 10 EUR of o1; tax k1 2 EUR of o1; fee f1 0.5 EUR of o1"},
		{"an effect whose condition does not hold", "{t: {" + rest + ", effects: [{effect: sale, when: {s: x}}, {effect: refund, when: {s: y}}]}}", `{"a":5,"s":"y"}`, "refund e1 5 EUR"},
		{"several of which none holds decide", "{t: [{" + rest + ", effects: [{effect: sale, when: {s: x}}]}, {effect: refund, " + rest + "}]}", `{"a":5}`, ""},
		{"an absent fee is no mistake", "{t: {unit: major, currency: {const: EUR}, effects: [{effect: sale, amount: a}, {effect: fee, amount: f}]}}", `{"a":5}`, "sale e1 5 EUR"},
		{"an order has no amount", "{t: {key: o, currency: {const: EUR}, effects: [{effect: order}, {effect: capture, key: c, unit: minor, amount: a}]}}", `{"o":"o1","c":"c1","a":500}`, "order o1 0 EUR; capture c1 5 EUR"},
		{"an object", "{" + order + "}", `{"id":7,"at":"2026-01-02","cur":"usd","paid":true,"total":"20.00","refunds":[{"id":1,"total":"-5"},{"id":2,"total":"-7"}]}`,
			"7@2026-01-02:; sale 7 20 USD of 7; refund 1 5 USD of 7; refund 2 7 USD of 7"},
		{"an object of which nothing counts", "{" + order + "}", `{"id":7,"at":"2026-01-02","cur":"usd","paid":false,"refunds":[]}`, "7@2026-01-02:"},
		{"an object without the list", "{" + order + "}", `{"id":7,"at":"2026-01-02","cur":"usd","paid":true,"total":1}`, "7@2026-01-02:; sale 7 1 USD of 7"},
		{"an object of no time", "{" + order + "}", `{"id":7,"cur":"usd"}`, "7@2026-01-31:"},
		{"a step in place of a time", "{t: {object: id, step: 2, effect: none}}", `{"id":7}`, "7@step:"},
		{"beside an object", "{t: {object: p, step: 1, unit: major, currency: {const: EUR}, effects: [{effect: capture, alone: true, key: c, amount: a}]}}", `{"p":"p1","c":"c1","a":5}`,
			"p1@step:; capture c1 5 EUR alone"},
		{"lines as sales, with what stands at the order", "{t: {effect: sale, each: lines, key: {join: ['parent:id', n]}, unit: major, amount: {path: price, times: qty}, currency: 'parent:cur'}}",
			`{"id":"o","cur":"eur","lines":[{"n":1,"price":"1.10","qty":3},{"n":2,"price":2,"qty":1}]}`, "sale o:1 3.3 EUR; sale o:2 2 EUR"},
		{"some lines only", "{t: {effect: sale, each: lines, key: n, unit: major, amount: p, currency: {const: EUR}}}", `{"lines":[]}`, ""},
		{"a condition on the parent", "{t: {unit: major, currency: {const: EUR}, effects: [{effect: refund, each: xs, when: {'parent:s': on, k: refund}, key: n, amount: p}]}}",
			`{"s":"on","xs":[{"n":1,"k":"refund","p":1},{"n":2,"k":"sale","p":9}]}`, "refund 1 1 EUR"},
		{"quantity times price", "{t: {effect: sale, unit: major, currency: {const: EUR}, amount: {each: lines, sum: {path: price, times: qty}}}}", `{"lines":[{"price":"1.10","qty":3},{"price":2,"qty":2}]}`, "sale e1 7.3 EUR"},
		{"less the discount of the line", "{t: {effect: sale, unit: major, currency: {const: EUR}, amount: {each: lines, sum: {path: p, times: 'parent:q', minus: d}}}}", `{"q":2,"lines":[{"p":5,"d":1},{"p":5}]}`, "sale e1 19 EUR"},
		{"a sum of fields", "{t: {effect: sale, unit: major, currency: {const: EUR}, amount: {path: a, plus: [b, c, none]}}}", `{"a":1,"b":2,"c":"3.5"}`, "sale e1 6.5 EUR"},
		{"two differences", "{t: {effect: sale, unit: major, currency: {const: EUR}, amount: {path: a, minus: [b, c]}}}", `{"a":10,"b":2,"c":"3.5"}`, "sale e1 4.5 EUR"},
		{"a percentage of the payload", "{t: {effect: fee, unit: major, currency: {const: EUR}, amount: {path: a, percent: rate}}}", `{"a":200,"rate":"2.9"}`, "fee e1 5.8 EUR"},
		{"rounded where it says so", "{t: {effect: fee, unit: major, currency: {const: EUR}, amount: {path: a, percent: rate, round: 2}}}", `{"a":"19.99","rate":"7.5"}`, "fee e1 1.5 EUR"},
		{"half away from zero", "{t: {effect: fee, unit: major, currency: {const: EUR}, amount: {path: a, round: 2}}}", `{"a":"0.125"}`, "fee e1 0.13 EUR"},
		{"a share", "{t: {effect: refund, unit: major, currency: {const: USD}, amount: {path: a, times: shop, over: buyer, round: 2}}}", `{"a":"46.00","shop":"50.00","buyer":"46.00"}`, "refund e1 50 USD"},
		{"a share that goes on for ever", "{t: {effect: refund, unit: major, currency: {const: USD}, amount: {path: a, over: b}}}", `{"a":2,"b":3}`, "refund e1 0.67 USD"},
		{"a share of a currency without decimals", "{t: {effect: refund, unit: major, currency: {const: JPY}, amount: {path: a, over: b}}}", `{"a":2,"b":3}`, "refund e1 1 JPY"},
		{"a share that is rounded as it says", "{t: {effect: refund, unit: major, currency: {const: USD}, amount: {path: a, over: b, round: 3}}}", `{"a":2,"b":3}`, "refund e1 0.667 USD"},
		{"the largest", "{t: {effect: refund, unit: major, currency: {const: USD}, amount: {path: a, minus: {max: [b, c, none]}}}}", `{"a":10,"b":2,"c":3}`, "refund e1 7 USD"},
		{"a refund of nothing is none", "{t: {effect: refund, unit: major, currency: {const: USD}, amount: a}}", `{"a":0}`, ""},
		{"an order for free is one", "{t: {effect: sale, unit: major, currency: {const: USD}, amount: a}}", `{"a":0}`, "sale e1 0 USD"},
		{"nothing to divide by", "{t: {effect: refund, unit: major, currency: {const: USD}, amount: {first: [{path: a, over: b, round: 2}, a]}}}", `{"a":2,"b":0}`, "refund e1 2 USD"},
		{"the first amount that is there", "{t: {effect: sale, unit: major, currency: {const: EUR}, amount: {first: [{each: xs, sum: a}, {path: b, minus: c}]}}}", `{"xs":[],"b":5,"c":1}`, "sale e1 4 EUR"},
		{"a decimal comma", "{t: {effect: sale, unit: major, currency: {const: EUR}, amount: {path: a, decimal: ','}}}", `{"a":"1.249,90 €"}`, "sale e1 1249.9 EUR"},
		{"numbers: above", "{t: {effect: sale, when: {a: {above: 4}}, " + rest + "}}", `{"a":5}`, "sale e1 5 EUR"},
		{"numbers: not above", "{t: {effect: sale, when: {a: {above: 5}}, " + rest + "}}", `{"a":5}`, ""},
		{"numbers: between", "{t: {effect: sale, when: {a: {at_least: 5, below: 5.5}}, " + rest + "}}", `{"a":"5.00"}`, "sale e1 5 EUR"},
		{"numbers: at most", "{t: {effect: sale, when: {a: {at_most: 4.99}}, " + rest + "}}", `{"a":5}`, ""},
		{"numbers: none is within no bounds", "{t: {effect: sale, when: {b: {below: 4}}, " + rest + "}}", `{"a":5}`, ""},
		{"numbers: negated", "{t: {effect: sale, when: {a: {not: {below: 4}}}, " + rest + "}}", `{"a":5}`, "sale e1 5 EUR"},
		{"a pattern", "{t: {effect: sale, when: {u: {like: 'https://*.sandbox.*'}}, " + rest + "}}", `{"a":5,"u":"https://api.sandbox.example"}`, "sale e1 5 EUR"},
		{"a pattern that does not fit", "{t: {effect: sale, when: {u: {like: ['x*', 'a*a']}}, " + rest + "}}", `{"a":5,"u":"a"}`, ""},
		{"not a pattern", "{t: {effect: sale, when: {u: {not: {like: 'x*'}}}, " + rest + "}}", `{"a":5,"u":"a"}`, "sale e1 5 EUR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := own(t, "{}", tt.sales).Outcome(vendors.Identity{ID: "e1", Type: "t", Time: eventTime, Data: []byte(tt.body)})
			if err != nil {
				t.Fatal(err)
			}
			if got := inLine(got); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestErrorBody: what comes in place of an object is refused, not read as an object of which nothing counts.
func TestErrorBody(t *testing.T) {
	v := own(t, "{}", "{t: {object: id, unit: major, currency: cur, effects: [{effect: sale, when: {paid: true}, amount: total}]}}")
	_, err := v.Outcome(vendors.Identity{ID: "e", Type: "t", Data: []byte(`{"code":"cannot_view","data":{"status":401}}`)})
	if err == nil || !strings.Contains(err.Error(), "object: nothing at id") {
		t.Error(err)
	}
}

// TestTestMoney has marks in the event and in the delivery around it.
func TestTestMoney(t *testing.T) {
	const sales = "sales: {t: {effect: sale, unit: major, amount: a, currency: {const: EUR}}}"
	tests := map[string]struct {
		test, body string
		want       bool
	}{
		"marked":                  {"{live: false}", `{"items":[{"type":"t","a":1,"live":false}]}`, true},
		"not marked":              {"{live: false}", `{"items":[{"type":"t","a":1,"live":true}]}`, false},
		"no mark at all":          {"{live: false}", `{"items":[{"type":"t","a":1}]}`, false},
		"any of several":          {"[{live: false}, {mode: test}]", `{"items":[{"type":"t","a":1,"mode":"test"}]}`, true},
		"around the event":        {"{'body:live': 'false'}", `{"live":"false","items":[{"type":"t","a":1}]}`, true},
		"around the event, not":   {"{'body:live': 'false'}", `{"live":"true","items":[{"type":"t","a":1}]}`, false},
		"a header":                {"{'header:X-Mode': test}", `{"items":[{"type":"t","a":1}]}`, true},
		"nothing is test money":   {"{}", `{"items":[{"type":"t","a":1}]}`, false},
		"nothing is, in the list": {"[]", `{"items":[{"type":"t","a":1}]}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := load(t, "vendors: {acme: {signature: {scheme: hub}, events: {each: items, id: event:sha256, type: type}, test: "+tt.test+", "+sales+"}}")
			events, err := v.Identify(nil, map[string][]string{"X-Mode": {"test"}}, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := v.Outcome(events[0]); err != nil || got.Test != tt.want || len(got.Effects) != 1 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestPartOfAPresetsRule changes what it names of a rule and leaves the rest.
func TestPartOfAPresetsRule(t *testing.T) {
	body := []byte(`{"id":"evt","type":"charge.succeeded","created":1,"livemode":false,"data":{"object":{"id":"ch","captured":true,"amount_captured":500,"currency":"usd","status":"x"}}}`)
	for name, tt := range map[string]struct{ override, want string }{
		"nothing":                 {"{}", "sale ch 5 USD of ch; test"},
		"another unit":            {"{sales: {charge.succeeded: {unit: major}}}", "sale ch 500 USD of ch; test"},
		"one condition more":      {"{sales: {charge.succeeded: {when: {data.object.status: y}}}}", ""},
		"a condition of its own":  {"{sales: {charge.succeeded: {when: {data.object.captured: false}}}}", ""},
		"test money counts":       {"{test: {}}", "sale ch 5 USD of ch"},
		"another mark":            {"{test: {data.object.status: x}}", "sale ch 5 USD of ch; test"},
		"a rule of its own":       {"{sales: {charge.succeeded: {effect: refund, unit: minor, amount: data.object.amount_captured, currency: {const: EUR}}}}", "refund evt 5 EUR; test"},
		"the first of more rules": {"{sales: {charge.succeeded: [{effect: none}]}}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			override := strings.TrimSuffix(strings.TrimPrefix(tt.override, "{"), "}")
			if override != "" {
				override = ", " + override
			}
			v := load(t, "vendors: {acme: {preset: stripe"+override+"}}")
			events, err := v.Identify(nil, nil, body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Outcome(events[0])
			if err != nil {
				t.Fatal(err)
			}
			if text := inLine(got); len(got.Effects) > 0 && text != tt.want || len(got.Effects) == 0 && tt.want != "" {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
		})
	}
}

// TestMarkedNumbers reads amounts that were written for people.
func TestMarkedNumbers(t *testing.T) {
	tests := []struct{ mark, text, want string }{
		{",", "12,50", "12.5"}, {",", "1.249,90", "1249.9"}, {",", "1 249,90 €", "1249.9"}, {",", "1\u00a0249,90\u00a0€", "1249.9"},
		{",", "€ 1.249", "1249"}, {",", "EUR 5", "5"}, {",", "-5,00", "-5"}, {",", "5,00-", "-5"}, {",", "\u22125,00 kr.", "-5"},
		{".", "1,249.90", "1249.9"}, {".", "$1,249.90", "1249.9"}, {".", "US$ 5", "5"}, {".", "Rs. 1,00,000.50", "100000.5"},
		{".", "12'500.00", "12500"}, {".", "CHF 12’500", "12500"}, {".", "+5", "5"}, {".", "0.10", "0.1"},
		{",", "1.24", ""}, {",", "1.2490,5", ""}, {",", "1,249.90", ""}, {".", "1.249,90", ""}, {".", "1,2,3", ""}, {".", "1,24", ""},
		{".", "", ""}, {".", "€", ""}, {".", "--5", ""}, {".", "5 (ref)", ""}, {".", "1.2.3", ""}, {".", ".5", ""}, {",", "12,5,0", ""},
		{".", "1e5", ""}, {".", "5%", ""}, {".", "0001,000", ""}, {".", strings.Repeat("9", 70), ""},
	}
	for _, tt := range tests {
		t.Run(tt.mark+" "+tt.text, func(t *testing.T) {
			v := own(t, "{}", "{t: {effect: refund, unit: major, currency: {const: EUR}, amount: {path: a, decimal: '"+tt.mark+"', plus: {const: 100000}}}}")
			got, err := v.Outcome(vendors.Identity{ID: "e", Type: "t", Data: fmt.Appendf(nil, `{"a":%q}`, tt.text)})
			if tt.want == "" {
				if err == nil {
					t.Fatalf("took it as %v", got.Effects)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := got.Effects[0].Amount.Sub(decimal.New(100000, 0)); !diff.Equal(decimal.RequireFromString(tt.want)) {
				t.Errorf("got %s, want %s", diff, tt.want)
			}
		})
	}
}

// TestRulesRefused names what is wrong with a rule when the file is read.
func TestRulesRefused(t *testing.T) {
	const rest = "unit: major, amount: a, currency: {const: EUR}"
	for name, tt := range map[string]struct{ sales, want string }{
		"both effect and effects":      {"{effect: sale, effects: [{effect: sale}], " + rest + "}", "either effect or effects"},
		"as_of without an object":      {"{effect: sale, as_of: at, " + rest + "}", "go with object"},
		"a time and a step":            {"{effect: sale, object: o, as_of: at, step: 1, " + rest + "}", "not by both"},
		"a step too many":              {"{effect: sale, object: o, step: 5000, " + rest + "}", "step: 0 to"},
		"alone without an object":      {"{effect: sale, alone: true, " + rest + "}", "alone goes with object"},
		"items without a key":          {"{effect: sale, each: xs, " + rest + "}", "each needs a key"},
		"no parent":                    {"{effect: sale, key: 'parent:id', " + rest + "}", "looks out of an item"},
		"no parent where it is shared": {"{key: 'parent:id', " + rest + ", effects: [{effect: sale, each: xs, amount: a}]}", "looks out of an item"},
		"an order with an amount":      {"{effect: order, currency: {const: EUR}, amount: a}", "an order has no amount"},
		"too many decimals":            {"{effect: sale, unit: major, currency: {const: EUR}, amount: {path: a, round: 9}}", "round: 0 to 4"},
		"a mark that is none":          {"{effect: sale, unit: major, currency: {const: EUR}, amount: {path: a, decimal: ';'}}", "unknown decimal mark"},
		"a bound that is no number":    {"{effect: sale, when: {a: {above: x}}, " + rest + "}", "is not a number"},
		"an unknown condition":         {"{effect: sale, when: {a: {abov: 1}}, " + rest + "}", `did you mean "above"?`},
		"an unknown effect":            {"{effect: reversl, " + rest + "}", `did you mean "reversal"?`},
		"part of no preset's rule":     {"{when: {a: b}}", "a rule needs an effect"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := vendors.Parse("v.yaml", []byte("vendors: {acme: {signature: {scheme: hub}, sales: {t: "+tt.sales+"}}}"), options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "v.yaml:1:1:") {
				t.Errorf("without a place: %v", err)
			}
		})
	}
}

// TestCounting tells the ways apart in which an event counts for nothing.
func TestCounting(t *testing.T) {
	v := own(t, "{}", "{t: {effect: sale, when: {s: paid}, unit: major, amount: a, currency: {const: EUR}}, o: {object: id, effect: none}, off: null}")
	if !v.CountsMoney() || own(t, "{}", "{t: {effect: none}, off: null}").CountsMoney() {
		t.Error("a vendor counts money where a rule has an effect")
	}
	for _, tt := range []struct {
		typ, body string
		want      vendors.Counting
	}{
		{"t", `{"s":"paid","a":1}`, vendors.Counted},
		{"t", `{"s":"open","a":1}`, vendors.NoMoney},
		{"o", `{"id":1}`, vendors.Counted},
		{"off", `{}`, vendors.NoMoney},
		{"u", `{}`, vendors.UnknownType},
		{"", `{}`, vendors.NoType},
	} {
		outcome, err := v.Outcome(vendors.Identity{ID: "e", Type: tt.typ, Data: []byte(tt.body)})
		if got := v.Counting(tt.typ, &outcome); err != nil || got != tt.want {
			t.Errorf("%q %s: %s, %v; want %s", tt.typ, tt.body, got, err, tt.want)
		}
	}
}
