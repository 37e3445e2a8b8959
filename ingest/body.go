package ingest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
)

// readBody returns the body exactly as it was sent. It is not pooled: Kafka's client may hold it for longer than
// the request lasts.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, newProblem(http.StatusUnsupportedMediaType, reasonContentType,
			"Send the body without Content-Encoding: the signature covers the bytes as they are.", nil)
	}
	tooLarge := func(cause error) error {
		return newProblem(http.StatusRequestEntityTooLarge, reasonTooLarge,
			fmt.Sprintf("The body is larger than the %d bytes accepted here. Send fewer events in one delivery, or ask for the limit to be raised.", limit), cause)
	}
	if r.ContentLength > limit {
		return nil, tooLarge(nil)
	}
	var body []byte
	var err error
	if r.ContentLength >= 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	}
	if err == nil {
		return body, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, newProblem(http.StatusRequestTimeout, reasonTooSlow, "The body did not arrive in time. Send it faster, or again.", err)
	}
	return nil, newProblem(http.StatusBadRequest, reasonBroken, "The body ended before its announced length. Send the delivery again.", err)
}

// checkType refuses a body that says it is something else than the vendor sends.
func checkType(header, want string) error {
	if header == "" || want == "any" {
		return nil
	}
	got, _, err := mime.ParseMediaType(header)
	if err == nil {
		switch want {
		case "json", "ndjson":
			if strings.HasSuffix(got, "json") || got == "text/plain" || got == "application/octet-stream" {
				return nil
			}
		case "form":
			if got == "application/x-www-form-urlencoded" || got == "multipart/form-data" || strings.HasSuffix(got, "json") {
				return nil
			}
		}
	}
	return newProblem(http.StatusUnsupportedMediaType, reasonContentType,
		fmt.Sprintf("This vendor's deliveries are %s, not %q. With curl, add -H 'Content-Type: application/json'.", want, header), err)
}
