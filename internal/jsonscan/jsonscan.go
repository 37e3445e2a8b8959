// Package jsonscan reads JSON that strangers sent, in one pass, and finds what stands at a set of paths.
//
// It accepts what encoding/json accepts (RFC 8259, at most MaxDepth levels), a byte order mark before it, and nothing else. Nothing in it recurses
// over the document and nothing grows with it: a body costs time in proportion to the bytes that are looked at, and
// no memory, so that it can be read before anybody has proven who sent it. It decodes only the values that the
// caller asks for.
//
//	grammar.go  the grammar: skips one value, with a bit for each open level
//	paths.go    the paths that one pass finds
//	value.go    what stands at a path: its kind, text and items
package jsonscan

import (
	"fmt"
	"unsafe"
)

// MaxDepth is how deep a document may nest, the limit that encoding/json has too.
const MaxDepth = 10_000

// SyntaxError says why a document is not JSON.
type SyntaxError struct {
	Offset int // of the first byte that cannot stand where it does; the length of the document if it ends too early
	reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (byte %d)", e.reason, e.Offset) }

// Check returns a *SyntaxError unless doc is one JSON document.
func Check(doc string) error { return (&Paths{}).Find(doc, nil) }

// View returns b as a string without copying it. b must not change while the string or a part of it is in use.
func View(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // see above

// fault says why a value could not be read.
type fault byte

const (
	none    fault = iota
	syntax        // the byte cannot stand here, or there is none
	control       // a control character in a text
	tooDeep
)

// at makes an error of a fault at a place.
func (f fault) at(doc string, i int) error {
	switch {
	case f == none:
		return nil
	case f == tooDeep:
		return &SyntaxError{i, fmt.Sprintf("JSON nests deeper than %d levels", MaxDepth)}
	case i >= len(doc):
		return &SyntaxError{len(doc), "not JSON: it ends too early"}
	case f == control:
		return &SyntaxError{i, fmt.Sprintf("not JSON: control character %q in a text", doc[i])}
	}
	return &SyntaxError{i, fmt.Sprintf("not JSON: unexpected %q", doc[i])}
}
