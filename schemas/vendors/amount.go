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

// read returns the amount in the unit the vendor writes. What is absent is an error for whoever needs it, and zero
// after plus and minus.
func (a *amount) read(src *source) (decimal.Decimal, presence, error) {
	d, is, err := a.base(src)
	if err != nil || is != present {
		return decimal.Decimal{}, is, err
	}
	for i := range a.times {
		factor, is, err := a.times[i].operand(src)
		if err != nil || is != present {
			return decimal.Decimal{}, is, err
		}
		d = d.Mul(factor)
	}
	for i := range a.percent {
		percent, is, err := a.percent[i].operand(src)
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
func (a *amount) base(src *source) (decimal.Decimal, presence, error) {
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

// operand is what an amount is multiplied with or divided by: it must be there, but for a sum of nothing.
func (a *amount) operand(src *source) (decimal.Decimal, presence, error) {
	d, is, err := a.read(src)
	if err == nil && is == absent {
		err = fmt.Errorf("amount: nothing at %s", a)
	}
	return d, is, err
}

func (a *amount) orZero(src *source) (decimal.Decimal, error) {
	d, _, err := a.read(src)
	return d, err
}

// guardDigits is how many decimals more than round asks for a division keeps: enough that the rounding after it is
// that of the exact quotient, but for one that lies within 10^-20 of a half.
const guardDigits = 20

func (a *amount) divide(d decimal.Decimal, src *source) (decimal.Decimal, presence, error) {
	for i := range a.over {
		divisor, is, err := a.over[i].operand(src)
		if err != nil || is != present {
			return d, is, err
		}
		if divisor.IsZero() {
			return d, unmatched, nil
		}
		d = d.DivRound(divisor, *a.round+guardDigits)
	}
	return d, present, nil
}

// total adds up the items that match. A list that is not there is an error: something else is meant.
func (a *amount) total(src *source) (total decimal.Decimal, is presence, err error) {
	list := src.item.Value(a.each)
	if list.Kind() != jsonscan.List {
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
		b.WriteString("first of ")
		for i := range a.first {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(a.first[i].String())
		}
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
	if a.value.from == fromConst && a.first == nil && !a.each.Given() {
		if _, err := parseMarked(a.value.text, a.mark); err != nil {
			c.fail(spec, "%s", err)
		}
	}
	all := func(specs []*amountSpec) (out []amount) {
		for _, s := range specs {
			if s == nil {
				c.fail(spec, "an item of this list is empty")
				continue
			}
			out = append(out, c.compileAmount(s))
		}
		return out
	}
	a.times, a.percent, a.over, a.plus, a.minus = all(spec.Times), all(spec.Percent), all(spec.Over), all(spec.Plus), all(spec.Minus)
	if len(a.over) > 0 && a.round == nil {
		c.fail(spec, "over needs round: a quotient has no end in general, and nothing is rounded unless you say to how many decimals")
		a.round = new(int32)
	}
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
		if spec.given() > 0 || spec.First != nil {
			c.fail(spec, "an amount is either a value or a sum")
		}
		if err := extract.CheckPath(spec.Each); err != nil {
			c.fail(&spec.Each, "%s", err)
		}
		a.each = c.paths.Add(spec.Each)
		defer c.intoList()()
		sum := c.compileAmount(spec.Sum)
		a.sum, a.when = &sum, c.compileWhen(spec.When, true)
	case spec.First != nil:
		if spec.given() > 0 {
			c.fail(spec, "an amount is either a value or the first of several")
		}
		a.first = make([]amount, 0, len(spec.First))
		for _, s := range spec.First {
			if s == nil {
				c.fail(spec, "an item of this list is empty")
				continue
			}
			a.first = append(a.first, c.compileAmount(s))
		}
		if len(spec.First) == 0 {
			c.fail(spec, "this list is empty: first needs something to choose from")
		}
	default:
		a.value = c.compileValue(spec, &spec.valueSpec, true)
	}
}

// intoList makes what is compiled next look into the items of a list, until the function that it returns is called.
func (c *compiler) intoList() (back func()) {
	before := c.inList
	c.inList = true
	return func() { c.inList = before }
}
