package vendors_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v4"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// sequenceFile is schemas/testdata/PRESET/sequences.yaml: what a vendor sends about one payment or order, delivery by
// delivery, and what it must come to. Bodies are written once and varied by paths.
type sequenceFile struct {
	Source    string              `yaml:"source"` // where the form of the bodies is documented
	Bodies    map[string]delivery `yaml:"bodies"`
	Sequences []sequence          `yaml:"sequences"`
}

type delivery struct {
	Headers map[string]string `yaml:"headers"`
	Body    any               `yaml:"body"`
}

type sequence struct {
	Name       string    `yaml:"name"`
	Vendor     string    `yaml:"vendor"` // what stands in vendors.yaml beside the preset; "" for nothing
	Want       wanted    `yaml:"want"`
	Deliveries []variant `yaml:"deliveries"`
	Alone      *wanted   `yaml:"alone"` // what the last delivery alone must come to; nil where that says nothing
}

// variant is a body of the file with some of its fields set, by path; a null takes the field away.
type variant struct {
	Is      string            `yaml:"is"`
	Set     map[string]any    `yaml:"set"`
	Headers map[string]string `yaml:"headers"`
}

type wanted struct {
	Gross    string            `yaml:"gross" json:"gross"`
	Refunds  string            `yaml:"refunds" json:"refunds"`
	Orders   int               `yaml:"orders" json:"orders"`
	Currency string            `yaml:"currency" json:"-"`
	Fees     string            `yaml:"fees" json:"-"`
	Taxes    string            `yaml:"taxes" json:"-"`
	Test     string            `yaml:"test" json:"-"`   // gross of test money
	Dead     int               `yaml:"dead" json:"-"`   // deliveries that are dead-lettered
	Months   map[string]string `yaml:"months" json:"-"` // net by month; not checked where absent
}

// TestSequences tries each sequence of each preset in every order, with repeats.
func TestSequences(t *testing.T) {
	for _, preset := range vendors.Presets() {
		if !hasSequences(t, preset) {
			continue
		}
		t.Run(preset.Name, func(t *testing.T) {
			file := readSequences(t, preset.Name)
			if len(file.Sequences) < minSequences || file.Source == "" {
				t.Errorf("%d sequences, want %d and their source", len(file.Sequences), minSequences)
			}
			for _, s := range file.Sequences {
				t.Run(s.Name, func(t *testing.T) {
					statements := file.statements(t, preset.Name, s)
					inEveryOrder(len(statements), func(order []int) {
						if t.Failed() {
							return
						}
						if got := figuresOf(statements, order).compare(s.Want); got != "" {
							t.Errorf("in the order %v: %s", order, got)
						}
					})
					if s.Alone != nil {
						last := len(statements) - 1
						if got := figuresOf(statements, []int{last}).compare(*s.Alone); got != "" {
							t.Errorf("the last delivery alone: %s", got)
						}
					}
				})
			}
		})
	}
}

// minSequences is how many each preset that counts money has at least.
const minSequences = 8

// withoutSequences are presets that count money, and of whose vendors nobody has written down yet what they send about
// one payment.
var withoutSequences = []string{
	"apple-app-store", "asaas", "braintree", "cashfree", "chargebee", "coinbase-commerce", "fastspring", "fourthwall", "hotmart", "ko-fi", "korapay",
	"midtrans", "mollie", "monnify", "omise", "paymob", "paymongo", "payu", "phonepe",
	"squad", "wompi", "xendit",
}

func hasSequences(t *testing.T, preset vendors.Preset) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(testkit.Root(t), "schemas", "testdata", preset.Name, "sequences.yaml"))
	excused := slices.Contains(withoutSequences, preset.Name)
	if len(preset.Sales) > 0 && (err == nil) == excused {
		t.Errorf("%s: sequences.yaml is missing, or the preset is still listed without", preset.Name)
	}
	return err == nil
}

func readSequences(t *testing.T, preset string) (file sequenceFile) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(testkit.Root(t), "schemas", "testdata", preset, "sequences.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(src, &file, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSharedSequences reads sequences that are kept elsewhere, in the order in which they were recorded; many of their
// times are equal, so that other orders decide nothing.
func TestSharedSequences(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(testkit.Vectors(t), "money", "sequences.json"))
	if err != nil {
		t.Skip(err)
	}
	var all []struct {
		Name, Preset, What, Grade string
		Want                      wanted
		Deliveries                []delivery
	}
	if err := json.Unmarshal(src, &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			vendor := load(t, "vendors: {acme: {preset: "+s.Preset+"}}")
			s.Want.Test = unchecked
			var statements []statement
			for _, d := range s.Deliveries {
				statements = append(statements, mapped(t, vendor, d)...)
			}
			order := make([]int, 0, 2*len(statements))
			for i := range statements {
				order = append(order, i, i)
			}
			got := figuresOf(statements, order).compare(s.Want)
			switch {
			case got == "":
			case s.Grade == "unsettled":
				t.Logf("differs: %s: %s", got, s.What)
			default:
				t.Errorf("%s: %s", got, s.What)
			}
		})
	}
}

// statements maps the deliveries of s.
func (f *sequenceFile) statements(t *testing.T, preset string, s sequence) []statement {
	t.Helper()
	extra := ""
	if s.Vendor != "" {
		extra = ", " + s.Vendor
	}
	vendor := load(t, "vendors: {acme: {preset: "+preset+extra+"}}")
	var out []statement
	for i, v := range s.Deliveries {
		base, ok := f.Bodies[v.Is]
		if !ok {
			t.Fatalf("no body %q", v.Is)
		}
		d := delivery{Headers: maps.Clone(base.Headers), Body: clone(t, base.Body)}
		for name, value := range v.Headers {
			d.Headers[name] = value
		}
		for path, value := range v.Set {
			d.Body = set(t, d.Body, strings.Split(path, "."), value)
		}
		if d.Headers == nil {
			d.Headers = map[string]string{}
		}
		for _, name := range []string{"X-Shopify-Event-Id", "X-WC-Webhook-Delivery-ID", "X-Razorpay-Event-Id", "X-GitHub-Delivery", "Webhook-Id"} {
			d.Headers[name] = fmt.Sprint(v.Is, i) // what tells deliveries apart
		}
		out = append(out, mapped(t, vendor, d)...)
	}
	return out
}

// clone copies a body by way of JSON, with numbers as they are written.
func clone(t *testing.T, body any) any {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var out any
	if err := decoder.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// set returns body with value at path; a number in the path is an index into a list.
func set(t *testing.T, body any, path []string, value any) any {
	t.Helper()
	if len(path) == 0 {
		return clone(t, value)
	}
	switch b := body.(type) {
	case []any:
		var i int
		if _, err := fmt.Sscan(path[0], &i); err != nil || i >= len(b) {
			t.Fatalf("no item %q", path[0])
		}
		b[i] = set(t, b[i], path[1:], value)
		return b
	case map[string]any:
		if value == nil && len(path) == 1 {
			delete(b, path[0])
		} else {
			b[path[0]] = set(t, b[path[0]], path[1:], value)
		}
		return b
	case nil:
		return set(t, map[string]any{}, path, value)
	}
	t.Fatalf("nothing can be set at %q", path)
	return nil
}

// statement is one event with what it says.
type statement struct {
	event   vendors.Identity
	outcome vendors.Outcome
	dead    bool
}

func mapped(t *testing.T, vendor *vendors.Vendor, d delivery) []statement {
	t.Helper()
	body, err := json.Marshal(d.Body)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	for name, value := range d.Headers {
		header.Set(name, value)
	}
	events, err := vendor.Identify(nil, header, body)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]statement, len(events))
	for i, e := range events {
		outcome, err := vendor.Outcome(e)
		if err != nil {
			t.Log(err)
		}
		out[i] = statement{event: e, outcome: outcome, dead: err != nil || e.BadTime != ""}
	}
	return out
}

// inEveryOrder calls do with orders of n deliveries: all there are up to 6, and many beyond; then with repeats.
func inEveryOrder(n int, do func(order []int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	random := rand.New(rand.NewPCG(1, uint64(n)))
	shuffle := func(order []int) {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	if n <= 6 {
		permute(order, 0, do)
	}
	for range 300 {
		shuffle(order)
		do(order)
		repeated := append(slices.Clone(order), order[:random.IntN(n+1)]...)
		shuffle(repeated)
		do(repeated)
	}
}

func permute(order []int, from int, do func([]int)) {
	if from == len(order) {
		do(order)
		return
	}
	for i := from; i < len(order); i++ {
		order[from], order[i] = order[i], order[from]
		permute(order, from+1, do)
		order[from], order[i] = order[i], order[from]
	}
}

// figures are what statements come to.
type figures struct {
	gross, refunds, fees, taxes, test decimal.Decimal
	orders, dead                      int
	currencies                        map[string]bool
	months                            map[string]decimal.Decimal
}

// stated is an effect with the rank of the statement about it.
type stated struct {
	effects []vendors.Effect
	test    bool
	rank    [3]int64 // the higher counts, and of equal ones the later
}

// figuresOf folds statements as they arrive, one a second: of what they say about an object the newest state counts, and
// of what they say about an effect that stands for itself that of the earliest event.
func figuresOf(statements []statement, order []int) figures {
	known := map[string]stated{}
	put := func(key string, s stated) {
		if old, ok := known[key]; !ok || slices.Compare(s.rank[:], old.rank[:]) >= 0 {
			known[key] = s
		}
	}
	dead := map[int]bool{}
	for arrival, i := range order {
		s := &statements[i]
		received := farAway + int64(arrival)
		if s.dead {
			dead[i] = true
			continue
		}
		at, state := received, []vendors.Effect{}
		if !s.event.Time.IsZero() {
			at = s.event.Time.Unix()
		}
		for _, e := range s.outcome.Effects {
			if s.outcome.Object != "" && !e.Alone {
				state = append(state, e)
				continue
			}
			put(string(e.Kind)+" "+e.Key, stated{[]vendors.Effect{e}, s.outcome.Test, [3]int64{-at, at - received}})
		}
		if s.outcome.Object != "" {
			asOf := [2]int64{at}
			if t := s.outcome.AsOf; !t.IsZero() {
				asOf = [2]int64{t.Unix(), int64(t.Nanosecond() / 1e6)}
			}
			put("object "+s.outcome.Object, stated{state, s.outcome.Test, [3]int64{asOf[0], asOf[1], int64(min(len(state), 63))}})
		}
	}
	return add(known, len(dead))
}

// farAway is when deliveries arrive, in Unix seconds: after all that they say.
const farAway = 2_000_000_000

// add adds up what counts.
func add(known map[string]stated, dead int) figures {
	f := figures{currencies: map[string]bool{}, months: map[string]decimal.Decimal{}, dead: dead}
	for _, s := range known {
		for _, e := range s.effects {
			if s.test {
				if e.Kind == vendors.KindSale || e.Kind == vendors.KindCapture {
					f.test = f.test.Add(e.Amount)
				}
				continue
			}
			f.count(e)
		}
	}
	return f
}

func (f *figures) count(e vendors.Effect) {
	f.currencies[e.Currency] = true
	net := decimal.Decimal{}
	switch e.Kind {
	case vendors.KindSale, vendors.KindCapture:
		f.gross, net = f.gross.Add(e.Amount), e.Amount
	case vendors.KindRefund:
		f.refunds, net = f.refunds.Add(e.Amount), e.Amount.Neg()
	case vendors.KindReversal:
		f.refunds, net = f.refunds.Sub(e.Amount), e.Amount
	case vendors.KindFee:
		f.fees = f.fees.Add(e.Amount)
	case vendors.KindTax:
		f.taxes = f.taxes.Add(e.Amount)
	}
	if e.Kind == vendors.KindSale || e.Kind == vendors.KindOrder {
		f.orders++
	}
	if !net.IsZero() {
		month := "undated"
		if !e.Time.IsZero() {
			month = e.Time.UTC().Format("2006-01")
		}
		f.months[month] = f.months[month].Add(net)
	}
}

// unchecked is what a wanted figure says that is not known.
const unchecked = "-"

// compare says what differs from want; "" for nothing.
func (f figures) compare(want wanted) string {
	var out []string
	check := func(name, want string, got decimal.Decimal) {
		if want == "" {
			want = "0"
		}
		if !decimal.RequireFromString(want).Equal(got) {
			out = append(out, fmt.Sprintf("%s %s, want %s", name, got, want))
		}
	}
	check("gross", want.Gross, f.gross)
	check("refunds", want.Refunds, f.refunds)
	if want.Test != unchecked {
		check("test money", want.Test, f.test)
	}
	if want.Fees != "" {
		check("fees", want.Fees, f.fees)
	}
	if want.Taxes != "" {
		check("taxes", want.Taxes, f.taxes)
	}
	if f.orders != want.Orders || f.dead != want.Dead {
		out = append(out, fmt.Sprintf("orders %d, want %d; dead letters %d, want %d", f.orders, want.Orders, f.dead, want.Dead))
	}
	if len(f.currencies) > 1 || want.Currency != "" && !f.currencies[want.Currency] {
		out = append(out, fmt.Sprintf("currencies %v", slices.Sorted(maps.Keys(f.currencies))))
	}
	for month, net := range want.Months {
		check("net of "+month, net, f.months[month])
	}
	if want.Months != nil && len(f.months) != len(want.Months) {
		out = append(out, fmt.Sprintf("months %v", slices.Sorted(maps.Keys(f.months))))
	}
	return strings.Join(out, "; ")
}
