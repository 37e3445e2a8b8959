package vendors

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
)

// byType is what vendors.yaml says for event types: for one, or for all that match a pattern with one *. The
// type's own entry decides, else the most specific pattern.
type byType[T any] struct {
	exact    map[string]T
	patterns []patterned[T] // most specific first
}

type patterned[T any] struct {
	pattern string
	of      T
}

// add reports whether typ is a type or a pattern at all: it may have one *.
func (m *byType[T]) add(typ string, of T) bool {
	switch strings.Count(typ, "*") {
	case 0:
		if m.exact == nil {
			m.exact = make(map[string]T)
		}
		m.exact[typ] = of
	case 1:
		m.patterns = append(m.patterns, patterned[T]{typ, of})
		slices.SortFunc(m.patterns, func(a, b patterned[T]) int {
			return cmp.Or(len(b.pattern)-len(a.pattern), strings.Compare(a.pattern, b.pattern))
		})
	default:
		return false
	}
	return true
}

// of returns what is said for an event type; zero for nothing.
func (m *byType[T]) of(typ string) T {
	if of, listed := m.exact[typ]; listed {
		return of
	}
	for i := range m.patterns {
		if matchPattern(m.patterns[i].pattern, typ) {
			return m.patterns[i].of
		}
	}
	var none T
	return none
}

// all yields every type and pattern, each sort in an order of its own.
func (m *byType[T]) all() iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, typ := range slices.Sorted(maps.Keys(m.exact)) {
			if !yield(typ, m.exact[typ]) {
				return
			}
		}
		for _, p := range m.patterns {
			if !yield(p.pattern, p.of) {
				return
			}
		}
	}
}

// matchPattern compares an event type with a pattern in which * stands for any run of characters.
func matchPattern(pattern, typ string) bool {
	if pattern == "*" {
		return true
	}
	prefix, suffix, _ := strings.Cut(pattern, "*")
	return len(typ) >= len(prefix)+len(suffix) && strings.HasPrefix(typ, prefix) && strings.HasSuffix(typ, suffix)
}
