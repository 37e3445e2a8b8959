package vendors

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas/extract"
)

// amount is a compiled amountSpec.
type amount struct {
	value value
	mark  byte         // the decimal mark of a number written for people; 0: as JSON writes it
	first []amount     // in place of value: the first that is there
	max   []amount     // in place of value: the largest of those that are there
	each  extract.Path // in place of value: sum is read from each item of the array at this path, and added up
	sum   *amount
	when  []condition

	times, percent, over, plus, minus []amount

	abs   bool
	round *int32
}

// presence says whether there is an amount.
type presence byte

const (
	present   presence = iota
	absent             // nothing stands there
	unmatched          // no item of a sum matched, or there is nothing to divide by: nothing moved
)

// read returns the amount in the unit the vendor writes. What is absent is zero after plus and minus, and leaves no amount
// elsewhere.
func (a *amount) read(src *eventSource) (decimal.Decimal, presence, error) {
	d, is, err := a.base(src)
	if err != nil || is != present {
		return decimal.Decimal{}, is, err
	}
	for i := range a.times {
		factor, is, err := a.times[i].read(src)
		if err != nil || is != present {
			return decimal.Decimal{}, is, err
		}
		d = d.Mul(factor)
	}
	for i := range a.percent {
		percent, is, err := a.percent[i].read(src)
		if err != nil || is != present {
			return decimal.Decimal{}, is, err
		}
		d = d.Mul(percent).Shift(-2)
	}
	if d, is, err = a.divide(d, src); err != nil || is != present {
		return decimal.Decimal{}, is, err
	}
	for i := range a.plus {
		more, err := a.plus[i].orZero(src)
		if err != nil {
			return decimal.Decimal{}, absent, err
		}
		d = d.Add(more)
	}
	for i := range a.minus {
		less, err := a.minus[i].orZero(src)
		if err != nil {
			return decimal.Decimal{}, absent, err
		}
		d = d.Sub(less)
	}
	if a.abs {
		d = d.Abs()
	}
	if a.round != nil {
		d = d.Round(*a.round)
	}
	return d, present, nil
}

// base is the amount before anything is done to it.
func (a *amount) base(src *eventSource) (decimal.Decimal, presence, error) {
	switch {
	case a.each.Given():
		return a.total(src)
	case a.first != nil:
		is := absent
		for i := range a.first {
			d, found, err := a.first[i].read(src)
			if err != nil || found == present {
				return d, found, err
			}
			is = max(is, found)
		}
		return decimal.Decimal{}, is, nil
	case a.max != nil:
		return a.largest(src)
	}
	text, err := a.value.read(src)
	if err != nil {
		return decimal.Decimal{}, absent, fmt.Errorf("amount: %w", err)
	}
	if text == "" {
		return decimal.Decimal{}, absent, nil
	}
	d, err := parseMarked(text, a.mark)
	if err != nil {
		return decimal.Decimal{}, absent, fmt.Errorf("amount at %s: %w", &a.value, err)
	}
	return d, present, nil
}

func (a *amount) largest(src *eventSource) (decimal.Decimal, presence, error) {
	var out decimal.Decimal
	is := absent
	for i := range a.max {
		d, found, err := a.max[i].read(src)
		if err != nil {
			return d, absent, err
		}
		if found == present && (is != present || d.GreaterThan(out)) {
			out, is = d, present
		}
	}
	return out, is, nil
}

func (a *amount) orZero(src *eventSource) (decimal.Decimal, error) {
	d, _, err := a.read(src)
	return d, err
}

// guardDigits is how many decimals a division keeps before it is rounded: enough that the rounding is that of the exact
// quotient, but for one that lies within 10^-24 of a half.
const guardDigits = 24

func (a *amount) divide(d decimal.Decimal, src *eventSource) (decimal.Decimal, presence, error) {
	for i := range a.over {
		divisor, is, err := a.over[i].read(src)
		if err != nil || is != present {
			return d, is, err
		}
		if divisor.IsZero() {
			return d, unmatched, nil
		}
		d = d.DivRound(divisor, guardDigits)
	}
	return d, present, nil
}

// total adds up the items that match.
func (a *amount) total(src *eventSource) (total decimal.Decimal, is presence, err error) {
	list := src.item.Value(a.each)
	switch list.Kind() {
	case jsonscan.Absent, jsonscan.Null:
		return total, absent, nil
	case jsonscan.List:
	default:
		return total, absent, fmt.Errorf("amount: no list at %q", a.each)
	}
	is = unmatched
	around := src.around()
	for _, item := range list.Items() {
		inner := around.of(item)
		if !all(a.when, &inner) {
			continue
		}
		d, found, err := a.sum.read(&inner)
		if err != nil {
			return total, is, err
		}
		if found == absent {
			return total, is, fmt.Errorf("amount: nothing at %s of an item of %q", a.sum, a.each)
		}
		total, is = total.Add(d), present
	}
	return total, is, nil
}

// String describes the amount in messages.
func (a *amount) String() string {
	var b strings.Builder
	switch {
	case a.each.Given():
		fmt.Fprintf(&b, "sum of %s over %s", a.sum, a.each)
	case a.first != nil:
		b.WriteString("first of " + list(a.first))
	case a.max != nil:
		b.WriteString("largest of " + list(a.max))
	default:
		b.WriteString(a.value.String())
	}
	for _, step := range []struct {
		sign string
		with []amount
	}{{" × ", a.times}, {" × % ", a.percent}, {" ÷ ", a.over}, {" + ", a.plus}, {" - ", a.minus}} {
		for i := range step.with {
			b.WriteString(step.sign + step.with[i].String())
		}
	}
	return b.String()
}

func list(amounts []amount) string {
	texts := make([]string, len(amounts))
	for i := range amounts {
		texts[i] = amounts[i].String()
	}
	return strings.Join(texts, ", ")
}

// inexact says whether a quotient in it is not rounded yet.
func (a *amount) inexact() bool {
	if a.round != nil {
		return false
	}
	if len(a.over) > 0 || a.sum != nil && a.sum.inexact() {
		return true
	}
	for _, parts := range [][]amount{a.first, a.max, a.times, a.percent, a.plus, a.minus} {
		for i := range parts {
			if parts[i].inexact() {
				return true
			}
		}
	}
	return false
}

// maxRound is how many decimals an amount may be rounded to: more are not stored.
const maxRound = maxDecimals

func (c *compiler) compileAmount(spec *amountSpec) amount {
	a := amount{abs: spec.Abs}
	switch spec.Decimal {
	case "":
	case ".", ",":
		a.mark = spec.Decimal[0]
	default:
		c.fail(&spec.Decimal, "unknown decimal mark %q: it is a dot or a comma", spec.Decimal)
	}
	if spec.Round != nil {
		digits := int32(min(max(*spec.Round, 0), maxRound))
		if *spec.Round != int(digits) {
			c.fail(spec.Round, "round: 0 to %d decimals", maxRound)
		}
		a.round = &digits
	}
	c.compileBase(&a, spec)
	if a.value.from == fromConst {
		if _, err := parseMarked(a.value.text, a.mark); err != nil {
			c.fail(spec, "%s", err)
		}
	}
	a.times, a.percent, a.over = c.compileAmounts(spec, spec.Times), c.compileAmounts(spec, spec.Percent), c.compileAmounts(spec, spec.Over)
	a.plus, a.minus = c.compileAmounts(spec, spec.Plus), c.compileAmounts(spec, spec.Minus)
	return a
}

// compileBase compiles where the amount comes from.
func (c *compiler) compileBase(a *amount, spec *amountSpec) {
	switch {
	case spec.Sum == nil && (spec.Each != "" || spec.When != nil):
		c.fail(spec, "each and when go with sum: {each: transactions, when: {status: success}, sum: amount}")
	case spec.Sum != nil && spec.Each == "":
		c.fail(spec, "sum needs each: the path of the list whose items are summed, as in {each: transactions, sum: amount}")
	case spec.Sum != nil:
		if spec.given() > 0 || spec.First != nil || spec.Max != nil {
			c.fail(spec, "an amount is either a value or a sum")
		}
		if err := extract.CheckPath(spec.Each); err != nil {
			c.fail(&spec.Each, "%s", err)
		}
		a.each = c.paths.Add(spec.Each)
		defer c.intoList()()
		sum := c.compileAmount(spec.Sum)
		a.sum, a.when = &sum, c.compileWhen(spec.When, true)
	case spec.First != nil || spec.Max != nil:
		if spec.given() > 0 || spec.First != nil && spec.Max != nil {
			c.fail(spec, "an amount is either a value, the first or the largest of several")
		}
		a.first, a.max = c.compileAmounts(spec, spec.First), c.compileAmounts(spec, spec.Max)
		if len(spec.First)+len(spec.Max) == 0 {
			c.fail(spec, "this list is empty: first and max need something to choose from")
		}
	default:
		a.value = c.compileValue(spec, &spec.valueSpec, true)
	}
}

// compileAmounts compiles a list in spec; nil for none.
func (c *compiler) compileAmounts(spec *amountSpec, list []*amountSpec) (out []amount) {
	for _, s := range list {
		if s == nil {
			c.fail(spec, "an item of this list is empty")
			continue
		}
		out = append(out, c.compileAmount(s))
	}
	return out
}

// intoList makes what is compiled next look into the items of a list, until the function that it returns is called.
func (c *compiler) intoList() (back func()) {
	before := c.inList
	c.inList = true
	return func() { c.inList = before }
}
