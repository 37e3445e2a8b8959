// Package verify checks the signatures of deliveries. A scheme is a pure function of the request, the keys
// and the time: no I/O, no clock of its own. Each scheme has a file, whose comment cites its source.
package verify

import (
	"net/http"
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Request is what a scheme may look at.
type Request struct {
	Method string
	URL    string // as the vendor has it: scheme, host, path and query
	Header http.Header
	Body   []byte
	Now    time.Time
}

// Result is what a good signature proves.
type Result struct {
	KeyID     string
	Proof     schemas.Proof
	Challenge *Challenge // set where the delivery is a handshake and carries no event
}

// Challenge is the response that a vendor's handshake asks for.
type Challenge struct {
	Status      int
	ContentType string
	Body        []byte
}

// Reason says why a delivery was refused. It is a metric label: the set is closed.
type Reason string

const (
	ReasonMissing   Reason = "signature_missing"
	ReasonMalformed Reason = "signature_malformed"
	ReasonMismatch  Reason = "signature_mismatch"
	ReasonStale     Reason = "timestamp_outside_window"
	ReasonNoKey     Reason = "no_live_key"
	ReasonBody      Reason = "body_malformed" // the scheme needs something of the body and cannot find it
)

// Error is every error of Verify. It says what to look at, never which byte differed.
type Error struct {
	Reason Reason
	Detail string
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Detail }

// Scheme is one way to sign deliveries. A Scheme is safe for concurrent use.
type Scheme interface {
	// Verify returns an *Error unless one of the keys that are live at r.Now signed r. It must compare in
	// constant time and must not change r.
	Verify(r *Request, keys []vendors.Key) (Result, error)
	// Sign adds to r what makes Verify accept it at r.Now; id names the event where the scheme signs an ID.
	// A scheme whose signature stands in the body changes r.Body.
	Sign(r *Request, key vendors.Key, id string) error
}
