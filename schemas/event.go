// Package schemas says what crosses a boundary: the event as Kafka holds it and the names of the topics.
// Its sub-package vendors holds vendors.yaml and the presets.
package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Names of the header fields of the CloudEvents 1.0 Kafka protocol binding, binary content mode
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md, section 3.2),
// followed by our extension attributes.
const (
	headerSpecVersion = "ce_specversion"
	headerID          = "ce_id"
	headerSource      = "ce_source"
	headerType        = "ce_type"
	headerTime        = "ce_time"
	headerContentType = "content-type"

	headerBadTime = "ce_badtime" // what the vendor wrote where a time should stand, if it is not one
	headerBadID   = "ce_badid"   // why one of several events of a delivery has no ID of its own, and its place there
	headerKeyID   = "ce_keyid"   // which secret verified the delivery; see secret.Value.ID
	headerProof   = "ce_proof"   // what the signature covers; see Proof
	headerTest    = "ce_test"    // "true" for test money, where the delivery says so and not the event itself

	headerDelivery = "ce_delivery" // JSON object of texts; see Event.Delivery

	// The extension of distributed tracing
	// (https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md).
	headerTraceParent = "ce_traceparent"
)

const (
	specVersion  = "1.0"
	sourcePrefix = "/vendors/"
)

// Event is one thing that happened at a vendor, known by (Vendor, ID).
type Event struct {
	ID          string
	Vendor      string
	Type        string
	Time        time.Time // the event's own time; zero when the vendor states none
	BadTime     string    // set in place of Time when the vendor's time cannot be read
	BadID       string    // why one of several events of a delivery has no ID of its own, and its place; ID is then a hash
	Received    time.Time // when ingest received the delivery; millisecond precision
	ContentType string
	KeyID       string
	Proof       Proof
	Test        bool   // the delivery says that it is test money; what the event itself says is read when it is mapped
	TraceParent string // W3C traceparent of the trace that began with the event; empty where it is not traced

	// What identification may read of the delivery beside Data: "header:NAME" for a request header and "body:PATH" for what
	// stood around an item. Empty texts were not there. Nil where nothing was kept.
	Delivery map[string]string
	Again    bool // hookline itself sent the event round again, from the retry or the dead-letter topic

	Data []byte // exactly the bytes received, or one item's where a delivery carries several
}

// ErrNotEvent is wrapped by every error of DecodeEvent.
var ErrNotEvent = errors.New("not a hookline event")

// Record returns the event as topic holds it: keyed by its ID, stamped with the time it was received.
// The record shares Data with the event.
func (e *Event) Record(topic string) *kgo.Record { return new(Envelope).Record(topic, e) }

// Envelope is the memory of one record, to be used again once Kafka's client is done with the record.
type Envelope struct {
	record kgo.Record
	room   [13]kgo.RecordHeader
	text   []byte // that all headers and the key are parts of
}

// Clear lets go of the event's Data.
func (m *Envelope) Clear() { m.record.Value = nil }

// Record returns e as its method Record does, in this memory.
func (m *Envelope) Record(topic string, e *Event) *kgo.Record {
	text := m.text[:0]
	if need := len(specVersion) + len(e.ID) + len(sourcePrefix) + len(e.Vendor) + len(e.Type) + len(time.RFC3339Nano) +
		len(e.BadTime) + len(e.BadID) + len(e.ContentType) + len(e.KeyID) + len(e.Proof) + len(e.TraceParent) + len("true"); cap(text) < need {
		text = make([]byte, 0, need)
	}
	headers := m.room[:0]
	add := func(key string, value ...string) {
		start := len(text)
		for _, part := range value {
			text = append(text, part...)
		}
		headers = append(headers, kgo.RecordHeader{Key: key, Value: text[start:len(text):len(text)]})
	}
	add(headerSpecVersion, specVersion)
	add(headerID, e.ID)
	key := headers[1].Value
	add(headerSource, sourcePrefix, e.Vendor)
	add(headerType, e.Type)
	if !e.Time.IsZero() {
		start := len(text)
		text = e.Time.UTC().AppendFormat(text, time.RFC3339Nano)
		headers = append(headers, kgo.RecordHeader{Key: headerTime, Value: text[start:len(text):len(text)]})
	}
	if e.BadTime != "" {
		add(headerBadTime, e.BadTime)
	}
	if e.BadID != "" {
		add(headerBadID, e.BadID)
	}
	if e.ContentType != "" {
		add(headerContentType, e.ContentType)
	}
	if e.KeyID != "" {
		add(headerKeyID, e.KeyID)
	}
	if e.Proof != "" {
		add(headerProof, string(e.Proof))
	}
	if e.Test {
		add(headerTest, "true")
	}
	if len(e.Delivery) > 0 {
		encoded, _ := json.Marshal(e.Delivery) // texts always have a form
		headers = append(headers, kgo.RecordHeader{Key: headerDelivery, Value: encoded})
	}
	if e.TraceParent != "" {
		add(headerTraceParent, e.TraceParent)
	}
	m.text = text
	m.record = kgo.Record{Topic: topic, Key: key, Value: e.Data, Headers: headers, Timestamp: e.Received}
	return &m.record
}

// DecodeEvent reads an event back from its record. Headers it does not know are left alone.
// The event shares the record's value.
func DecodeEvent(r *kgo.Record) (Event, error) {
	e := Event{Received: r.Timestamp.UTC(), Data: r.Value}
	// All texts are parts of one: the processor does this for every event there is.
	size := 0
	for i := range r.Headers {
		size += len(r.Headers[i].Value)
	}
	var all strings.Builder
	all.Grow(size)
	for i := range r.Headers {
		all.Write(r.Headers[i].Value)
	}
	rest := all.String()
	var version string
	for i := range r.Headers {
		var value string
		value, rest = rest[:len(r.Headers[i].Value)], rest[len(r.Headers[i].Value):]
		switch r.Headers[i].Key {
		case headerSpecVersion:
			version = value
		case headerID:
			e.ID = value
		case headerSource:
			vendor, ok := strings.CutPrefix(value, sourcePrefix)
			if !ok || vendor == "" {
				return Event{}, fmt.Errorf("%w: %s %q does not start with %s", ErrNotEvent, headerSource, value, sourcePrefix)
			}
			e.Vendor = vendor
		case headerType:
			e.Type = value
		case headerTime:
			t, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return Event{}, fmt.Errorf("%w: %s: %w", ErrNotEvent, headerTime, err)
			}
			e.Time = t.UTC()
		case headerBadTime:
			e.BadTime = value
		case headerBadID:
			e.BadID = value
		case headerContentType:
			e.ContentType = value
		case headerKeyID:
			e.KeyID = value
		case headerProof:
			e.Proof = Proof(value)
		case headerTest:
			e.Test = value == "true"
		case headerTraceParent:
			e.TraceParent = value
		case headerReceived:
			t, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return Event{}, fmt.Errorf("%w: %s: %w", ErrNotEvent, headerReceived, err)
			}
			e.Received, e.Again = t.UTC(), true
		case headerDelivery:
			var err error
			if e.Delivery, err = decodeDelivery(r.Headers[i].Value); err != nil {
				return Event{}, err
			}
		}
	}
	switch {
	case version != specVersion:
		return Event{}, fmt.Errorf("%w: %s is %q, want %q", ErrNotEvent, headerSpecVersion, version, specVersion)
	case e.ID == "":
		return Event{}, fmt.Errorf("%w: no %s", ErrNotEvent, headerID)
	case e.Vendor == "":
		return Event{}, fmt.Errorf("%w: no %s", ErrNotEvent, headerSource)
	}
	return e, nil
}

func decodeDelivery(text []byte) (kept map[string]string, err error) {
	if err := json.Unmarshal(text, &kept); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNotEvent, headerDelivery, err)
	}
	return kept, nil
}
