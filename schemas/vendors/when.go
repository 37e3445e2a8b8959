package vendors

import (
	"cmp"
	"slices"
)

// match is one condition: what stands at a path is, or is not, one of these texts.
type match struct {
	value value
	texts []string
	null  bool // nothing at all counts as one of them
	not   bool
}

// holds compares as text: true and "true" are the same, as are 1 and "1". A list or an object is some text
// that equals none.
func (m *match) holds(src *source) bool {
	text, err := m.value.read(src)
	found := err == nil && (text == "" && m.null || slices.Contains(m.texts, text))
	return found != m.not
}

// all says whether every condition holds; there may be none.
func all(conditions []match, src *source) bool {
	for i := range conditions {
		if !conditions[i].holds(src) {
			return false
		}
	}
	return true
}

func (c *compiler) compileWhen(spec whenSpec) []match {
	out := make([]match, 0, len(spec))
	for path, s := range spec {
		out = append(out, match{value: c.compilePath(s, path, true), texts: s.Texts, null: s.Null, not: s.Not})
	}
	slices.SortFunc(out, func(a, b match) int { return cmp.Compare(a.value.text, b.value.text) })
	return out
}
