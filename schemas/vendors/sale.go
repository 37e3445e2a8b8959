package vendors

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// saleMapping is the compiled sales of a vendor.
type saleMapping struct {
	content  content
	digits   map[string]int32 // the vendor's own minor units, where they are not those of ISO 4217
	exact    map[string][]*rule
	patterns []patternRules // most specific first
}

type patternRules struct {
	pattern string
	rules   []*rule
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
}

type dimension struct {
	name  string
	value value
}

// Sale maps an event to its effect. ok is false for an event that is neither sale nor refund. It depends on
// nothing but the event and the vendor's configuration.
//
// Every error wraps ErrMapping and says which part cannot be read.
func (v *Vendor) Sale(event Identity) (sale Sale, ok bool, err error) {
	rules, listed := v.sales.exact[event.Type]
	if !listed {
		for i := range v.sales.patterns {
			if matchPattern(v.sales.patterns[i].pattern, event.Type) {
				rules = v.sales.patterns[i].rules
				break
			}
		}
	}
	if len(rules) == 0 {
		return Sale{}, false, nil
	}
	doc, err := v.sales.content.stored(event.Data)
	if err != nil {
		return Sale{}, false, fmt.Errorf("%w: %w", ErrMapping, err)
	}
	src := source{item: view(doc), data: event.Data, id: event.ID, typ: event.Type}
	for _, r := range rules {
		sale, ok, err := r.apply(&src, event.Time, v.sales.digits)
		if err != nil {
			return Sale{}, false, fmt.Errorf("%w: %s: %w", ErrMapping, event.Type, err)
		}
		if ok {
			return sale, sale.Kind != "", nil
		}
	}
	return Sale{}, false, nil
}

// apply returns ok where the rule holds; the sale of effect none has no Kind.
func (r *rule) apply(src *source, at time.Time, digits map[string]int32) (sale Sale, ok bool, err error) {
	if !all(r.when, src) {
		return Sale{}, false, nil
	}
	if r.effect == "" {
		return Sale{}, true, nil
	}
	sale = Sale{Kind: r.effect, Key: src.id, Time: at}
	amount, ok, err := r.amount.read(src)
	if err != nil || !ok {
		return Sale{}, false, err
	}
	code, err := required("currency", &r.currency, src)
	if err != nil {
		return Sale{}, false, err
	}
	if sale.Currency, err = currencyCode(code); err != nil {
		return Sale{}, false, err
	}
	if r.minor {
		places, own := digits[sale.Currency]
		if !own {
			places, _ = digitsOf(sale.Currency)
		}
		if amount, err = majorUnits(amount, places); err != nil {
			return Sale{}, false, err
		}
	}
	if sale.Amount, err = checkAmount(amount); err != nil {
		return Sale{}, false, err
	}
	if r.key != nil {
		if sale.Key, err = required("key", r.key, src); err != nil {
			return Sale{}, false, err
		}
		sale.Key = nameOrHash(sale.Key)
	}
	if r.order != nil {
		if sale.Order, err = r.order.read(src); err != nil {
			return Sale{}, false, fmt.Errorf("order: %w", err)
		}
		sale.Order = clip(sale.Order, maxID)
	}
	if r.time != nil {
		if err := r.readTime(src, &sale); err != nil {
			return Sale{}, false, err
		}
	}
	if sale.Dimensions, err = r.readDimensions(src); err != nil {
		return Sale{}, false, err
	}
	return sale, true, nil
}

// readTime replaces the event's time by the sale's own where there is one.
func (r *rule) readTime(src *source, sale *Sale) error {
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
	sale.Time = t
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

// matchPattern compares an event type with a pattern in which * stands for any run of characters.
func matchPattern(pattern, typ string) bool {
	if pattern == "*" {
		return true
	}
	prefix, suffix, _ := strings.Cut(pattern, "*")
	return len(typ) >= len(prefix)+len(suffix) && strings.HasPrefix(typ, prefix) && strings.HasSuffix(typ, suffix)
}

var dimensionName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func (c *compiler) compileSales(spec *vendorSpec, body content) saleMapping {
	m := saleMapping{content: body, exact: make(map[string][]*rule), digits: make(map[string]int32)}
	for code, digits := range spec.Digits {
		if _, err := currencyCode(code); err != nil || code != strings.ToUpper(code) {
			c.fail(digits, "%q is not an ISO 4217 currency: write it like JPY", code)
		} else if *digits < 0 || *digits > maxDecimals {
			c.fail(digits, "%s: a minor unit has 0 to %d decimals", code, maxDecimals)
		} else {
			m.digits[code] = int32(*digits)
		}
	}
	for typ, rules := range spec.Sales {
		compiled := make([]*rule, 0, len(*rules))
		for _, r := range *rules {
			if r == nil {
				c.fail(rules, "an item of this list is empty")
				continue
			}
			compiled = append(compiled, c.compileRule(r))
		}
		switch stars := strings.Count(typ, "*"); {
		case stars == 0:
			m.exact[typ] = compiled
		case stars == 1:
			m.patterns = append(m.patterns, patternRules{typ, compiled})
		default:
			c.fail(rules, "%q: a pattern has one *", typ)
		}
	}
	slices.SortFunc(m.patterns, func(a, b patternRules) int {
		return cmp.Or(len(b.pattern)-len(a.pattern), strings.Compare(a.pattern, b.pattern))
	})
	return m
}

var effects = []string{string(KindSale), string(KindRefund), "none"}

func (c *compiler) compileRule(spec *ruleSpec) *rule {
	r := &rule{when: c.compileWhen(spec.When)}
	switch spec.Effect {
	case string(KindSale), string(KindRefund):
		r.effect = Kind(spec.Effect)
	case "none":
		return r
	case "":
		c.fail(spec, "a rule needs an effect: sale, refund or none")
		return r
	default:
		c.fail(&spec.Effect, "unknown effect %q%s", spec.Effect, suggest(spec.Effect, effects))
		return r
	}
	switch spec.Unit {
	case "minor":
		r.minor = true
	case "major":
	case "":
		c.fail(spec, "a %s needs a unit: minor (cents) or major (units with decimals)", r.effect)
	default:
		c.fail(&spec.Unit, "unknown unit %q: use minor (cents) or major (units with decimals)", spec.Unit)
	}
	if spec.Amount == nil {
		c.fail(spec, "a %s needs an amount", r.effect)
	} else {
		r.amount = c.compileAmount(spec.Amount)
	}
	if spec.Currency == nil {
		c.fail(spec, "a %s needs a currency: a path, or {const: EUR}", r.effect)
	} else {
		r.currency = c.compileValue(spec.Currency, spec.Currency, true)
		if spec.Currency.Const != nil {
			if _, err := currencyCode(*spec.Currency.Const); err != nil {
				c.fail(spec.Currency.Const, "%s", err)
			}
		}
	}
	if spec.Key != nil {
		key := c.compileValue(spec.Key, spec.Key, true)
		r.key = &key
	}
	if spec.Order != nil {
		order := c.compileValue(spec.Order, spec.Order, true)
		r.order = &order
	}
	if spec.Time != nil {
		t := c.compileTime(spec.Time, true)
		r.time = &t
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Dimensions)) {
		v := spec.Dimensions[name]
		if !dimensionName.MatchString(name) {
			c.fail(v, "%q is no name for a dimension: small letters, digits and _, first a letter", name)
		}
		r.dimensions = append(r.dimensions, dimension{name, c.compileValue(v, v, true)})
	}
	return r
}
