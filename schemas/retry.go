package schemas

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Headers that hookline adds to a record on its way through the retry and the dead-letter topic. What the record
// had of its own stays as it was.
const (
	ownPrefix = "hookline."

	headerReceived  = ownPrefix + "received" // when ingest received it, where the record's own timestamp says otherwise
	headerAction    = ownPrefix + "action"
	headerAttempts  = ownPrefix + "attempts"
	headerReason    = ownPrefix + "reason"
	headerNotBefore = ownPrefix + "not-before"
)

// maxText bounds a text that hookline adds to a record, which may be as large as the topic allows without it.
const maxText = 4 << 10

// Retry is what the retry topic says of a record besides what it was.
type Retry struct {
	Action    string    // which action of the event to run again; empty: store the event again
	Attempts  int       // how often it was tried
	Reason    string    // why the last attempt failed
	NotBefore time.Time // when to try again; millisecond precision
}

// ErrNotRetry is wrapped by every error of DecodeRetry.
var ErrNotRetry = errors.New("not a hookline retry")

// Record returns r, a record of any of the topics, as the retry topic holds it. Its timestamp is the time of
// writing, so that the topic's retention never deletes what still waits; DecodeEvent knows when it was received
// all the same.
func (t Retry) Record(topic string, r *kgo.Record) *kgo.Record {
	headers := append(foreign(r.Headers), header(headerReceived, stamp(receivedAt(r))),
		header(headerAttempts, strconv.Itoa(t.Attempts)), header(headerReason, clip(t.Reason)), header(headerNotBefore, stamp(t.NotBefore)))
	if t.Action != "" {
		headers = append(headers, header(headerAction, t.Action))
	}
	return &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Headers: headers}
}

// DecodeRetry reads what Record wrote. On error Action is set all the same where there is one, so that a reader
// can tell whose record it is.
func DecodeRetry(r *kgo.Record) (Retry, error) {
	t := Retry{Action: value(r, headerAction), Reason: value(r, headerReason)}
	var err error
	if t.Attempts, err = strconv.Atoi(value(r, headerAttempts)); err != nil || t.Attempts < 0 {
		return t, fmt.Errorf("%w: %s is %q, want a number of attempts", ErrNotRetry, headerAttempts, value(r, headerAttempts))
	}
	if t.NotBefore, err = time.Parse(time.RFC3339Nano, value(r, headerNotBefore)); err != nil {
		return t, fmt.Errorf("%w: %s: %w", ErrNotRetry, headerNotBefore, err)
	}
	return t, nil
}

// receivedAt is when ingest received the event of r, whichever topic holds it.
func receivedAt(r *kgo.Record) time.Time {
	if t, err := time.Parse(time.RFC3339Nano, value(r, headerReceived)); err == nil {
		return t
	}
	return r.Timestamp
}

// foreign returns a copy of the headers without hookline's own additions.
func foreign(headers []kgo.RecordHeader) []kgo.RecordHeader {
	out := make([]kgo.RecordHeader, 0, len(headers)+8)
	for _, h := range headers {
		if !strings.HasPrefix(h.Key, ownPrefix) {
			out = append(out, h)
		}
	}
	return out
}

func header(key, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: key, Value: []byte(value)}
}

func value(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano) }

// clip cuts a text to maxText bytes, between characters.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for cut > maxText-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
