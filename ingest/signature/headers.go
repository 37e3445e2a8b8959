package signature

import (
	"net/http"
	"strings"
)

// headerNames say where a delivery carries its parts. Names are canonical.
type headerNames struct {
	signature string // header
	at        *place // of the signature where it is no header; nil: it is
	prefix    string // of each signature
	anyLabel  string // ends the label of each signature, which may be any text; empty: there is none
	optional  string // a prefix that a signature may have in place of none
	timestamp string // header; or "t=": an item of the signature's own list; or firstItem
	timeAt    *place // of the timestamp where it is none of these
	id        string // header
}

// firstItem is for a list of signatures that begins with the time, without a label.
const firstItem = "first"

// inList says whether the time is an item of the list that the signatures stand in.
func (w *headerNames) inList() bool {
	return strings.HasSuffix(w.timestamp, "=") || w.timestamp == firstItem
}

func (w headerNames) canonical() headerNames {
	w.signature = http.CanonicalHeaderKey(w.signature)
	w.id = http.CanonicalHeaderKey(w.id)
	if !w.inList() {
		w.timestamp = http.CanonicalHeaderKey(w.timestamp)
	}
	return w
}

func (w *headerNames) readsQuery() bool {
	return w.at != nil && w.at.kind == inQuery || w.timeAt != nil && w.timeAt.kind == inQuery
}

// claimed returns what the delivery carries as its signature.
func (w *headerNames) claimed(c *content) (string, error) {
	if w.at != nil {
		return w.at.required(c)
	}
	return one(c.r.Header, w.signature)
}

func (w *headerNames) String() string {
	if w.at != nil {
		return w.at.String()
	}
	return w.signature
}

// namesIn returns the first whose signature is there, or else the first.
func (s *scheme) namesIn(h http.Header) *headerNames {
	for i := range s.names {
		if len(h[s.names[i].signature]) > 0 {
			return &s.names[i]
		}
	}
	return &s.names[0]
}

// one returns the value of a header that must be there once. Of two values, one might be checked and the other
// believed.
func one(h http.Header, name string) (string, error) {
	values := h[name]
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", &Error{Reason: ReasonMissing, Detail: "no header " + name}
	case len(values) > 1:
		return "", &Error{Reason: ReasonMalformed, Detail: "more than one header " + name}
	}
	return values[0], nil
}
