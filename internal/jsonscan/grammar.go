package jsonscan

import "strings"

// The functions here read by the grammar of RFC 8259. Each takes the place where something begins and returns where
// it ends, or where its fault is.

// levels has a bit for each open level: set for an object, clear for a list.
type levels [(MaxDepth + 63) / 64]uint64

func (l *levels) push(depth int, object bool) {
	if bit := uint64(1) << (depth % 64); object {
		l[depth/64] |= bit
	} else {
		l[depth/64] &^= bit
	}
}

// closing returns what closes the level: } or ].
func (l *levels) closing(depth int) byte {
	if l[depth/64]>>(depth%64)&1 == 1 {
		return '}'
	}
	return ']'
}

// skip passes over one value that may open room more levels.
func skip(doc string, i, room int, open *levels) (end int, f fault) {
	if i < len(doc) && (doc[i] == '{' || doc[i] == '[') {
		return skipNested(doc, i, room, open)
	}
	return skipScalar(doc, i)
}

// skipNested passes over an object or a list. It uses open for the levels inside.
func skipNested(doc string, i, room int, open *levels) (end int, f fault) {
	depth, closing := 0, byte(0) // how many levels are open, and what closes the innermost
	for {
		// Here a value begins.
		if i >= len(doc) {
			return i, syntax
		}
		switch c := doc[i]; c {
		case '{', '[':
			if depth == room {
				return i, tooDeep
			}
			open.push(depth, c == '{')
			depth++
			closing = c + 2 // } and ] stand two after their openings
			if i = space(doc, i+1); i < len(doc) && doc[i] != closing {
				if c == '{' {
					_, i, f = skipName(doc, i)
				}
				if f != none {
					return i, f
				}
				continue
			}
		case '"':
			if i, f = skipText(doc, i+1); f != none {
				return i, f
			}
		default:
			if i, f = skipScalar(doc, i); f != none {
				return i, f
			}
		}
		// Here the levels are closed that end, and then the next value of the one that goes on is found.
		for i = space(doc, i); i < len(doc) && doc[i] == closing; i = space(doc, i) {
			depth--
			if i++; depth == 0 {
				return i, none
			}
			closing = open.closing(depth - 1)
		}
		if i >= len(doc) || doc[i] != ',' {
			return i, syntax
		}
		if i = space(doc, i+1); closing == '}' {
			if _, i, f = skipName(doc, i); f != none {
				return i, f
			}
		}
	}
}

// skipName passes over the name of a member and its colon; value is where the member's value begins.
func skipName(doc string, i int) (end, value int, f fault) {
	if i >= len(doc) || doc[i] != '"' {
		return i, i, syntax
	}
	if end, f = skipText(doc, i+1); f != none {
		return end, end, f
	}
	if i = space(doc, end); i >= len(doc) || doc[i] != ':' {
		return end, i, syntax
	}
	return end, space(doc, i+1), none
}

func skipScalar(doc string, i int) (end int, f fault) {
	if i >= len(doc) {
		return i, syntax
	}
	switch doc[i] {
	case '"':
		return skipText(doc, i+1)
	case 't':
		return skipLiteral(doc, i, "true")
	case 'f':
		return skipLiteral(doc, i, "false")
	case 'n':
		return skipLiteral(doc, i, "null")
	}
	return skipNumber(doc, i)
}

// skipText begins after the opening quote. It looks at most of a document's bytes: a table costs a tenth less of the
// whole than three comparisons.
func skipText(doc string, i int) (end int, f fault) {
	for {
		for i < len(doc) && !special[doc[i]] {
			i++
		}
		switch {
		case i >= len(doc):
			return i, syntax
		case doc[i] == '"':
			return i + 1, none
		case doc[i] < ' ':
			return i, control
		}
		if i, f = skipEscape(doc, i+1); f != none {
			return i, f
		}
	}
}

// special has the bytes that are not part of a text as they are: quotes, backslashes and control characters.
var special = [256]bool{
	'"': true, '\\': true,
	0x00: true, 0x01: true, 0x02: true, 0x03: true, 0x04: true, 0x05: true, 0x06: true, 0x07: true,
	0x08: true, 0x09: true, 0x0a: true, 0x0b: true, 0x0c: true, 0x0d: true, 0x0e: true, 0x0f: true,
	0x10: true, 0x11: true, 0x12: true, 0x13: true, 0x14: true, 0x15: true, 0x16: true, 0x17: true,
	0x18: true, 0x19: true, 0x1a: true, 0x1b: true, 0x1c: true, 0x1d: true, 0x1e: true, 0x1f: true,
}

// skipEscape begins after the backslash.
func skipEscape(doc string, i int) (end int, f fault) {
	if i >= len(doc) {
		return i, syntax
	}
	switch doc[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, none
	case 'u':
		for range 4 {
			if i++; i >= len(doc) || !isHex(doc[i]) {
				return i, syntax
			}
		}
		return i + 1, none
	}
	return i, syntax
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func isDigit(c byte) bool { return c-'0' <= 9 }

func skipNumber(doc string, i int) (end int, f fault) {
	if doc[i] == '-' {
		i++
	}
	if i < len(doc) && doc[i] == '0' {
		i++
	} else if i, f = skipDigits(doc, i); f != none {
		return i, f
	}
	if i < len(doc) && doc[i] == '.' {
		if i, f = skipDigits(doc, i+1); f != none {
			return i, f
		}
	}
	if i < len(doc) && doc[i]|0x20 == 'e' {
		if i++; i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		return skipDigits(doc, i)
	}
	return i, none
}

// skipDigits passes over at least one digit.
func skipDigits(doc string, i int) (end int, f fault) {
	if i >= len(doc) || !isDigit(doc[i]) {
		return i, syntax
	}
	for i < len(doc) && isDigit(doc[i]) {
		i++
	}
	return i, none
}

func skipLiteral(doc string, i int, want string) (end int, f fault) {
	for j := range len(want) {
		if i+j >= len(doc) || doc[i+j] != want[j] {
			return i + j, syntax
		}
	}
	return i + len(want), none
}

// mark passes over a byte order mark, which a reader may ignore (RFC 8259, section 8.1).
func mark(doc string) int {
	if strings.HasPrefix(doc, "\ufeff") {
		return len("\ufeff")
	}
	return 0
}

// space passes over white space.
func space(doc string, i int) int {
	for i < len(doc) && doc[i] <= ' ' && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}
