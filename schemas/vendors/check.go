package vendors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/tidwall/gjson"
)

// maxDepth is how deep a body may nest, the limit that encoding/json has too.
const maxDepth = 10_000

// checkJSON says why data is not one JSON document.
func checkJSON(data []byte) error { return (*fields)(nil).check(data, nil) }

// check says why data is not one JSON document, and in the same pass finds what stands at the paths of f, as scan does.
// f is nil where nothing is to be found; into is empty.
func (f *fields) check(data []byte, into *found) error {
	if end := checkValue(data, checkSpace(data, 0), maxDepth, f, into); end >= 0 && checkSpace(data, end) == len(data) {
		return nil
	}
	if tooDeep(data) {
		return fmt.Errorf("JSON nests deeper than %d levels", maxDepth)
	}
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw) // slower, and says where
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("not JSON: %w (byte %d)", err, syntax.Offset)
	}
	return errors.New("not JSON")
}

// tooDeep says whether data nests deeper than maxDepth, if it is JSON so far.
func tooDeep(data []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// bad is what the functions below return for the place where something ends that is not what it should be. They read by the
// grammar of RFC 8259; each takes the place where something begins.
const bad = -1

func checkValue(doc []byte, i, depth int, f *fields, into *found) (end int) {
	if i >= len(doc) {
		return bad
	}
	switch doc[i] {
	case '"':
		return checkText(doc, i+1)
	case '{':
		return checkObject(doc, i+1, depth, f, into)
	case '[':
		return checkList(doc, i+1, depth)
	case 't':
		return checkLiteral(doc, i, "true")
	case 'f':
		return checkLiteral(doc, i, "false")
	case 'n':
		return checkLiteral(doc, i, "null")
	}
	return checkNumber(doc, i)
}

func checkObject(doc []byte, i, depth int, f *fields, into *found) (end int) {
	if depth == 0 {
		return bad
	}
	if i = checkSpace(doc, i); i < len(doc) && doc[i] == '}' {
		return i + 1
	}
	for ; i < len(doc) && doc[i] == '"'; i = checkSpace(doc, i+1) {
		name := i
		if i = checkText(doc, i+1); i < 0 {
			return bad
		}
		var child *fields
		if f != nil && len(f.children) > 0 {
			child = f.named(doc[name:i])
		}
		if i = checkSpace(doc, i); i >= len(doc) || doc[i] != ':' {
			return bad
		}
		start := checkSpace(doc, i+1)
		if i = checkValue(doc, start, depth-1, child, into); i < 0 {
			return bad
		}
		if child != nil && child.slot >= 0 && into[child.slot] == "" {
			into[child.slot] = view(doc[start:i])
		}
		if i = checkSpace(doc, i); i >= len(doc) {
			return bad
		}
		if doc[i] == '}' {
			return i + 1
		}
		if doc[i] != ',' {
			return bad
		}
	}
	return bad
}

// named returns the child of a name that stands in its quotes.
func (f *fields) named(quoted []byte) *fields {
	name := view(quoted[1 : len(quoted)-1])
	if strings.IndexByte(name, '\\') >= 0 {
		name = gjson.ParseBytes(quoted).Str
	}
	return f.child(name)
}

func checkList(doc []byte, i, depth int) (end int) {
	if depth == 0 {
		return bad
	}
	if i = checkSpace(doc, i); i < len(doc) && doc[i] == ']' {
		return i + 1
	}
	for ; ; i = checkSpace(doc, i+1) {
		if i = checkValue(doc, i, depth-1, nil, nil); i < 0 {
			return bad
		}
		if i = checkSpace(doc, i); i >= len(doc) {
			return bad
		}
		if doc[i] == ']' {
			return i + 1
		}
		if doc[i] != ',' {
			return bad
		}
	}
}

// Texts are looked through eight bytes at once, since most of a body is texts, too short for a call of bytes.IndexByte to pay.
const ones, tops = 0x0101010101010101, 0x8080808080808080

// equal has the top bit set of the first byte of the word w that is b, and none before it: such a byte is zero once the two
// are XORed, and where bytes are subtracted from those of a word, the lowest top bit that is set anew tells the first
// that was smaller.
func equal(w uint64, b byte) uint64 {
	w ^= uint64(b) * ones
	return (w - ones) &^ w & tops
}

// checkText begins after the opening quote. It looks for the first quote, backslash or control character.
func checkText(doc []byte, i int) (end int) {
	for i < len(doc) {
		if i+8 <= len(doc) {
			w := binary.LittleEndian.Uint64(doc[i:])
			special := (w-' '*ones)&^w&tops | equal(w, '"') | equal(w, '\\')
			if special == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(special) / 8
		}
		switch b := doc[i]; {
		case b == '"':
			return i + 1
		case b < ' ':
			return bad
		case b != '\\':
			i++
		default:
			if i = checkEscape(doc, i+1); i < 0 {
				return bad
			}
		}
	}
	return bad
}

// checkEscape begins after the backslash.
func checkEscape(doc []byte, i int) (end int) {
	if i >= len(doc) {
		return bad
	}
	switch doc[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for range 4 {
			if i++; i >= len(doc) || !isHex(doc[i]) {
				return bad
			}
		}
		return i + 1
	}
	return bad
}

func isHex(b byte) bool { return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f' }

func checkNumber(doc []byte, i int) (end int) {
	if doc[i] == '-' {
		i++
	}
	whole := i
	i = passDigits(doc, i)
	if i == whole || doc[whole] == '0' && i > whole+1 {
		return bad
	}
	if i < len(doc) && doc[i] == '.' {
		fraction := i + 1
		if i = passDigits(doc, fraction); i == fraction {
			return bad
		}
	}
	if i < len(doc) && doc[i]|0x20 == 'e' {
		if i++; i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		exponent := i
		if i = passDigits(doc, exponent); i == exponent {
			return bad
		}
	}
	return i
}

func passDigits(doc []byte, i int) int {
	for i < len(doc) && doc[i]-'0' <= 9 {
		i++
	}
	return i
}

func checkLiteral(doc []byte, i int, want string) (end int) {
	if end = i + len(want); end > len(doc) || string(doc[i:end]) != want {
		return bad
	}
	return end
}

func checkSpace(doc []byte, i int) int {
	for i < len(doc) && doc[i] <= ' ' && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}
