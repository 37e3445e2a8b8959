package vendors

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"
)

const (
	maxNumber   = 64 // longest number that is read, in bytes; Decimal(18,4) needs 20
	maxExponent = 64 // largest exponent: what is beyond cannot be money, nor a time
	maxDecimals = 4  // of ClickHouse's Decimal(18,4)
	maxWhole    = 14 // its digits before the point
)

// parseNumber reads a number as JSON writes it, exactly. It takes no time for 1e999999999.
func parseNumber(text string) (decimal.Decimal, error) {
	if len(text) > maxNumber {
		return decimal.Decimal{}, fmt.Errorf("%q… is longer than %d characters", text[:16], maxNumber)
	}
	mantissa, exponent, hasExponent := text, "", false
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent, hasExponent = text[:i], text[i+1:], true
	}
	whole, fraction, hasPoint := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	if !isDigits(whole) || hasPoint && !isDigits(fraction) {
		return decimal.Decimal{}, fmt.Errorf("%q is not a number", text)
	}
	if hasExponent {
		digits := strings.TrimLeft(exponent, "+-")
		if !isDigits(digits) || len(exponent)-len(digits) > 1 {
			return decimal.Decimal{}, fmt.Errorf("%q is not a number", text)
		}
		if n, err := strconv.Atoi(exponent); err != nil || n > maxExponent || n < -maxExponent {
			return decimal.Decimal{}, fmt.Errorf("%q has too large an exponent", text)
		}
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Decimal{}, fmt.Errorf("%q is not a number", text)
	}
	return d, nil
}

// checkAmount returns d with at most 4 decimals, or why ClickHouse's Decimal(18,4) cannot hold it exactly.
func checkAmount(d decimal.Decimal) (decimal.Decimal, error) {
	if d.IsNegative() {
		return d, fmt.Errorf("amount %s is negative: effect says whether money comes or goes, so use abs: true or times: {const: -1} where the vendor writes a minus", d)
	}
	if d.Exponent() < -maxDecimals {
		short := d.Truncate(maxDecimals)
		if !short.Equal(d) {
			return d, fmt.Errorf("amount %s has more than %d decimals and is never rounded", d, maxDecimals)
		}
		d = short
	}
	if !d.IsZero() && d.NumDigits()+int(d.Exponent()) > maxWhole {
		return d, fmt.Errorf("amount %s has more than %d digits before the point", d, maxWhole)
	}
	return d, nil
}

// withdrawn holds the currencies that moved to ISO 4217 table A.3 (historic denominations) since 2010, which events
// of their time are in. The library below holds table A.1 alone.
var withdrawn = map[string]int32{
	"ANG": 2, "BGN": 2, "BYR": 0, "CUC": 2, "EEK": 2, "HRK": 2, "LTL": 2, "LVL": 2, "MRO": 2, "SLL": 2, "STD": 2,
	"VEF": 2, "ZMK": 2, "ZWL": 2,
}

// digitsOf returns how many decimals the minor unit of a currency has by ISO 4217. The library takes them from
// table A.1 (list-one.xml of its maintenance agency), not from CLDR, which knows what is customary: 0 for IQD or AFN.
func digitsOf(code string) (int32, bool) {
	if digits, ok := currency.GetDigits(code); ok {
		return int32(digits), true
	}
	digits, ok := withdrawn[code]
	return digits, ok
}

// currencyCode checks a vendor's currency and returns a copy of it in upper case.
func currencyCode(text string) (string, error) {
	if len(text) == 3 {
		code := strings.ToUpper(text)
		if code == text {
			code = strings.Clone(text)
		}
		if _, ok := digitsOf(code); ok {
			return code, nil
		}
	}
	return "", fmt.Errorf("%.16q is not an ISO 4217 currency", text)
}

var errNotWhole = errors.New("is not a whole number of minor units: is unit: major meant?")

// majorUnits turns minor units of a currency into major ones.
func majorUnits(d decimal.Decimal, digits int32) (decimal.Decimal, error) {
	if !d.IsInteger() {
		return d, fmt.Errorf("amount %s %w", d, errNotWhole)
	}
	return d.Shift(-digits), nil
}
