package jsonscan

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

func (l *levels) isObject(depth int) bool { return l[depth/64]>>(depth%64)&1 == 1 }

// skip passes over one value that may open room more levels.
func skip(doc string, i, room int, open *levels) (end int, f fault) {
	if i < len(doc) && (doc[i] == '{' || doc[i] == '[') {
		return skipNested(doc, i, room, open)
	}
	return skipScalar(doc, i)
}

// skipNested passes over an object or a list. It uses open for the levels inside.
func skipNested(doc string, i, room int, open *levels) (end int, f fault) {
	for depth := 0; ; {
		// Here a value begins.
		if i >= len(doc) {
			return i, syntax
		}
		if c := doc[i]; c == '{' || c == '[' {
			if depth == room {
				return i, tooDeep
			}
			open.push(depth, c == '{')
			depth++
			if i = space(doc, i+1); i < len(doc) && doc[i] != c+2 { // not empty: } and ] stand two after their openings
				if c == '{' {
					_, i, f = skipName(doc, i)
				}
				if f != none {
					return i, f
				}
				continue
			}
		} else {
			if i, f = skipScalar(doc, i); f != none {
				return i, f
			}
			i = space(doc, i)
		}
		// Here the levels are closed that end, and then the next value of the one that goes on is found.
		for i < len(doc) && doc[i] == closing(open.isObject(depth-1)) {
			depth--
			if i++; depth == 0 {
				return i, none
			}
			i = space(doc, i)
		}
		if i >= len(doc) || doc[i] != ',' {
			return i, syntax
		}
		if i = space(doc, i+1); open.isObject(depth - 1) {
			if _, i, f = skipName(doc, i); f != none {
				return i, f
			}
		}
	}
}

func closing(object bool) byte {
	if object {
		return '}'
	}
	return ']'
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

// skipText begins after the opening quote.
func skipText(doc string, i int) (end int, f fault) {
	for i < len(doc) {
		switch c := doc[i]; {
		case c == '"':
			return i + 1, none
		case c == '\\':
			if i, f = skipEscape(doc, i+1); f != none {
				return i, f
			}
		case c < ' ':
			return i, control
		default:
			i++
		}
	}
	return i, syntax
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

// space passes over white space.
func space(doc string, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}
