package vendors

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"
)

// parseMarked reads a number. mark is 0 for one as JSON writes it, else the decimal mark of one that is written for
// people: "1.249,90 €", "Rs. 1,00,000.50", "-12'000.-" is none.
func parseMarked(text string, mark byte) (decimal.Decimal, error) {
	if mark == 0 {
		return parseNumber(text)
	}
	if len(text) > maxNumber {
		return decimal.Decimal{}, fmt.Errorf("%.16q… is longer than %d characters", text, maxNumber)
	}
	digits, negative := trimSymbols(text)
	whole, fraction, hasFraction := strings.Cut(digits, string(mark))
	plain, ok := withoutGroups(whole, mark)
	if !ok || hasFraction && !isDigits(fraction) {
		return decimal.Decimal{}, fmt.Errorf("%q is not a number whose decimal mark is %q", text, string(mark))
	}
	if hasFraction {
		plain += "." + fraction
	}
	d, err := parseNumber(plain)
	if negative {
		d = d.Neg()
	}
	return d, err
}

// trimSymbols takes off what stands around the digits: a sign, spaces, a currency's symbol, code or abbreviation.
func trimSymbols(text string) (digits string, negative bool) {
	first := strings.IndexFunc(text, isDigit)
	last := strings.LastIndexFunc(text, isDigit)
	if first < 0 {
		return "", false
	}
	before, after := text[:first], text[last+1:]
	for _, r := range before + after {
		switch {
		case r == '-' || r == '\u2212':
			if negative {
				return "", false // two signs
			}
			negative = true
		case r == '+', r == '.' && before != "", unicode.IsLetter(r), unicode.IsSpace(r), unicode.Is(unicode.Sc, r):
		default:
			return "", false
		}
	}
	if strings.HasSuffix(before, ".") && !strings.ContainsFunc(before, unicode.IsLetter) {
		return "", false // .5 says nothing of what stands before the mark
	}
	return text[first : last+1], negative
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// groupMarks stand between groups of digits, but for the one that is the decimal mark.
const groupMarks = ".,'’ \u00a0\u202f_"

// withoutGroups returns the digits of a whole number. Its groups have three digits, the first one to three; in
// between there may be groups of two, as India writes them. All marks are the same.
func withoutGroups(whole string, mark byte) (digits string, ok bool) {
	at := strings.IndexFunc(whole, func(r rune) bool { return !isDigit(r) })
	if at < 0 {
		return whole, whole != ""
	}
	group, _ := firstRune(whole[at:])
	if !strings.Contains(groupMarks, group) || group == string(mark) {
		return "", false
	}
	groups := strings.Split(whole, group)
	for i, g := range groups {
		last := i == len(groups)-1
		if !isDigits(g) || len(g) > 3 || i > 0 && len(g) < 2 || last && len(g) != 3 {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

func firstRune(text string) (first, rest string) {
	for i := range text {
		if i > 0 {
			return text[:i], text[i:]
		}
	}
	return text, ""
}
