package vendors

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas/extract"
)

var dimensionName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func (c *compiler) compileSales(spec *vendorSpec, body content) saleMapping {
	m := saleMapping{content: body, digits: make(map[string]int32)}
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
		compiled := c.compileType(spec, rules)
		if !m.types.add(typ, compiled) {
			c.fail(rules, "%q: a pattern has one *", typ)
		}
		m.money = m.money || slices.ContainsFunc(compiled.rules, func(r *saleRule) bool { return len(r.effects) > 0 })
	}
	return m
}

func (c *compiler) compileType(spec *vendorSpec, rules *rulesSpec) *typeMapping {
	c.paths = new(extract.Paths)
	m := &typeMapping{paths: c.paths}
	for _, when := range spec.Test {
		if len(when) > 0 && !when.readsDelivery() {
			m.test = append(m.test, c.compileWhen(when, true))
		}
	}
	for _, r := range *rules {
		if r == nil {
			c.fail(rules, "an item of this list is empty")
			continue
		}
		m.rules = append(m.rules, c.compileRule(r))
	}
	return m
}

var kinds = []string{
	string(KindSale), string(KindCapture), string(KindOrder), string(KindRefund), string(KindReversal), string(KindFee), string(KindTax), "none",
}

// stepOrigin is the time of step 0. Steps stand a second apart: the rank of a state is a time.
var stepOrigin = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

const maxStep = 1000

func (c *compiler) compileRule(spec *ruleSpec) *saleRule {
	c.at[&spec.effectSpec] = c.at[spec]
	r := &saleRule{when: c.compileWhen(spec.When, true), several: spec.Effects != nil}
	c.compileObject(r, spec)
	if spec.Effects == nil {
		if e := c.compileEffect(&spec.effectSpec, nil); e != nil {
			r.effects = []*effect{e}
			c.checkAlone(&spec.effectSpec, r)
		}
		return r
	}
	if spec.Effect != "" {
		c.fail(&spec.Effect, "a rule has either effect or effects")
	}
	if spec.Each != "" || spec.Alone {
		c.fail(spec, "each and alone belong to an effect: write them under effects")
	}
	for _, e := range spec.Effects {
		if e == nil {
			c.fail(spec, "an item of effects is empty")
		} else if compiled := c.compileEffect(e, &spec.effectSpec); compiled != nil {
			r.effects = append(r.effects, compiled)
			c.checkAlone(e, r)
		}
	}
	return r
}

func (c *compiler) checkAlone(spec *effectSpec, r *saleRule) {
	if spec.Alone && r.object == nil {
		c.fail(spec, "alone goes with object: without one each effect stands for itself")
	}
}

func (c *compiler) compileObject(r *saleRule, spec *ruleSpec) {
	if spec.Object == nil {
		if spec.AsOf != nil || spec.Step != nil {
			c.fail(spec, "as_of and step go with object: they say which of its states counts")
		}
		return
	}
	object := c.compileValue(spec.Object, spec.Object, true)
	r.object = &object
	if spec.AsOf != nil {
		asOf := c.compileTime(spec.AsOf, true)
		r.asOf = &asOf
	}
	switch {
	case spec.Step == nil:
	case spec.AsOf != nil:
		c.fail(spec.Step, "a state is ranked by as_of or by step, not by both")
	case *spec.Step < 0 || *spec.Step > maxStep:
		c.fail(spec.Step, "step: 0 to %d", maxStep)
	default:
		r.step = stepOrigin.Add(time.Duration(*spec.Step) * time.Second)
	}
}

// compileEffect compiles spec, which takes what it does not say itself from shared; nil for effect: none. Without shared
// spec is the only effect of a rule, whose conditions are the rule's own.
func (c *compiler) compileEffect(spec, shared *effectSpec) *effect {
	if spec.Effect == "none" {
		return nil
	}
	if spec.Effect == "" {
		c.fail(spec, "a rule needs an effect: sale, capture, order, refund, reversal, fee, tax or none; or several under effects")
		return nil
	}
	if !slices.Contains(kinds, spec.Effect) {
		c.fail(&spec.Effect, "unknown effect %q%s", spec.Effect, suggest(spec.Effect, kinds))
		return nil
	}
	e := &effect{kind: Kind(spec.Effect), alone: spec.Alone}
	if spec.Each != "" {
		if err := extract.CheckPath(spec.Each); err != nil {
			c.fail(&spec.Each, "%s", err)
		}
		e.each = c.paths.Add(spec.Each)
		defer c.intoList()()
	}
	if shared != nil {
		e.when = c.compileWhen(spec.When, true)
	}
	if spec.Each != "" && spec.Key == nil {
		c.fail(spec, "each needs a key in the item: without one all items are the same %s", e.kind)
	}
	c.compileMoney(e, spec, shared)
	c.compileFacts(e, spec, shared)
	return e
}

// compileMoney compiles amount, unit and currency.
func (c *compiler) compileMoney(e *effect, spec, shared *effectSpec) {
	unit := &spec.Unit
	if *unit == "" && shared != nil {
		unit = &shared.Unit
	}
	switch *unit {
	case "minor":
		e.minor = true
	case "major":
	case "":
		if e.kind != KindOrder {
			c.fail(spec, "a %s needs a unit: minor (cents) or major (units with decimals)", e.kind)
		}
	default:
		c.fail(unit, "unknown unit %q: use minor (cents) or major (units with decimals)", *unit)
	}
	switch {
	case e.kind == KindOrder:
		if spec.Amount != nil {
			c.fail(spec.Amount, "an order has no amount: its captures have")
		}
	case spec.Amount != nil:
		a := c.compileAmount(spec.Amount)
		e.amount, e.rounded = &a, a.inexact()
	case shared != nil && shared.Amount != nil:
		if spec.Each != "" {
			c.fail(spec, "each needs an amount in the item")
			break
		}
		a := c.compileAmount(shared.Amount)
		e.amount, e.rounded = &a, a.inexact()
	default:
		c.fail(spec, "a %s needs an amount", e.kind)
	}
	currency := c.fact(spec, shared, func(s *effectSpec) *valueSpec { return s.Currency })
	if currency == nil {
		c.fail(spec, "a %s needs a currency: a path, or {const: EUR}", e.kind)
		return
	}
	e.currency = *currency
	switch v := currency.unwrapped(); v.from {
	case fromConst:
		if _, err := currencyCode(v.text); err != nil {
			c.fail(currencyOf(spec, shared).Const, "%s", err)
		}
	case fromItem:
		if _, err := currencyCode(v.text); err == nil && v.text == strings.ToUpper(v.text) {
			c.warn("currency: %s is a path: write {const: %s} if that currency is meant", v.text, v.text)
		}
	}
}

func currencyOf(spec, shared *effectSpec) *valueSpec {
	if spec.Currency != nil {
		return spec.Currency
	}
	return shared.Currency
}

// compileFacts compiles what is known of an effect besides its money.
func (c *compiler) compileFacts(e *effect, spec, shared *effectSpec) {
	e.key = c.fact(spec, shared, func(s *effectSpec) *valueSpec { return s.Key })
	e.order = c.fact(spec, shared, func(s *effectSpec) *valueSpec { return s.Order })
	if spec.Time != nil {
		t := c.compileTime(spec.Time, true)
		e.time = &t
	} else if shared != nil && shared.Time != nil {
		c.around(spec, func() {
			t := c.compileTime(shared.Time, true)
			e.time = &t
		})
		if spec.Each != "" {
			e.time.value = outer(e.time.value)
		}
	}
	dimensions := spec.Dimensions
	if dimensions == nil && shared != nil {
		dimensions = shared.Dimensions
	}
	for _, name := range slices.Sorted(maps.Keys(dimensions)) {
		if !dimensionName.MatchString(name) {
			c.fail(dimensions[name], "%q is no name for a dimension: small letters, digits and _, first a letter", name)
		}
		v := c.fact(spec, shared, func(s *effectSpec) *valueSpec { return s.Dimensions[name] })
		e.dimensions = append(e.dimensions, dimension{name, *v})
	}
}

// fact compiles what spec says, or what shared does, which looks into the event where spec looks into the items of its
// list. It is nil where neither says anything.
func (c *compiler) fact(spec, shared *effectSpec, field func(*effectSpec) *valueSpec) *value {
	if s := field(spec); s != nil {
		v := c.compileValue(s, s, true)
		return &v
	}
	if shared == nil || field(shared) == nil {
		return nil
	}
	var v value
	c.around(spec, func() { v = c.compileValue(field(shared), field(shared), true) })
	if spec.Each != "" {
		v = outer(v)
	}
	return &v
}

// around compiles something that looks into the event, even if spec looks into the items of a list.
func (c *compiler) around(spec *effectSpec, compile func()) {
	before := c.inList
	c.inList = before && spec.Each == ""
	compile()
	c.inList = before
}
