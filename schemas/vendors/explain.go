package vendors

import (
	"fmt"
	"strings"
)

// Sources says where the parts of an effect stand, as vendors.yaml names the places.
type Sources struct{ Amount, Currency, Key, Order, Time string }

// Explanation is an outcome with what led to it.
type Explanation struct {
	Outcome
	Sources []Sources // of each of its effects
	Reason  string    // why it has neither effects nor an object; "" where it has
}

// Explain is Outcome, for people: it says where each part was found, and why an event counts for nothing.
func (v *Vendor) Explain(event Identity) (Explanation, error) {
	trace := &trace{}
	out, r, err := v.outcome(event, trace)
	e := Explanation{Outcome: out, Sources: trace.sources}
	if err != nil || len(out.Effects) > 0 || out.Object != "" {
		return e, err
	}
	mapping := v.sales.types.of(event.Type)
	switch {
	case event.Type == "" && v.events.typ == nil:
		e.Reason = "its type is unknown, since events.type is not set"
	case event.Type == "":
		e.Reason = fmt.Sprintf("it has no type: nothing at %s", v.events.typ)
	case mapping == nil:
		e.Reason = fmt.Sprintf("no rule under sales is for the type %q", event.Type)
	case len(mapping.rules) == 0:
		e.Reason = "its type is switched off under sales"
	case r != nil:
		e.Reason = "the rule that holds has no effect"
	default:
		e.Reason = "no rule for its type holds: " + mapping.conditions()
	}
	return e, nil
}

// conditions says under what conditions a rule of the type would hold.
func (m *typeMapping) conditions() string {
	var rules []string
	for _, r := range m.rules {
		var all []string
		for i := range r.when {
			all = append(all, r.when[i].String())
		}
		if len(all) > 0 {
			rules = append(rules, strings.Join(all, " and "))
		}
	}
	return strings.Join(rules, ", or ")
}

// Counting says what came of an event for the figures.
type Counting string

// What came of an event.
const (
	Counted     Counting = "counted"      // it has effects, or states an object
	NoMoney     Counting = "no_money"     // there are rules for its type, none of which yields anything for it
	UnknownType Counting = "unknown_type" // no rule is for its type
	NoType      Counting = "no_type"      // nothing stood where its type should
)

// CountsMoney says whether any rule of the vendor yields an effect.
func (v *Vendor) CountsMoney() bool { return v.sales.money }

// Counting says what came of an event of that type which has that outcome.
func (v *Vendor) Counting(eventType string, outcome *Outcome) Counting {
	switch {
	case len(outcome.Effects) > 0 || outcome.Object != "":
		return Counted
	case eventType == "":
		return NoType
	case v.sales.types.of(eventType) == nil:
		return UnknownType
	}
	return NoMoney
}

// trace collects where the parts of effects were found.
type trace struct{ sources []Sources }

func (t *trace) add(e *effect, src *eventSource, out *Effect) {
	s := Sources{Currency: e.currency.found(src), Key: "the event's ID", Time: "the event's time"}
	if e.amount != nil {
		s.Amount = e.amount.found(src)
	}
	switch {
	case e.key != nil:
		s.Key = e.key.found(src)
	case out.OwnKey:
		s.Key = "the object"
	}
	if e.order != nil {
		s.Order = e.order.found(src)
	}
	if e.time != nil && out.OwnTime {
		s.Time = e.time.found(src)
	}
	t.sources = append(t.sources, s)
}

// found says where the text of the value was found: of several places the one that has it.
func (v *value) found(src *eventSource) string {
	switch v.from {
	case fromParent:
		return parentPrefix + v.parts[0].found(src.parent)
	case fromFirst:
		for i := range v.parts {
			if text, err := v.parts[i].read(src); text != "" && err == nil {
				return v.parts[i].found(src)
			}
		}
	case fromJoin:
		parts := make([]string, len(v.parts))
		for i := range v.parts {
			parts[i] = v.parts[i].found(src)
		}
		return strings.Join(parts, " + ")
	}
	return v.String()
}

// found says what the amount was made of: of several the one that is there.
func (a *amount) found(src *eventSource) string {
	shown := *a
	for a.first != nil {
		chosen := -1
		for i := range a.first {
			if _, is, err := a.first[i].read(src); err == nil && is == present {
				chosen = i
				break
			}
		}
		if chosen < 0 {
			break
		}
		a = &a.first[chosen]
		shown.first, shown.value, shown.each, shown.sum, shown.max = a.first, a.value, a.each, a.sum, a.max
		shown.times, shown.percent, shown.over = join(a.times, shown.times), join(a.percent, shown.percent), join(a.over, shown.over)
		shown.plus, shown.minus = join(a.plus, shown.plus), join(a.minus, shown.minus)
	}
	if shown.first == nil && shown.max == nil && !shown.each.Given() {
		place := shown.value.found(src)
		shown.value = value{from: fromItem, text: place}
	}
	return shown.String()
}

func join(inner, outer []amount) []amount { return append(append([]amount(nil), inner...), outer...) }
