package processor

import "github.com/hookline-io/hookline/analytics"

// verdict is what a failure to store a batch means for the batch.
type verdict string

const (
	// hold: the store is away or overloaded. Nothing is wrong with the events: wait and try again, commit
	// nothing, move nothing to another topic, since that would only move the backlog.
	hold verdict = "hold"
	// refused: the store does not let us in or is not set up as we expect. Waiting alone does not help, a person
	// must act; no event is to blame, so none is dead-lettered.
	refused verdict = "refused"
	// split: the store rejects the data. Halve the batch until the row to blame stands alone.
	split verdict = "split"
)

// routeInsert decides what a failed insert means. It is pure. ClickHouse's codes are those of
// https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp. What it does not know it holds:
// an unknown failure must lose nothing.
func routeInsert(err error) verdict {
	switch analytics.Code(err) {
	case 16, // NO_SUCH_COLUMN_IN_TABLE
		47,  // UNKNOWN_IDENTIFIER
		60,  // UNKNOWN_TABLE
		81,  // UNKNOWN_DATABASE
		192, // UNKNOWN_USER
		193, // WRONG_PASSWORD
		194, // REQUIRED_PASSWORD
		195, // IP_ADDRESS_NOT_ALLOWED
		497, // ACCESS_DENIED
		516: // AUTHENTICATION_FAILED
		return refused
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
		return split
	}
	return hold
}
