package analytics

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Error is ClickHouse's own refusal of what it was asked. Errors of the network, deadlines and the like are
// not of this type.
type Error struct {
	Op   string // what hookline was doing
	Code int    // ClickHouse's error code: https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
	Err  error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: ClickHouse error %d: %v", e.Op, e.Code, e.Err)
}

// Unwrap returns the driver's error.
func (e *Error) Unwrap() error { return e.Err }

// exceptionText finds ClickHouse's error code in its message, for answers that reach us as text only: from
// behind a proxy that drops headers, or from within a body.
var exceptionText = regexp.MustCompile(`(?:^|[^\w])Code: (\d+)\. DB::`)

// wrap names the operation that err ended and makes ClickHouse's refusals an *Error, whichever protocol
// brought them. It keeps nil.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	var request *url.Error
	if errors.As(err, &request) {
		// Its URL names all settings and the statement, and so do the messages of those who wrapped it.
		address, _, _ := strings.Cut(request.URL, "?")
		err = &url.Error{Op: request.Op, URL: address, Err: request.Err}
	}
	var known *Error
	if errors.As(err, &known) {
		return fmt.Errorf("%s: %w", op, err)
	}
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return &Error{Op: op, Code: int(exception.Code), Err: err}
	}
	if m := exceptionText.FindStringSubmatch(err.Error()); m != nil {
		if code, atoi := strconv.Atoi(m[1]); atoi == nil && code > 0 {
			return &Error{Op: op, Code: code, Err: err}
		}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// Code returns the ClickHouse error code within err, or 0 where ClickHouse said nothing.
func Code(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
