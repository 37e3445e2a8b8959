package vendors

import (
	"fmt"

	"github.com/shopspring/decimal"
	"github.com/tidwall/gjson"
)

// amount is a compiled amountSpec.
type amount struct {
	value value
	each  string // with it value is read from each item of the array at this path, and summed
	when  []match
	times *amount
	minus *amount
	abs   bool
}

// read returns the amount in the unit the vendor writes. ok is false for a sum of which no item matched: nothing
// moved. What is absent is an error but after minus, where it counts as zero.
func (a *amount) read(src *source) (d decimal.Decimal, ok bool, err error) {
	if a.each != "" {
		d, ok, err = a.sum(src)
	} else {
		d, ok, err = number(&a.value, src)
		if err == nil && !ok {
			err = fmt.Errorf("amount: nothing at %s", &a.value)
		}
	}
	if err != nil || !ok {
		return decimal.Decimal{}, false, err
	}
	if a.times != nil {
		factor, ok, err := a.times.read(src)
		if err != nil || !ok {
			return decimal.Decimal{}, false, err
		}
		d = d.Mul(factor)
	}
	if a.minus != nil {
		previous, err := a.minus.readOrZero(src)
		if err != nil {
			return decimal.Decimal{}, false, err
		}
		d = d.Sub(previous)
	}
	if a.abs {
		d = d.Abs()
	}
	return d, true, nil
}

func (a *amount) readOrZero(src *source) (decimal.Decimal, error) {
	if a.each == "" {
		if text, err := a.value.read(src); text == "" && err == nil {
			return decimal.Decimal{}, nil
		}
	}
	d, _, err := a.read(src)
	return d, err
}

// number reads one number; ok is false where there is none.
func number(v *value, src *source) (d decimal.Decimal, ok bool, err error) {
	text, err := v.read(src)
	if err != nil {
		return d, false, fmt.Errorf("amount: %w", err)
	}
	if text == "" {
		return d, false, nil
	}
	if d, err = parseNumber(text); err != nil {
		return d, false, fmt.Errorf("amount at %s: %w", v, err)
	}
	return d, true, nil
}

// sum adds up the items that match; ok is false when none does.
func (a *amount) sum(src *source) (total decimal.Decimal, ok bool, err error) {
	list := gjson.Get(src.item, a.each)
	if !list.IsArray() {
		return total, false, fmt.Errorf("amount: no list at %q", a.each)
	}
	list.ForEach(func(_, item gjson.Result) bool {
		inner := source{item: item.Raw, id: src.id, typ: src.typ, fields: src.fields}
		if !all(a.when, &inner) {
			return true
		}
		var d decimal.Decimal
		var found bool
		if d, found, err = number(&a.value, &inner); err != nil {
			return false
		}
		if !found {
			err = fmt.Errorf("amount: nothing at %s of an item of %q", &a.value, a.each)
			return false
		}
		total, ok = total.Add(d), true
		return true
	})
	return total, ok, err
}

func (c *compiler) compileAmount(spec *amountSpec) amount {
	var a amount
	a.abs = spec.Abs
	switch {
	case spec.Sum == nil && (spec.Each != "" || spec.When != nil):
		c.fail(spec, "each and when go with sum: {each: transactions, when: {status: success}, sum: amount}")
	case spec.Sum == nil:
		a.value = c.compileValue(spec, &spec.valueSpec, true)
	case spec.Each == "":
		c.fail(spec, "sum needs each: the path of the list whose items are summed, as in {each: transactions, sum: amount}")
	default:
		if spec.given() > 0 {
			c.fail(spec, "an amount is either a value or a sum")
		}
		if err := checkPath(spec.Each); err != nil {
			c.fail(&spec.Each, "%s", err)
		}
		a.each = spec.Each
		a.value = c.compileValue(spec.Sum, spec.Sum, true)
		a.when = c.compileWhen(spec.When)
	}
	if a.value.from == fromConst {
		if _, err := parseNumber(a.value.text); err != nil {
			c.fail(spec, "%s", err)
		}
	}
	if spec.Times != nil {
		times := c.compileAmount(spec.Times)
		a.times = &times
	}
	if spec.Minus != nil {
		minus := c.compileAmount(spec.Minus)
		a.minus = &minus
	}
	return a
}
