package vendors

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas/extract"
)

// saleMapping is the compiled sales of a vendor.
type saleMapping struct {
	content content
	digits  map[string]int32 // the vendor's own minor units, where they are not those of ISO 4217
	types   byType[*typeMapping]
	money   bool // a rule has an effect
}

// typeMapping is what the events of one type do to the figures.
type typeMapping struct {
	rules []*saleRule
	test  [][]condition  // what marks test money: all conditions of any of these
	paths *extract.Paths // that all of these read
}

// saleRule is a compiled ruleSpec. Of a type's rules the first that holds decides.
type saleRule struct {
	when    []condition
	object  *value     // nil: the effects stand for themselves
	asOf    *timeValue // nil: the event's time
	step    time.Time  // in place of asOf; zero for none
	effects []*effect  // none for effect: none
	several bool       // effects were written as a list: the rule holds even if none of them does
}

// effect is a compiled effectSpec.
type effect struct {
	kind       Kind
	when       []condition
	each       extract.Path // of a list, of whose items each has the effect; "" for one effect of the event
	alone      bool
	key        *value // nil: the object, or the event's ID
	amount     *amount
	minor      bool
	rounded    bool // to the decimals of the currency: the amount has a quotient in it
	currency   value
	order      *value
	time       *timeValue
	dimensions []dimension
}

type dimension struct {
	name  string
	value value
}

// Outcome maps an event to what it does to the figures. It depends on nothing but the event and the vendor's
// configuration.
//
// Every error wraps ErrMapping and says which part cannot be read.
func (v *Vendor) Outcome(event Identity) (Outcome, error) {
	out, _, err := v.outcome(event, nil)
	return out, err
}

// outcome returns the rule that decided too; nil where none held. It adds to trace where it is not nil.
func (v *Vendor) outcome(event Identity, trace *trace) (Outcome, *saleRule, error) {
	mapping := v.sales.types.of(event.Type)
	if mapping == nil || len(mapping.rules) == 0 {
		return Outcome{}, nil, nil
	}
	doc, err := v.sales.content.stored(event.Data)
	if err != nil {
		return Outcome{}, nil, fmt.Errorf("%w: %w", ErrMapping, err)
	}
	src := eventSource{item: extract.New(jsonscan.View(doc), mapping.paths), data: event.Data, id: event.ID, typ: event.Type, trace: trace}
	for _, r := range mapping.rules {
		out, ok, err := r.apply(&src, event.Time, v.sales.digits)
		if err != nil {
			return Outcome{}, r, fmt.Errorf("%w: %s: %w", ErrMapping, event.Type, err)
		}
		if ok {
			out.Test = event.Test || anyOf(mapping.test, &src)
			return out, r, nil
		}
	}
	return Outcome{}, nil, nil
}

// apply returns ok where the rule holds.
func (r *saleRule) apply(src *eventSource, at time.Time, digits map[string]int32) (out Outcome, ok bool, err error) {
	if !all(r.when, src) {
		return Outcome{}, false, nil
	}
	if r.object != nil {
		if out.Object, err = required("object", r.object, src); err != nil {
			return Outcome{}, false, err
		}
		out.Object = nameOrHash(out.Object)
		out.AsOf, out.Step = r.step, !r.step.IsZero()
		if r.asOf != nil {
			if out.AsOf, _, err = readTime("as_of", r.asOf, src, at); err != nil {
				return Outcome{}, false, err
			}
		}
	}
	if len(r.effects) > 0 {
		out.Effects = make([]Effect, 0, len(r.effects))
	}
	for _, e := range r.effects {
		base := Effect{Kind: e.kind, Key: src.id, Time: at, Alone: e.alone}
		if out.Object != "" && !e.alone {
			base.Key, base.OwnKey = out.Object, !r.object.readsID()
		}
		if out.Effects, err = e.append(out.Effects, src, base, digits); err != nil {
			return Outcome{}, false, err
		}
	}
	if len(out.Effects) == 0 {
		out.Effects = nil
	}
	holds := out.Effects != nil || len(r.effects) == 0 || r.several || out.Object != ""
	return out, holds, nil
}

// append adds the effect of the event, or those of its items, to dst. base holds what an effect has where nothing else
// is said.
func (e *effect) append(dst []Effect, src *eventSource, base Effect, digits map[string]int32) ([]Effect, error) {
	if !e.each.Given() {
		return e.appendOne(dst, src, base, digits)
	}
	return e.appendItems(dst, src, base, digits)
}

func (e *effect) appendItems(dst []Effect, src *eventSource, base Effect, digits map[string]int32) ([]Effect, error) {
	list := src.item.Value(e.each)
	switch list.Kind() {
	case jsonscan.Absent, jsonscan.Null:
		return dst, nil
	case jsonscan.List:
	default:
		return dst, fmt.Errorf("each: no list at %q", e.each)
	}
	around := src.around()
	for _, item := range list.Items() {
		if len(dst) == maxItems {
			return dst, fmt.Errorf("each: more than %d effects of one event", maxItems)
		}
		inner := around.of(item)
		var err error
		if dst, err = e.appendOne(dst, &inner, base, digits); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (e *effect) appendOne(dst []Effect, src *eventSource, out Effect, digits map[string]int32) ([]Effect, error) {
	if !all(e.when, src) {
		return dst, nil
	}
	var ok bool
	var err error
	if out.Amount, out.Currency, ok, err = e.readMoney(src, digits); err != nil || !ok {
		return dst, err
	}
	if e.key != nil {
		if out.Key, err = required("key", e.key, src); err != nil {
			return dst, err
		}
		out.Key, out.OwnKey = nameOrHash(out.Key), !e.key.readsID()
	}
	if e.order != nil {
		if out.Order, err = e.order.read(src); err != nil {
			return dst, fmt.Errorf("order: %w", err)
		}
		out.Order = clip(out.Order, maxID)
	}
	if e.time != nil {
		if out.Time, out.OwnTime, err = readTime("time", e.time, src, out.Time); err != nil {
			return dst, err
		}
	}
	if out.Dimensions, err = e.readDimensions(src); err != nil {
		return dst, err
	}
	if src.trace != nil {
		src.trace.add(e, src, &out)
	}
	return append(dst, out), nil
}

// readMoney returns the amount, in major units, and its currency. ok is false where nothing moved: a sum has nothing to
// sum, or the vendor states no fee.
func (e *effect) readMoney(src *eventSource, digits map[string]int32) (d decimal.Decimal, code string, ok bool, err error) {
	if e.amount != nil {
		var is presence
		d, is, err = e.amount.read(src)
		switch {
		case err != nil:
			return d, "", false, err
		case is == unmatched, is == absent && (e.kind == KindFee || e.kind == KindTax):
			return d, "", false, nil
		case is == absent:
			return d, "", false, fmt.Errorf("amount: nothing at %s", e.amount)
		}
	}
	if code, err = required("currency", &e.currency, src); err != nil {
		return d, "", false, err
	}
	if code, err = currencyCode(code); err != nil {
		return d, "", false, err
	}
	if e.rounded && e.minor {
		d = d.Round(0)
	} else if e.rounded {
		d = d.Round(minorDigits(code, digits))
	}
	if e.minor {
		if d, err = majorUnits(d, minorDigits(code, digits)); err != nil {
			return d, "", false, err
		}
	}
	d, err = checkAmount(d)
	return d, code, err == nil && !(d.IsZero() && e.kind.movesOnly()), err
}

// movesOnly says that an effect of that kind is nothing where its amount is zero; an order for free is an order.
func (k Kind) movesOnly() bool { return k != KindSale && k != KindOrder }

// minorDigits is how many decimals a currency's minor unit has at a vendor.
func minorDigits(code string, own map[string]int32) int32 {
	if places, ok := own[code]; ok {
		return places
	}
	places, _ := digitsOf(code)
	return places
}

// readTime returns what stands at v, or otherwise where nothing does; found says which.
func readTime(name string, v *timeValue, src *eventSource, otherwise time.Time) (t time.Time, found bool, err error) {
	text, err := v.read(src)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("%s: %w", name, err)
	}
	if text == "" {
		return otherwise, false, nil
	}
	t, ok := v.parse(text)
	if !ok {
		return time.Time{}, false, fmt.Errorf("%s: %q is in none of the formats of %s", name, clip(text, maxBadTime), &v.value)
	}
	return t, true, nil
}

// readDimensions leaves out what is not there, and is nil where nothing is.
func (e *effect) readDimensions(src *eventSource) (map[string]string, error) {
	var out map[string]string
	for i := range e.dimensions {
		d := &e.dimensions[i]
		text, err := d.value.read(src)
		if err != nil {
			return nil, fmt.Errorf("dimension %s: %w", d.name, err)
		}
		if text == "" {
			continue
		}
		if out == nil {
			out = make(map[string]string, len(e.dimensions))
		}
		out[d.name] = clip(text, maxID)
	}
	return out, nil
}

func required(name string, v *value, src *eventSource) (string, error) {
	text, err := v.read(src)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if text == "" {
		return "", fmt.Errorf("%s: nothing at %s", name, v)
	}
	return text, nil
}
