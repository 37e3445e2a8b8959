// Package extract finds values in the documents of events, by the paths that vendors.yaml names.
//
// Most paths are plain names joined by dots. All of these that are read of a document are found in one pass, the one
// that checks that it is JSON. What else a path may hold (indexes, queries, wildcards, JSON in a text) is searched for
// by gjson, once for each such path.
package extract

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// maxPlain is how many paths one pass finds; of a vendor that reads more, the others are searched for one by one.
const maxPlain = 24

// Paths are those that are read of one kind of document. Once the last is added it is safe for concurrent use.
type Paths struct{ plain jsonscan.Paths }

// Path leads to a value of a document. The zero value leads to none.
type Path struct {
	text   string
	search bool // gjson has to search
	place  int  // among what one pass finds
}

// Add returns the compiled form of a path, which is as CheckPath wants it.
func (p *Paths) Add(path string) Path {
	if strings.ContainsAny(path, `\*?#@|!{}[]()"`) {
		return Path{text: path, search: true}
	}
	names := strings.Split(path, ".")
	for _, name := range names {
		if strings.Trim(name, "0123456789") == "" { // an index into a list, perhaps
			return Path{text: path, search: true}
		}
	}
	if p.plain.Len() == maxPlain && !p.plain.Has(names...) {
		return Path{text: path, search: true}
	}
	return Path{text: path, place: p.plain.Add(names...)}
}

// Given says whether p leads anywhere.
func (p Path) Given() bool { return p.text != "" }

// String returns the path as it was written.
func (p Path) String() string { return p.text }

// Document is one JSON document. What is found in it shares its memory.
type Document struct {
	text    string
	paths   *Paths
	found   [maxPlain]jsonscan.Found
	scanned bool
}

// New returns the document of a text of which paths are read. They may be nil, where none is.
func New(text string, paths *Paths) Document { return Document{text: text, paths: paths} }

// Text is the document as it is written.
func (d *Document) Text() string { return d.text }

// Inside returns another document of which the same paths are read, such as an item of a list.
func (d *Document) Inside(item jsonscan.Value) Document { return New(string(item), d.paths) }

// Check returns a *jsonscan.SyntaxError unless it is JSON.
func (d *Document) Check() error {
	d.scanned = true
	if d.paths == nil {
		return jsonscan.Check(d.text)
	}
	err := d.paths.plain.Find(d.text, d.found[:])
	if err != nil {
		clear(d.found[:])
	}
	return err
}

// Value returns what stands at a path. Where a name stands twice the first counts. In a text that is not JSON it finds
// nothing at a path of plain names, and something or nothing at another.
func (d *Document) Value(p Path) jsonscan.Value {
	v, _ := d.Find(p)
	return v
}

// Find is Value and the place where the value begins. A value that is not in the document as it is has no such place
// (a list that a path such as items.#.x gathers, JSON in a text): start then means nothing.
func (d *Document) Find(p Path) (v jsonscan.Value, start int) {
	if p.search || d.paths == nil {
		return search(d.text, p.text)
	}
	if !d.scanned {
		_ = d.Check() // the caller has asked before, if the answer matters
	}
	found := d.found[p.place]
	return found.In(d.text), int(found.Start)
}

// search returns what gjson finds, in envelopes too. JSON in a text is held to the same depth as the document that it stands in, since
// gjson reads it by recursion.
func search(doc, path string) (v jsonscan.Value, start int) {
	if path == This {
		v = jsonscan.Trim(doc)
		return v, strings.Index(doc, string(v))
	}
	before, name, after, found := cutEnvelope(path)
	if !found || strings.Contains(before, "#") { // each of several texts: of a document whose depth is checked
		result := gjson.Get(doc, path)
		return jsonscan.Trim(result.Raw), result.Index
	}
	return inEnvelope(name, gjson.Get(doc, before).String(), after)
}
