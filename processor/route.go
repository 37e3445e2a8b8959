package processor

import (
	"errors"

	"github.com/hookline-io/hookline/analytics"
)

// verdict is what a failure to store a batch means for the batch.
type verdict string

const (
	// verdictHold: the store is away or overloaded. Nothing is wrong with the events: wait and try again, commit
	// nothing, move nothing to another topic, since that would only move the backlog.
	verdictHold verdict = "hold"
	// verdictRefused: the store does not let us in or is not set up as we expect. Waiting alone does not help, a person
	// must act; no event is to blame, so none is dead-lettered.
	verdictRefused verdict = "refused"
	// verdictSplit: the store rejects the data. Halve the batch until the row to blame stands alone.
	verdictSplit verdict = "split"
)

// What to do about a refusal.
const (
	fixAccess  = "Check the user and the password in --clickhouse-dsn or --clickhouse-password, and that this user exists in ClickHouse and may connect from here."
	fixGrants  = "Give the user of --clickhouse-dsn the right to insert into hookline's tables and to read them."
	fixSchema  = "Run 'hookline setup': the database or its tables are missing, or are not those of this version."
	fixProfile = "Allow the user of --clickhouse-dsn to change settings of its own queries (its profile, or readonly, forbids one)."
	fixTables  = "Look for a constraint or a changed column in the tables events and sales, which take not one row of a batch."
)

// errTakesNone is wrapped by the error of a batch of which many rows were tried alone and none was taken: then the
// tables are to blame, not the rows.
var errTakesNone = errors.New("no row of the batch is taken")

// routeInsert decides what a failed insert means, and for a refusal what to do about it. It is pure. ClickHouse's
// codes are those of https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp. What it does
// not know it holds: an unknown failure must lose nothing.
func routeInsert(err error) (v verdict, fix string) {
	if errors.Is(err, errTakesNone) {
		return verdictRefused, fixTables
	}
	switch analytics.Code(err) {
	case 192, // UNKNOWN_USER
		193, // WRONG_PASSWORD
		194, // REQUIRED_PASSWORD
		195, // IP_ADDRESS_NOT_ALLOWED
		516: // AUTHENTICATION_FAILED
		return verdictRefused, fixAccess
	case 291, // DATABASE_ACCESS_DENIED
		497: // ACCESS_DENIED
		return verdictRefused, fixGrants
	case 10, // NOT_FOUND_COLUMN_IN_BLOCK
		16,  // NO_SUCH_COLUMN_IN_TABLE
		20,  // NUMBER_OF_COLUMNS_DOESNT_MATCH
		47,  // UNKNOWN_IDENTIFIER
		60,  // UNKNOWN_TABLE
		81,  // UNKNOWN_DATABASE
		218: // TABLE_IS_DROPPED
		return verdictRefused, fixSchema
	case 115, // UNKNOWN_SETTING
		452: // SETTING_CONSTRAINT_VIOLATION
		return verdictRefused, fixProfile
	case 6, // CANNOT_PARSE_TEXT
		26,  // CANNOT_PARSE_QUOTED_STRING
		27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
		33,  // CANNOT_READ_ALL_DATA
		38,  // CANNOT_PARSE_DATE
		41,  // CANNOT_PARSE_DATETIME
		53,  // TYPE_MISMATCH
		69,  // ARGUMENT_OUT_OF_BOUND
		70,  // CANNOT_CONVERT_TYPE
		72,  // CANNOT_PARSE_NUMBER
		117, // INCORRECT_DATA
		131, // TOO_LARGE_STRING_SIZE
		321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
		349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
		407, // DECIMAL_OVERFLOW
		469, // VIOLATED_CONSTRAINT
		691: // UNKNOWN_ELEMENT_OF_ENUM
		return verdictSplit, ""
	}
	return verdictHold, ""
}
