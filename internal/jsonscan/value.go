package jsonscan

import (
	"fmt"
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Value is one JSON value as it is written, without white space around it; "" is no value at all.
type Value string

// Trim returns the value of a document: its text without the white space around it, and without a byte order mark.
func Trim(doc string) Value { return Value(strings.Trim(doc[mark(doc):], " \t\r\n")) }

// Kind is what a value is.
type Kind byte

// The kinds of values.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	Text
	List
	Object
)

// Kind returns what v is.
func (v Value) Kind() Kind {
	if v == "" {
		return Absent
	}
	switch v[0] {
	case '"':
		return Text
	case '{':
		return Object
	case '[':
		return List
	case 'n':
		return Null
	case 't', 'f':
		return Bool
	}
	return Number
}

// Text returns what the text v says, and "" where v is something else. Of invalid UTF-8 it keeps the bytes; half a
// surrogate pair becomes U+FFFD. The text may share v's memory.
func (v Value) Text() string {
	if v.Kind() != Text {
		return ""
	}
	return unquote(string(v))
}

// Items yields the items of a list, each with the place where it begins in v. It yields nothing of any other value,
// and ends before an item that is not JSON.
func (v Value) Items() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.Kind() != List {
			return
		}
		doc := string(v)
		var open levels
		for i := space(doc, 1); i < len(doc) && doc[i] != ']'; {
			end, f := skip(doc, i, MaxDepth, &open)
			if f != none || !yield(i, v[i:end]) {
				return
			}
			if i = space(doc, end); i < len(doc) && doc[i] == ',' {
				i = space(doc, i+1)
			}
		}
	}
}

// Member returns the first member of that name of an object, and how many there are. Of any other value there is none.
func (v Value) Member(name string) (value Value, times int) {
	var path Paths
	path.Add(name)
	var found [1]Found
	if v.Kind() != Object || path.Find(string(v), found[:]) != nil {
		return "", 0
	}
	return found[0].In(string(v)), int(found[0].Times)
}

// AppendText appends a JSON text that says text. Each byte of invalid UTF-8 becomes U+FFFD.
func AppendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, r)
		case r < utf8.RuneSelf:
			dst = append(dst, text[i])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// unquote returns what a text in its quotes says.
func unquote(quoted string) string {
	rest := quoted[1 : len(quoted)-1]
	if strings.IndexByte(rest, '\\') < 0 {
		return rest
	}
	out := make([]byte, 0, len(rest))
	for {
		plain, escape, found := strings.Cut(rest, `\`)
		out = append(out, plain...)
		if !found {
			return string(out)
		}
		switch escape[0] {
		case 'u':
			var r rune
			r, rest = unescape(escape)
			out = utf8.AppendRune(out, r)
			continue
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		default:
			out = append(out, escape[0])
		}
		rest = escape[1:]
	}
}

// unescape reads u and four digits, or two such in a row that are a surrogate pair, from the start of text, which has
// lost its first backslash.
func unescape(text string) (r rune, rest string) {
	r, rest = codeUnit(text), text[5:]
	if !utf16.IsSurrogate(r) {
		return r, rest
	}
	if strings.HasPrefix(rest, `\u`) {
		if pair := utf16.DecodeRune(r, codeUnit(rest[1:])); pair != utf8.RuneError {
			return pair, rest[6:]
		}
	}
	return utf8.RuneError, rest
}

// codeUnit reads the four digits after u.
func codeUnit(text string) (r rune) {
	for _, c := range []byte(text[1:5]) {
		digit := c - '0'
		if !isDigit(c) {
			digit = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(digit)
	}
	return r
}
