package vendors

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// saleMapping is the compiled sales of a vendor.
type saleMapping struct {
	content content
	digits  map[string]int32 // the vendor's own minor units, where they are not those of ISO 4217
	rules   byType[[]*rule]
}

// rule is a compiled ruleSpec.
type rule struct {
	effect     Kind // "" for none
	when       []match
	key        *value // nil: the event's ID
	amount     amount
	minor      bool
	currency   value
	order      *value
	time       *timeValue
	dimensions []dimension
	fields     *fields // that the rules of the event's type read
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
	rules := v.sales.rules.of(event.Type)
	if len(rules) == 0 {
		return Outcome{}, nil
	}
	doc, err := v.sales.content.stored(event.Data)
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrMapping, err)
	}
	src := source{item: view(doc), data: event.Data, id: event.ID, typ: event.Type, fields: rules[0].fields}
	for _, r := range rules {
		effect, ok, err := r.apply(&src, event.Time, v.sales.digits)
		if err != nil {
			return Outcome{}, fmt.Errorf("%w: %s: %w", ErrMapping, event.Type, err)
		}
		if ok && effect.Kind != "" {
			return Outcome{Effects: []Effect{effect}}, nil
		}
		if ok {
			break
		}
	}
	return Outcome{}, nil
}

// apply returns ok where the rule holds; what a rule of effect none yields has no Kind.
func (r *rule) apply(src *source, at time.Time, digits map[string]int32) (e Effect, ok bool, err error) {
	if !all(r.when, src) {
		return Effect{}, false, nil
	}
	if r.effect == "" {
		return Effect{}, true, nil
	}
	e = Effect{Kind: r.effect, Key: src.id, Time: at}
	if e.Amount, e.Currency, ok, err = r.readMoney(src, digits); err != nil || !ok {
		return Effect{}, false, err
	}
	if r.key != nil {
		if e.Key, err = required("key", r.key, src); err != nil {
			return Effect{}, false, err
		}
		e.Key = nameOrHash(e.Key)
	}
	if r.order != nil {
		if e.Order, err = r.order.read(src); err != nil {
			return Effect{}, false, fmt.Errorf("order: %w", err)
		}
		e.Order = clip(e.Order, maxID)
	}
	if r.time != nil {
		if err := r.readTime(src, &e); err != nil {
			return Effect{}, false, err
		}
	}
	if e.Dimensions, err = r.readDimensions(src); err != nil {
		return Effect{}, false, err
	}
	return e, true, nil
}

// readMoney returns the amount in major units; ok is false where a sum has nothing to sum.
func (r *rule) readMoney(src *source, digits map[string]int32) (amount decimal.Decimal, code string, ok bool, err error) {
	if amount, ok, err = r.amount.read(src); err != nil || !ok {
		return amount, "", false, err
	}
	if code, err = required("currency", &r.currency, src); err != nil {
		return amount, "", false, err
	}
	if code, err = currencyCode(code); err != nil {
		return amount, "", false, err
	}
	if r.minor {
		places, own := digits[code]
		if !own {
			places, _ = digitsOf(code)
		}
		if amount, err = majorUnits(amount, places); err != nil {
			return amount, "", false, err
		}
	}
	amount, err = checkAmount(amount)
	return amount, code, err == nil, err
}

// readTime replaces the event's time by the effect's own where there is one.
func (r *rule) readTime(src *source, e *Effect) error {
	text, err := r.time.read(src)
	if err != nil {
		return fmt.Errorf("time: %w", err)
	}
	if text == "" {
		return nil
	}
	t, ok := r.time.parse(text)
	if !ok {
		return fmt.Errorf("time: %q is in none of the formats of %s", clip(text, maxBadTime), &r.time.value)
	}
	e.Time = t
	return nil
}

// readDimensions leaves out what is not there, and is nil where nothing is.
func (r *rule) readDimensions(src *source) (map[string]string, error) {
	var out map[string]string
	for i := range r.dimensions {
		d := &r.dimensions[i]
		text, err := d.value.read(src)
		if err != nil {
			return nil, fmt.Errorf("dimension %s: %w", d.name, err)
		}
		if text == "" {
			continue
		}
		if out == nil {
			out = make(map[string]string, len(r.dimensions))
		}
		out[d.name] = clip(text, maxID)
	}
	return out, nil
}

func required(name string, v *value, src *source) (string, error) {
	text, err := v.read(src)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if text == "" {
		return "", fmt.Errorf("%s: nothing at %s", name, v)
	}
	return text, nil
}
