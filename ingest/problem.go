package ingest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

// problem is a refusal, and what a vendor's engineer reads about it: an RFC 9457 problem+json document.
// Its detail says what to do and never holds a secret or a signature.
type problem struct {
	Type   string `json:"type"` // "about:blank": the status says the kind (RFC 9457, section 4.2.1)
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Reason string `json:"reason"` // for programs: one of a closed set, also a metric label

	retryAfter time.Duration
	cause      error // for our own log only
}

// Reasons that are not a scheme's own.
const (
	reasonUnknownVendor = "unknown_vendor"
	reasonTooLarge      = "body_too_large"
	reasonTooSlow       = "body_too_slow"
	reasonBroken        = "body_unreadable"
	reasonContentType   = "content_type"
	reasonBody          = "body_malformed"
	reasonNotEnqueued   = "not_enqueued"
	reasonBusy          = "busy"
	reasonRequest       = "request" // what the HTTP layer refuses: no such path, method not allowed
)

func newProblem(status int, reason, detail string, cause error) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Reason: reason, cause: cause}
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.Reason + ": " + p.cause.Error()
	}
	return p.Reason + ": " + p.Detail
}

func (p *problem) Unwrap() error { return p.cause }

// retry sets the Retry-After header of the answer.
func (p *problem) retry(after time.Duration) *problem {
	p.retryAfter = after
	return p
}

// asProblem turns any error of a handler or of Echo into a problem. What it does not know is our own fault.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		detail := "Send events as POST /webhooks/{vendor}."
		if h.Code >= http.StatusInternalServerError {
			detail = "This is our fault. Send the delivery again."
		}
		return newProblem(h.Code, reasonRequest, detail, err)
	}
	return newProblem(http.StatusInternalServerError, reasonNotEnqueued, "This is our fault. Send the delivery again.", err)
}

// write sends p. A delivery that was not read to its end closes the connection, as HTTP/1.1 asks.
func (p *problem) write(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(max(p.retryAfter, time.Second)/time.Second)))
	}
	w.WriteHeader(p.Status)
	return json.NewEncoder(w).Encode(p)
}
