package jsonscan

import (
	"math"
	"strings"
)

// Paths are paths of plain names, which one pass over a document finds together. The zero value has none. It is
// changed by Add alone and is otherwise safe for concurrent use.
type Paths struct {
	root  node
	count int
}

// node is one name of a path, and what stands below it.
type node struct {
	name     string
	slot     int // of the path that ends here, from 1; 0 for none
	children []*node
}

// Found is where a value stands that a path leads to.
type Found struct {
	Start, End int32 // of the first value; both are 0 if there is none
	Times      int32 // how many there are: a name may stand in an object more than once (RFC 8259, section 4)
}

// In returns the value in the document in which it was found, and "" if it was not.
func (f Found) In(doc string) Value { return Value(doc[f.Start:f.End]) }

// NewPaths returns the paths that join their names with dots; Find reports on them in this order.
func NewPaths(paths ...string) *Paths {
	p := new(Paths)
	for _, path := range paths {
		p.Add(strings.Split(path, ".")...)
	}
	return p
}

// Add returns the place of a path in what Find fills. There is at least one name.
func (p *Paths) Add(names ...string) int {
	at := &p.root
	for _, name := range names {
		child := at.child(name)
		if child == nil {
			child = &node{name: name}
			at.children = append(at.children, child)
		}
		at = child
	}
	if at.slot == 0 {
		p.count++
		at.slot = p.count
	}
	return at.slot - 1
}

// Has says whether a path is among those that were added.
func (p *Paths) Has(names ...string) bool {
	at := &p.root
	for _, name := range names {
		if at = at.child(name); at == nil {
			return false
		}
	}
	return at.slot > 0
}

// Len is how many places Find fills.
func (p *Paths) Len() int { return p.count }

// Find fills the first Len places of into. It returns a *SyntaxError unless doc is one JSON document; what stands in
// into then means nothing.
func (p *Paths) Find(doc string, into []Found) error {
	clear(into[:p.count])
	if len(doc) > math.MaxInt32 {
		return &SyntaxError{math.MaxInt32, "larger than 2 GiB"}
	}
	var open levels
	i, f := p.root.value(doc, space(doc, mark(doc)), MaxDepth, &open, into)
	if f == none {
		if i = space(doc, i); i < len(doc) {
			f = syntax
		}
	}
	return f.at(doc, i)
}

// value passes over the value of n, and finds what lies below.
func (n *node) value(doc string, i, room int, open *levels, into []Found) (end int, f fault) {
	if n != nil && len(n.children) > 0 && i < len(doc) && doc[i] == '{' {
		return n.members(doc, i, room, open, into)
	}
	return skip(doc, i, room, open)
}

// members passes over an object. It calls itself, through value, no more often than a path has names.
func (n *node) members(doc string, i, room int, open *levels, into []Found) (end int, f fault) {
	if room == 0 {
		return i, tooDeep
	}
	if i = space(doc, i+1); i < len(doc) && doc[i] == '}' {
		return i + 1, none
	}
	for {
		name := i
		end, start, f := skipName(doc, i)
		if f != none {
			return start, f
		}
		child := n.quoted(doc[name:end])
		if i, f = child.value(doc, start, room-1, open, into); f != none {
			return i, f
		}
		if child != nil && child.slot > 0 {
			found := &into[child.slot-1]
			if found.Times++; found.Times == 1 {
				found.Start, found.End = int32(start), int32(i)
			}
		}
		if i = space(doc, i); i >= len(doc) {
			return i, syntax
		}
		switch doc[i] {
		case '}':
			return i + 1, none
		case ',':
			i = space(doc, i+1)
		default:
			return i, syntax
		}
	}
}

// quoted returns the child of a name in its quotes.
func (n *node) quoted(name string) *node {
	child := n.child(name[1 : len(name)-1])
	if child == nil && strings.IndexByte(name, '\\') >= 0 {
		child = n.child(unquote(name))
	}
	return child
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}
