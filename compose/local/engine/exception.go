package engine

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Codes of ClickHouse's exceptions that this package itself raises
// (https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp).
const (
	codeBadArguments       = 36
	codeNotImplemented     = 48
	codeSyntaxError        = 62
	codeQueryTooLarge      = 229
	codeTooManyQueries     = 202
	codeCannotDecompress   = 271
	codeUnknownCompression = 89
	codeAuthFailed         = 516
	codeUnknown            = 1002
)

// Exception is an error as ClickHouse reports it.
type Exception struct {
	Code int
	Text string // with its code and name: "Code: 60. DB::Exception: … (UNKNOWN_TABLE)"
}

func (e *Exception) Error() string { return e.Text }

var exceptionCode = regexp.MustCompile(`^Code: (\d+)\.`)

// newException reads the engine's error text.
func newException(text string) *Exception {
	e := &Exception{Code: codeUnknown, Text: strings.TrimSpace(text)}
	if m := exceptionCode.FindStringSubmatch(e.Text); m != nil {
		e.Code, _ = strconv.Atoi(m[1])
	}
	return e
}

// exceptionf makes an exception that did not come from the engine, in the engine's form.
func exceptionf(code int, name, format string, args ...any) *Exception {
	return &Exception{Code: code, Text: fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, fmt.Sprintf(format, args...), name)}
}

// status is the HTTP status under which a ClickHouse server reports the exception
// (https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/HTTP/exceptionCodeToHTTPStatus.cpp).
func (e *Exception) status() int {
	switch e.Code {
	case 194: // REQUIRED_PASSWORD
		return http.StatusUnauthorized
	case 192, 193, 497, 512, codeAuthFailed: // UNKNOWN_USER WRONG_PASSWORD ACCESS_DENIED SET_NON_GRANTED_ROLE
		return http.StatusForbidden
	case codeBadArguments, codeSyntaxError,
		6, 25, 26, 27, 38, 41, 72, 376, 441, 675, 676, // CANNOT_PARSE_…
		8, 15, 44, 53, 117, 321, 427, // THERE_IS_NO_COLUMN DUPLICATE_COLUMN ILLEGAL_COLUMN TYPE_MISMATCH INCORRECT_DATA VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE CANNOT_COMPILE_REGEXP
		37, 123, 167, 168, 223: // UNKNOWN_ELEMENT_IN_AST UNKNOWN_TYPE_OF_AST_NODE TOO_DEEP_AST TOO_BIG_AST UNEXPECTED_AST_STRUCTURE
		return http.StatusBadRequest
	case 46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511: // UNKNOWN_…
		return http.StatusNotFound
	case codeQueryTooLarge:
		return http.StatusRequestEntityTooLarge
	case codeNotImplemented:
		return http.StatusNotImplemented
	case 76, 209, 439: // CANNOT_OPEN_FILE SOCKET_TIMEOUT CANNOT_SCHEDULE_TASK
		return http.StatusServiceUnavailable
	case 381: // HTTP_LENGTH_REQUIRED
		return http.StatusLengthRequired
	case 159: // TIMEOUT_EXCEEDED
		return http.StatusRequestTimeout
	case 779: // UNSUPPORTED_MEDIA_TYPE
		return http.StatusUnsupportedMediaType
	}
	return http.StatusInternalServerError
}
