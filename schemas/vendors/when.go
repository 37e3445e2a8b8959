package vendors

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// condition is what must stand at a path.
type condition struct {
	value value
	match match
}

// match is a compiled matchSpec: all of its parts that are given must hold.
type match struct {
	texts  []string
	null   bool // nothing at all counts as one of the texts
	bounds []bound
	like   [][]string // patterns, split at each *
	not    *match
}

// bound is a comparison with a number.
type bound struct {
	limit decimal.Decimal
	signs []int  // results of comparing with limit that hold
	text  string // for people
}

// boundSigns are the results of decimal.Cmp that a comparison takes.
var boundSigns = map[string][]int{"above": {1}, "at_least": {0, 1}, "below": {-1}, "at_most": {-1, 0}}

// String describes the condition in messages.
func (c *condition) String() string { return c.value.String() + " " + c.match.String() }

// String says what must stand there.
func (m *match) String() string {
	var parts []string
	if m.texts != nil || m.null {
		texts := slices.Clone(m.texts)
		if m.null {
			texts = append(texts, "nothing")
		}
		parts = append(parts, "is "+strings.Join(texts, " or "))
	}
	for _, p := range m.like {
		parts = append(parts, "is like "+strings.Join(p, "*"))
	}
	for _, b := range m.bounds {
		parts = append(parts, b.text)
	}
	if m.not != nil {
		parts = append(parts, "not "+strings.TrimPrefix(m.not.String(), "is "))
	}
	return strings.Join(parts, " and ")
}

// holds compares as text: true and "true" are the same, as are 1 and "1". A list or an object is some text that equals
// none and is no number.
func (c *condition) holds(src *eventSource) bool {
	text, err := c.value.read(src)
	return c.match.holds(text, err == nil)
}

// holds takes the text that was found; plain is false for a list or an object.
func (m *match) holds(text string, plain bool) bool {
	if m.texts != nil || m.null {
		if !plain || !(text == "" && m.null || slices.Contains(m.texts, text)) {
			return false
		}
	}
	if m.like != nil {
		if !plain || text == "" || !slices.ContainsFunc(m.like, func(parts []string) bool { return fits(parts, text) }) {
			return false
		}
	}
	if m.bounds != nil {
		number, err := parseNumber(text)
		if !plain || err != nil {
			return false
		}
		for i := range m.bounds {
			if !slices.Contains(m.bounds[i].signs, number.Cmp(m.bounds[i].limit)) {
				return false
			}
		}
	}
	return m.not == nil || !m.not.holds(text, plain)
}

// fits compares text with a pattern that is split at each *, which stands for any run of characters.
func fits(parts []string, text string) bool {
	last := len(parts) - 1
	if last == 0 {
		return text == parts[0]
	}
	text, ok := strings.CutPrefix(text, parts[0])
	for _, part := range parts[1:last] {
		if !ok {
			return false
		}
		_, text, ok = strings.Cut(text, part)
	}
	return ok && strings.HasSuffix(text, parts[last])
}

// all says whether every condition holds; there may be none.
func all(conditions []condition, src *eventSource) bool {
	for i := range conditions {
		if !conditions[i].holds(src) {
			return false
		}
	}
	return true
}

// anyOf says whether all conditions of any list hold.
func anyOf(lists [][]condition, src *eventSource) bool {
	for _, conditions := range lists {
		if all(conditions, src) {
			return true
		}
	}
	return false
}

// readsDelivery says whether a condition looks beyond the event, at the delivery that carries it.
func (s whenSpec) readsDelivery() bool {
	for path := range s {
		if strings.HasPrefix(path, headerPrefix) || strings.HasPrefix(path, bodyPrefix) {
			return true
		}
	}
	return false
}

func (c *compiler) compileWhen(spec whenSpec, mapping bool) []condition {
	out := make([]condition, 0, len(spec))
	for path, s := range spec {
		out = append(out, condition{c.compilePath(s, path, mapping), c.compileMatch(s)})
	}
	slices.SortFunc(out, func(a, b condition) int { return cmp.Compare(a.value.String(), b.value.String()) })
	return out
}

func (c *compiler) compileMatch(spec *matchSpec) match {
	m := match{texts: spec.Texts, null: spec.Null}
	for _, pattern := range spec.Like {
		m.like = append(m.like, strings.Split(pattern, "*"))
	}
	for _, b := range spec.Bounds {
		limit, err := parseNumber(b.Number)
		if err != nil {
			continue // the reader has said so
		}
		m.bounds = append(m.bounds, bound{limit: limit, signs: boundSigns[b.Key], text: strings.ReplaceAll(b.Key, "_", " ") + " " + b.Number})
	}
	if spec.Not != nil {
		not := c.compileMatch(spec.Not)
		m.not = &not
	}
	return m
}
