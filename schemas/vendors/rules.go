package vendors

import (
	"maps"
	"regexp"
	"slices"
	"strings"
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
		c.fields = newFields()
		compiled := make([]*rule, 0, len(*rules))
		for _, r := range *rules {
			if r == nil {
				c.fail(rules, "an item of this list is empty")
				continue
			}
			compiled = append(compiled, c.compileRule(r))
		}
		if !m.rules.add(typ, compiled) {
			c.fail(rules, "%q: a pattern has one *", typ)
		}
	}
	return m
}

var effects = []string{string(KindSale), string(KindRefund), "none"}

func (c *compiler) compileRule(spec *ruleSpec) *rule {
	r := &rule{when: c.compileWhen(spec.When), fields: c.fields}
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
