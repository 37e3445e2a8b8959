package vendors

import (
	"math/bits"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// fields are the plain paths that are read of one kind of document, as a tree of their keys: a single pass over the
// document finds all of them, where a search for each would pass over most of it each time.
type fields struct {
	key      string
	slot     int // in found, of what stands here; -1 where no path ends
	children []*fields
	slots    int // in use; of the root only
}

// maxSlots is how many paths one pass finds; of a vendor that reads more, the others are searched for one by one.
const maxSlots = 24

// found holds what stands at each path, "" where nothing does.
type found [maxSlots]string

func newFields() *fields { return &fields{slot: -1} }

// lookup finds what stands at a gjson path of an event's document.
type lookup struct {
	path string
	slot int // -1: gjson has to search
}

// lookup returns the path's, and makes room for it where it is of plain keys.
func (f *fields) lookup(path string) lookup {
	if f == nil || strings.ContainsAny(path, `\*?#@|!{}[]()"`) {
		return lookup{path, -1}
	}
	at := f
	for key := range strings.SplitSeq(path, ".") {
		if key == "" || isDigits(key) { // an index into a list, perhaps
			return lookup{path, -1}
		}
		child := at.child(key)
		if child == nil {
			child = &fields{key: key, slot: -1}
			at.children = append(at.children, child)
		}
		at = child
	}
	if at.slot < 0 && f.slots < maxSlots {
		at.slot = f.slots
		f.slots++
	}
	return lookup{path, at.slot}
}

func (f *fields) child(key string) *fields {
	for _, c := range f.children {
		if c.key == key {
			return c
		}
	}
	return nil
}

// in returns what gjson.Get does for the document of src, but no number's value as a float: that takes longer than all else
// here, and amounts are read from the digits.
func (l *lookup) in(src *source) gjson.Result {
	if l.slot < 0 || src.fields == nil {
		return get(src.item, l.path)
	}
	if !src.scanned {
		src.fields.scan(src.item, &src.found)
		src.scanned = true
	}
	raw := src.found[l.slot]
	if raw != "" && (raw[0] == '-' || raw[0]-'0' <= 9) {
		return gjson.Result{Type: gjson.Number, Raw: raw}
	}
	return gjson.Parse(raw)
}

// get is gjson.Get, but for JSON in a text, which gjson reads by recursion and without a limit of depth.
func get(doc, path string) gjson.Result {
	before, after, found := strings.Cut(path, "."+fromText+".")
	if !found || strings.Contains(before, "#") { // each of several texts: of a document whose depth is checked
		return gjson.Get(doc, path)
	}
	text := gjson.Get(doc, before).String()
	if jsonscan.Check(text) != nil {
		return gjson.Result{}
	}
	return get(text, after)
}

// scan finds all paths in doc, which is JSON; in other texts it finds something or nothing.
func (f *fields) scan(doc string, into *found) {
	*into = found{}
	if i := skipSpace(doc, 0); i < len(doc) && doc[i] == '{' {
		f.members(doc, i+1, into)
	}
}

// members passes over those of the object that opened before doc[i], and returns where it is closed. Where a key stands
// twice the first counts.
func (f *fields) members(doc string, i int, into *found) int {
	for i < len(doc) {
		switch doc[i] {
		case '}':
			return i + 1
		case '"':
		default:
			i++
			continue
		}
		quoted := i
		i = skipString(doc, i)
		key := doc[quoted+1 : max(i-1, quoted+1)]
		if strings.IndexByte(key, '\\') >= 0 {
			key = gjson.Parse(doc[quoted:i]).Str
		}
		child := f.child(key)
		for i = skipSpace(doc, i); i < len(doc) && (doc[i] == ':' || doc[i] <= ' '); i++ {
		}
		start := i
		if child != nil && len(child.children) > 0 && i < len(doc) && doc[i] == '{' {
			i = child.members(doc, i+1, into)
		} else {
			i = skipValue(doc, i)
		}
		if child != nil && child.slot >= 0 && into[child.slot] == "" {
			into[child.slot] = doc[start:i]
		}
	}
	return i
}

func skipSpace(doc string, i int) int {
	for i < len(doc) && doc[i] <= ' ' {
		i++
	}
	return i
}

// skipValue returns where the value ends that begins at doc[i].
func skipValue(doc string, i int) int {
	if i < len(doc) {
		switch doc[i] {
		case '"':
			return skipString(doc, i)
		case '{', '[':
			return skipNested(doc, i)
		}
	}
	for i < len(doc) && doc[i] > ' ' && doc[i] != ',' && doc[i] != '}' && doc[i] != ']' {
		i++
	}
	return i
}

// skipNested returns where the object or list ends that begins at doc[i].
func skipNested(doc string, i int) int {
	for depth := 0; i < len(doc); {
		switch doc[i] {
		case '"':
			i = skipString(doc, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if i++; depth == 0 {
			return i
		}
	}
	return i
}

// skipString returns where the text ends whose opening quote is doc[i].
func skipString(doc string, i int) int {
	for i++; i+8 <= len(doc); {
		s := doc[i : i+8]
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		found := equal(w, '"') | equal(w, '\\')
		if found == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(found) / 8; doc[i] == '"' {
			return i + 1
		}
		i += 2 // a backslash, and what it escapes
	}
	for ; i < len(doc); i++ {
		switch doc[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(doc)
}
