package vendors

import (
	"fmt"
	"strings"
)

// Describe returns what the vendor's configuration says of events and money, a line for each fact, so that two
// configurations can be compared line by line.
func (v *Vendor) Describe() []string {
	lines := []string{"preset: " + v.Preset, "signature: " + v.Signature.Scheme, "redelivery: " + string(v.Redelivery)}
	add := func(name string, value fmt.Stringer) { lines = append(lines, name+": "+value.String()) }
	if v.events.id != nil {
		add("events.id", v.events.id)
	}
	if v.events.typ != nil {
		add("events.type", v.events.typ)
	}
	if v.events.time != nil {
		add("events.time", &v.events.time.value)
	}
	for _, marks := range v.events.test {
		lines = append(lines, "test: "+describeAll(marks))
	}
	for typ, mapping := range v.sales.types.all() {
		for _, marks := range mapping.test {
			lines = append(lines, fmt.Sprintf("sales.%s: test money where %s", typ, describeAll(marks)))
		}
		if len(mapping.rules) == 0 {
			lines = append(lines, fmt.Sprintf("sales.%s: switched off", typ))
		}
		for _, r := range mapping.rules {
			for _, line := range r.describe() {
				lines = append(lines, fmt.Sprintf("sales.%s: %s", typ, line))
			}
		}
	}
	return lines
}

func describeAll(conditions []condition) string {
	texts := make([]string, len(conditions))
	for i := range conditions {
		texts[i] = conditions[i].String()
	}
	return strings.Join(texts, " and ")
}

// describe returns a line for each effect of the rule.
func (r *saleRule) describe() []string {
	about := ""
	if len(r.when) > 0 {
		about = "where " + describeAll(r.when) + ": "
	}
	if r.object != nil {
		about += "state of " + r.object.String()
		switch {
		case r.asOf != nil:
			about += " as of " + r.asOf.String()
		case !r.step.IsZero():
			about += fmt.Sprintf(" at step %d", int(r.step.Sub(stepOrigin).Seconds()))
		}
		about += ": "
	}
	if len(r.effects) == 0 {
		return []string{about + "no effect"}
	}
	var lines []string
	for _, e := range r.effects {
		lines = append(lines, about+e.describe())
	}
	return lines
}

func (e *effect) describe() string {
	var b strings.Builder
	b.WriteString(string(e.kind))
	if e.amount != nil {
		unit := "major"
		if e.minor {
			unit = "minor"
		}
		fmt.Fprintf(&b, " of %s in %s units", e.amount, unit)
	}
	fmt.Fprintf(&b, ", currency %s", &e.currency)
	if e.each.Given() {
		fmt.Fprintf(&b, ", for each of %s", e.each)
	}
	if len(e.when) > 0 {
		b.WriteString(", where " + describeAll(e.when))
	}
	if e.key != nil {
		b.WriteString(", key " + e.key.String())
	}
	if e.order != nil {
		b.WriteString(", order " + e.order.String())
	}
	if e.time != nil {
		b.WriteString(", time " + e.time.String())
	}
	if e.alone {
		b.WriteString(", alone")
	}
	for _, d := range e.dimensions {
		fmt.Fprintf(&b, ", %s %s", d.name, &d.value)
	}
	return b.String()
}
