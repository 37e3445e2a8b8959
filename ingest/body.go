package ingest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
)

// How much room is made for a body before any of it has come.
const (
	announcedStart = 64 << 10 // most bodies fit
	chunkedStart   = 2 << 10  // of unknown length: what stays empty is held as long as the body
)

// bodies keeps memory of bodies, those that fit into what is made room for at the start.
type bodies struct{ pool sync.Pool }

type memory struct{ bytes []byte }

func (b *bodies) get() *memory {
	if m, ok := b.pool.Get().(*memory); ok {
		return m
	}
	return new(memory)
}

// put takes back what get gave, and the body that was read into it or beside it, which nobody may hold any more.
func (b *bodies) put(m *memory, body []byte) {
	if len(body) > cap(m.bytes) && cap(body) <= announcedStart {
		m.bytes = body
	}
	b.pool.Put(m)
}

// readBody returns the body exactly as it was sent, in the memory of into if it fits. Its reservation grows with
// what has come, not with what was announced.
func readBody(r *http.Request, limit int64, h *reservation, into []byte) ([]byte, error) {
	if coding := compression(r.Header.Values("Content-Encoding")); coding != "" {
		return nil, newProblem(reasonContentType, fmt.Sprintf(
			"Send the body without Content-Encoding: %s. The signature covers the bytes as they are.", coding), nil)
	}
	start, end := int64(announcedStart), r.ContentLength
	if end > limit {
		return nil, tooLarge(limit)
	}
	if end < 0 {
		start, end = chunkedStart, limit+1 // one more tells a body that is too large from one that just fits
	}
	var body []byte
	if end <= int64(cap(into)) {
		if err := h.grow(int64(cap(into))); err != nil {
			return nil, err
		}
		body = into[:0:end]
	}
	for int64(len(body)) < end {
		if len(body) == cap(body) {
			size := min(max(start, 2*int64(cap(body))), end)
			if err := h.grow(size - int64(cap(body))); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			break // all of it: the server reports a body that is cut short as io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, unreadable(err)
		}
	}
	if int64(len(body)) > limit {
		return nil, tooLarge(limit)
	}
	if err := r.Body.Close(); err != nil { // else the server looks once more for what might be left of it
		return nil, unreadable(err)
	}
	return body, nil
}

// compression returns the content coding that was applied to a body, of those that are registered
// (https://www.iana.org/assignments/http-parameters, section content-coding), and "" for none. Some senders state a
// charset in its place, such as UTF-8: their bytes are whole.
func compression(values []string) string {
	registered := []string{
		"aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip", "x-compress", "x-gzip", "zstd",
	}
	for _, value := range values {
		for coding := range strings.SplitSeq(value, ",") {
			if coding = strings.ToLower(strings.TrimSpace(coding)); slices.Contains(registered, coding) {
				return coding
			}
		}
	}
	return ""
}

func tooLarge(limit int64) error {
	return newProblem(reasonTooLarge, fmt.Sprintf(
		"The body is larger than the %d bytes accepted here. Send fewer events in one delivery, or ask for the limit to be raised.", limit), nil)
}

func unreadable(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return newProblem(reasonTooSlow, "The body did not arrive in time. Send it faster, or again.", err)
	}
	return newProblem(reasonBroken, "The body is not as announced, or ended too early. Send the delivery again.", err)
}

// tooManyOfYours asks an address to come again that holds its share.
func tooManyOfYours() error {
	return newProblem(reasonShare, "More deliveries from your address are in flight than one address may have. Send this one again.",
		nil).retry(2 * time.Second)
}

// busy asks to come again: there is no room for the delivery now.
func busy(cause error) error {
	return newProblem(reasonBusy, "More deliveries are in flight than fit. Send this one again.", cause).retry(2 * time.Second)
}

// checkType refuses a body that says it is something else than the vendor sends.
func checkType(header, want string) error {
	if header == "" || want == "any" {
		return nil
	}
	if header == "application/json" || header == "application/json; charset=utf-8" {
		return nil // every kind of vendor may send it, and most do: spares the parsing
	}
	got := signature.MediaType(header)
	switch want {
	case "json", "ndjson":
		if strings.HasSuffix(got, "json") || got == "text/plain" || got == "application/octet-stream" {
			return nil
		}
	case "xml":
		if strings.HasSuffix(got, "xml") || got == "text/plain" {
			return nil
		}
	case "form":
		if got == "application/x-www-form-urlencoded" || got == "multipart/form-data" || strings.HasSuffix(got, "json") {
			return nil
		}
	}
	return newProblem(reasonContentType, fmt.Sprintf(
		"This vendor's deliveries are %s, not %q. With curl, add -H 'Content-Type: application/json'.", want, header), nil)
}
