package processor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/hookline-io/hookline/analytics"
)

// TestRoute holds the failure table against every code there is, by the names that the driver's authors gave them.
func TestRoute(t *testing.T) {
	want := map[proto.Error]verdict{}
	for verdict, codes := range map[verdict][]proto.Error{
		verdictHold: {
			proto.ErrUnexpectedEndOfFile, proto.ErrFileDoesntExist, proto.ErrTimeoutExceeded, proto.ErrReadonly,
			proto.ErrTooManySimultaneousQueries, proto.ErrNoFreeConnection, proto.ErrSocketTimeout, proto.ErrNetworkError,
			proto.ErrMemoryLimitExceeded, proto.ErrTableIsReadOnly, proto.ErrTooManyParts, proto.ErrTooFewLiveReplicas,
			proto.ErrUnknownStatusOfInsert, proto.ErrSystemError, 999,
			proto.ErrNotEnoughSpace, proto.ErrAllConnectionTriesFailed, proto.ErrAborted,
		},
		verdictRefused: {
			proto.ErrUnknownUser, proto.ErrWrongPassword, proto.ErrRequiredPassword, proto.ErrIPAddressNotAllowed, proto.ErrAuthenticationFailed,
			proto.ErrDatabaseAccessDenied, proto.ErrAccessDenied,
			proto.ErrNotFoundColumnInBlock, proto.ErrNoSuchColumnInTable, proto.ErrNumberOfColumnsDoesntMatch, proto.ErrUnknownIdentifier,
			proto.ErrUnknownTable, proto.ErrUnknownDatabase, proto.ErrTableIsDropped,
			proto.ErrUnknownSetting, proto.ErrSettingConstraintViolation,
		},
		verdictSplit: {
			proto.ErrCannotParseText, proto.ErrCannotParseQuotedString, proto.ErrCannotParseInputAssertionFailed, proto.ErrCannotReadAllData,
			proto.ErrCannotParseDate, proto.ErrCannotParseDatetime, proto.ErrTypeMismatch, proto.ErrArgumentOutOfBound, proto.ErrCannotConvertType,
			proto.ErrCannotParseNumber, proto.ErrIncorrectData, proto.ErrTooLargeStringSize, proto.ErrValueIsOutOfRangeOfDataType,
			proto.ErrCannotInsertNullInOrdinaryColumn, proto.ErrDecimalOverflow, proto.ErrViolatedConstraint, proto.ErrUnknownElementOfEnum,
		},
	} {
		for _, code := range codes {
			want[code] = verdict
		}
	}
	for code := range proto.Error(1100) {
		verdict, fix := routeInsert(fmt.Errorf("insert: %w", &analytics.Error{Op: "insert", Code: int(code), Err: errors.New("x")}))
		wanted, listed := want[code]
		if !listed {
			wanted = verdictHold // what is unknown loses nothing
		}
		if verdict != wanted || (fix != "") != (verdict == verdictRefused) {
			t.Errorf("%d (%s): %s, %q, want %s", code, code, verdict, fix, wanted)
		}
	}
	for _, err := range []error{
		io.ErrUnexpectedEOF, context.DeadlineExceeded, syscall.ECONNREFUSED, syscall.ECONNRESET, errors.New("no such host"),
	} {
		if verdict, _ := routeInsert(fmt.Errorf("insert: %w", err)); verdict != verdictHold {
			t.Errorf("%v: %s", err, verdict)
		}
	}
	rejected := &analytics.Error{Code: int(proto.ErrViolatedConstraint), Err: errors.New("x")}
	if verdict, fix := routeInsert(fmt.Errorf("%w: %w", errTakesNone, rejected)); verdict != verdictRefused || fix != fixTables {
		t.Errorf("no row taken: %s, %q", verdict, fix)
	}
}
