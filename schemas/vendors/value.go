package vendors

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas/extract"
)

// eventSource is what the values of one event are read from. The documents are views of the caller's bytes, and so are
// the texts that values find in them: what is kept must be cloned.
type eventSource struct {
	header http.Header       // while identifying; nil afterwards
	stored *stored           // in place of header and body, for an event that is stored
	body   *extract.Document // the delivery's document; nil where it is the event's, and afterwards
	item   extract.Document  // the event's
	data   []byte            // the event's bytes
	id     string            // the event's ID and type, once it is identified
	typ    string
	parent *eventSource // of an item of a list: what the list stands in
	trace  *trace       // of where things were found; nil where nobody asks
}

// around returns a copy of s for the items of a list in it to look out to; s itself stays off the heap.
func (s *eventSource) around() *eventSource {
	out := *s
	return &out
}

// of returns the source of an item of a list in s.
func (s *eventSource) of(item jsonscan.Value) eventSource {
	return eventSource{item: s.item.Inside(item), data: s.data, id: s.id, typ: s.typ, parent: s, trace: s.trace}
}

// delivery is the document of the delivery.
func (s *eventSource) delivery() *extract.Document {
	if s.body == nil {
		return &s.item
	}
	return s.body
}

// value is a compiled valueSpec: it finds one text.
type value struct {
	from  origin
	text  string       // a path, a header's name, a constant, or what join puts between
	path  extract.Path // of fromItem and fromBody
	parts []value
}

type origin byte

const (
	fromItem origin = iota
	fromParent
	fromBody
	fromHeader
	fromEventID
	fromEventType
	fromHash
	fromConst
	fromFirst
	fromJoin
)

const (
	headerPrefix = "header:"
	bodyPrefix   = "body:"
	eventPrefix  = "event:"
	parentPrefix = "parent:"
)

// read returns the text, "" where there is none (absent, null or empty). Numbers keep the digits they have in
// the body. The error says that something stands there that is not one text.
func (v *value) read(src *eventSource) (string, error) {
	switch v.from {
	case fromItem:
		return scalar(src.item.Value(v.path), v.text)
	case fromParent:
		return v.parts[0].read(src.parent)
	case fromBody:
		if src.stored != nil && src.stored.part {
			return src.stored.read(bodyPrefix + v.text), nil
		}
		return scalar(src.delivery().Value(v.path), v.text)
	case fromHeader:
		if src.stored != nil {
			return src.stored.read(headerPrefix + v.text), nil
		}
		if values := src.header[v.text]; len(values) > 0 {
			return values[0], nil
		}
		return "", nil
	case fromEventID:
		return src.id, nil
	case fromEventType:
		return src.typ, nil
	case fromHash:
		return hash(src.data), nil
	case fromConst:
		return v.text, nil
	case fromFirst:
		for i := range v.parts {
			if text, err := v.parts[i].read(src); text != "" || err != nil {
				return text, err
			}
		}
		return "", nil
	default:
		return v.join(src)
	}
}

// join is "" as soon as one part is, for an ID with a hole in it names nothing.
func (v *value) join(src *eventSource) (string, error) {
	var b strings.Builder
	for i := range v.parts {
		text, err := v.parts[i].read(src)
		if text == "" || err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteString(v.text)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// String describes the value in messages.
func (v *value) String() string {
	switch v.from {
	case fromItem:
		return v.text
	case fromParent:
		return parentPrefix + v.parts[0].String()
	case fromBody:
		return bodyPrefix + v.text
	case fromHeader:
		return headerPrefix + v.text
	case fromEventID:
		return eventPrefix + "id"
	case fromEventType:
		return eventPrefix + "type"
	case fromHash:
		return eventPrefix + "sha256"
	case fromConst:
		return fmt.Sprintf("constant %q", v.text)
	}
	parts := make([]string, len(v.parts))
	for i := range v.parts {
		parts[i] = v.parts[i].String()
	}
	if v.from == fromFirst {
		return "first of " + strings.Join(parts, ", ")
	}
	return strings.Join(parts, " + ")
}

// outer returns v as an item of a list reads it from what the list stands in.
func outer(v value) value { return value{from: fromParent, parts: []value{v}} }

// unwrapped returns v without the step out of a list.
func (v *value) unwrapped() *value {
	if v.from == fromParent {
		return &v.parts[0]
	}
	return v
}

// readsID says whether the event's ID may be part of the text.
func (v *value) readsID() bool {
	for i := range v.parts {
		if v.parts[i].readsID() {
			return true
		}
	}
	return v.from == fromEventID
}

// varies says whether two items of one delivery can have different texts.
func (v *value) varies() bool {
	for i := range v.parts {
		if v.parts[i].varies() {
			return true
		}
	}
	return v.from == fromItem || v.from == fromHash
}

// scalar returns what was found at path as one text. Where a key stands twice the first counts.
func scalar(v jsonscan.Value, path string) (string, error) {
	switch v.Kind() {
	case jsonscan.Text:
		return v.Text(), nil
	case jsonscan.Object:
		return "", fmt.Errorf("an object at %q, not one text or number", path)
	case jsonscan.List:
		return "", fmt.Errorf("a list at %q, not one text or number", path)
	case jsonscan.Absent, jsonscan.Null:
		return "", nil
	}
	return string(v), nil
}

// compileValue checks and compiles spec; at is the field to blame for its shape. mapping says whether it stands in a sale's rule, which sees the
// event, or under events, which sees the delivery.
func (c *compiler) compileValue(at any, spec *valueSpec, mapping bool) value {
	if spec.given() != 1 {
		c.fail(at, "a value is a path (data.object.id) or a mapping with exactly one of path, const, first, join")
		return value{}
	}
	if spec.With != nil && spec.Join == nil {
		c.fail(spec.With, "with goes with join: it is what stands between the joined parts")
	}
	parts := func(specs []*valueSpec) []value {
		if len(specs) == 0 {
			c.fail(at, "this list is empty: first and join need something to choose from")
		}
		out := make([]value, 0, len(specs))
		for _, s := range specs {
			if s == nil {
				c.fail(at, "an item of this list is empty")
				continue
			}
			out = append(out, c.compileValue(s, s, mapping))
		}
		return out
	}
	switch {
	case spec.Const != nil:
		return value{from: fromConst, text: *spec.Const}
	case spec.First != nil:
		return value{from: fromFirst, parts: parts(spec.First)}
	case spec.Join != nil:
		with := ":"
		if spec.With != nil {
			with = *spec.With
		}
		return value{from: fromJoin, text: with, parts: parts(spec.Join)}
	}
	return c.compilePath(&spec.Path, spec.Path, mapping)
}

// given counts the ways in which spec says where the value comes from.
func (s *valueSpec) given() int {
	n := 0
	for _, set := range []bool{s.Path != "", s.Const != nil, s.First != nil, s.Join != nil} {
		if set {
			n++
		}
	}
	return n
}

// compilePath compiles the text at field: a path, or one of the prefixes.
func (c *compiler) compilePath(field any, text string, mapping bool) value {
	if name, ok := strings.CutPrefix(text, headerPrefix); ok {
		if mapping {
			c.fail(field, "%q: a sale is a function of the stored event, which has no headers: read it under events and use event:id or event:type here", text)
		}
		if name == "" || strings.ContainsAny(name, " \t:") {
			c.fail(field, "%q names no header: write header:X-Event-Id", text)
		}
		return value{from: fromHeader, text: http.CanonicalHeaderKey(name)}
	}
	if name, ok := strings.CutPrefix(text, eventPrefix); ok {
		from, ok := map[string]origin{"id": fromEventID, "type": fromEventType, "sha256": fromHash}[name]
		if !ok {
			c.fail(field, "%q: there are event:id, event:type and event:sha256", text)
		} else if !mapping && from != fromHash {
			c.fail(field, "%q can stand in sales only", text)
		}
		return value{from: from}
	}
	from, paths := fromItem, c.paths
	if path, ok := strings.CutPrefix(text, parentPrefix); ok {
		if !c.inList {
			c.fail(field, "%q: parent: looks out of an item of each, and this is none", text)
		}
		return outer(c.compilePath(field, path, mapping))
	}
	if path, ok := strings.CutPrefix(text, bodyPrefix); ok {
		if mapping {
			c.fail(field, "%q: a sale sees its own event only, not the delivery around it", text)
		}
		from, paths, text = fromBody, c.delivery, path
	}
	if err := extract.CheckPath(text); err != nil {
		c.fail(field, "%s", err)
	}
	return value{from: from, text: text, path: paths.Add(text)}
}
