package ingest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/hookline-io/hookline/ingest/signature"
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
	login      bool  // WWW-Authenticate asks for a user and a password
	cause      error // for our own log only
}

// Reasons that are not a scheme's own; verify has those. schemas/openapi.yaml says what each means.
const (
	reasonUnknownVendor = "unknown_vendor"
	reasonPath          = "no_such_path"
	reasonMethod        = "method_not_allowed"
	reasonAddress       = "ip_not_allowed"
	reasonTooLarge      = "body_too_large"
	reasonTooSlow       = "body_too_slow"
	reasonBroken        = "body_unreadable"
	reasonContentType   = "content_type"
	reasonBody          = "body_malformed"
	reasonRate          = "rate_limited"
	reasonNotEnqueued   = "not_enqueued"
	reasonBusy          = "busy"
	reasonShare         = "share_exceeded"
)

// statusOf is the HTTP status that goes with a reason. What is not a vendor's doing is 5xx: the vendor will try
// again, and none of its events is lost by our mistake.
func statusOf(reason string) int {
	switch reason {
	case reasonBroken, reasonBody: // reasonBody is signature.ReasonBody too
		return http.StatusBadRequest
	case reasonAddress, string(signature.ReasonMissing), string(signature.ReasonMalformed), string(signature.ReasonMismatch),
		string(signature.ReasonStale):
		return http.StatusForbidden
	case reasonUnknownVendor, reasonPath:
		return http.StatusNotFound
	case reasonMethod:
		return http.StatusMethodNotAllowed
	case reasonTooSlow:
		return http.StatusRequestTimeout
	case reasonTooLarge:
		return http.StatusRequestEntityTooLarge
	case reasonContentType:
		return http.StatusUnsupportedMediaType
	case reasonRate, reasonShare, string(signature.ReasonCertificate):
		return http.StatusTooManyRequests
	case reasonBusy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func newProblem(reason, detail string, cause error) *problem {
	p := &problem{Type: "about:blank", Detail: detail, Reason: reason, cause: cause}
	return p.as(statusOf(reason))
}

// as sets another status than the reason's own.
func (p *problem) as(status int) *problem {
	p.Status, p.Title = status, http.StatusText(status)
	return p
}

// retry sets the Retry-After header of the answer.
func (p *problem) retry(after time.Duration) *problem {
	p.retryAfter = after
	return p
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.Reason + ": " + p.cause.Error()
	}
	return p.Reason + ": " + p.Detail
}

func (p *problem) Unwrap() error { return p.cause }

// asProblem turns any error of a handler or of Echo into a problem. What it does not know is our own fault.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch h.Code {
		case http.StatusNotFound:
			return newProblem(reasonPath, "Send events as POST /webhooks/{vendor}.", err)
		case http.StatusMethodNotAllowed:
			return newProblem(reasonMethod, "Send events with POST.", err)
		}
	}
	return newProblem(reasonNotEnqueued, "This is our fault. Send the delivery again.", err)
}

// write sends p. After a refusal that leaves a body unread because there is no room or time for it, the connection
// is closed: net/http would otherwise read on to find the next request.
func (p *problem) write(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		seconds := (p.retryAfter + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if p.login {
		h.Set("WWW-Authenticate", `Basic realm="webhooks", charset="UTF-8"`)
	}
	switch p.Reason {
	case reasonBusy, reasonShare, reasonTooSlow, reasonTooLarge:
		h.Set("Connection", "close")
	}
	w.WriteHeader(p.Status)
	return json.NewEncoder(w).Encode(p)
}
