package vendors

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas/extract"
)

const (
	maxID      = 256    // longest ID and type, in bytes
	maxBadTime = 64     // how much is kept of what cannot be read as a time
	maxItems   = 10_000 // most events of one delivery
)

// eventMapping is a compiled eventsSpec. The zero value makes one event of the whole JSON body, named by its hash.
type eventMapping struct {
	content content
	each    extract.Path // of the array of items; not given where the body is one event
	id      *value       // nil: the hash of the event's bytes
	typ     *value
	time    *timeValue
	test    [][]condition  // what marks test money and stands outside of the event
	paths   *extract.Paths // that these read of the event
	around  *extract.Paths // and of the delivery
	keep    kept           // what is kept of a delivery
}

// Identify appends the events that a verified delivery carries to dst: the items of its array in their order,
// or the body as one event. An empty array carries none. The Data of what it appends shares body's memory.
//
// Of several events those that cannot be identified have a BadID: one must not keep the others out, for the vendor would
// send the same delivery again and again.
//
// Every error wraps ErrBody; dst is then returned as it was: the body is not what is configured, or none of its events is.
func (v *Vendor) Identify(dst []Identity, header http.Header, body []byte) ([]Identity, error) {
	out, err := v.events.identify(dst, header, body)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return out, nil
}

func (m *eventMapping) identify(dst []Identity, header http.Header, body []byte) ([]Identity, error) {
	switch {
	case m.content == contentNDJSON:
		return m.identifyLines(dst, header, body)
	case m.each.Given():
		return m.identifyItems(dst, header, body)
	case m.content == contentJSON:
		return m.identifyOne(dst, header, body)
	}
	doc, err := m.content.document(body)
	if err != nil {
		return dst, err
	}
	src := eventSource{header: header, item: extract.New(jsonscan.View(doc), m.paths)}
	return m.append(dst, &src, body, m.keep.of(&src))
}

// identifyItems makes an event of each item of an array.
func (m *eventMapping) identifyItems(dst []Identity, header http.Header, body []byte) ([]Identity, error) {
	delivery := extract.New(jsonscan.View(body), m.around)
	if err := delivery.Check(); err != nil {
		return dst, err
	}
	src := eventSource{header: header, body: &delivery}
	keep := m.keep.of(&src)
	items, start := delivery.Find(m.each)
	switch items.Kind() {
	case jsonscan.List:
	case jsonscan.Object: // some vendors send one item so
		src.item = extract.New(string(items), m.paths)
		return m.append(dst, &src, bytesOf(items, start, body), keep)
	default:
		return dst, fmt.Errorf("no list of events at %q", m.each)
	}
	b := batch{dst: dst, out: dst}
	for at, item := range items.Items() {
		if b.count == maxItems {
			return dst, errTooMany
		}
		src.item = extract.New(string(item), m.paths)
		data := bytesOf(item, start+at, body)
		event, err := m.one(&src, data)
		event.Delivery = keep
		b.add(event, "event", err)
	}
	return b.events()
}

var errTooMany = fmt.Errorf("more than %d events in one delivery", maxItems)

// batch collects the events of one delivery.
type batch struct {
	dst, out []Identity
	count    int   // of those that were added
	bad      int   // of those that could not be identified
	err      error // why the first of these could not
}

func (b *batch) add(event Identity, what string, err error) {
	b.count++
	if err != nil {
		err = fmt.Errorf("%s %d: %w", what, b.count, err)
		if b.bad++; b.bad == 1 {
			b.err = err
		}
		event.ID, event.BadID = hash(event.Data), clip(err.Error(), maxID)
	}
	b.out = append(b.out, event)
}

// events returns all of them, and an error where none could be identified: then the configuration is wrong, and the
// vendor's next attempt may find it put right.
func (b *batch) events() ([]Identity, error) {
	if b.bad == b.count && b.bad > 0 {
		return b.dst, b.err
	}
	return b.out, nil
}

// identifyOne makes one event of a body of JSON.
func (m *eventMapping) identifyOne(dst []Identity, header http.Header, body []byte) ([]Identity, error) {
	src := eventSource{header: header, item: extract.New(jsonscan.View(body), m.paths)}
	if err := src.item.Check(); err != nil {
		return dst, err
	}
	return m.append(dst, &src, body, m.keep.of(&src))
}

// bytesOf returns the bytes of an item that begins at start: those of body, but where a path such as items.#.x gathered
// them again.
func bytesOf(item jsonscan.Value, start int, body []byte) []byte {
	if end := start + len(item); end <= len(body) && string(body[start:end]) == string(item) {
		return body[start:end:end]
	}
	return []byte(item)
}

// identifyLines passes over empty lines, such as the one after a last line break.
func (m *eventMapping) identifyLines(dst []Identity, header http.Header, body []byte) ([]Identity, error) {
	b := batch{dst: dst, out: dst}
	keep := m.keep.of(&eventSource{header: header})
	for line := range bytes.SplitSeq(body, []byte{'\n'}) {
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if b.count == maxItems {
			return dst, errTooMany
		}
		src := eventSource{header: header, item: extract.New(jsonscan.View(line), m.paths)}
		if err := src.item.Check(); err != nil {
			b.add(Identity{Data: line, Delivery: keep}, "line", err)
			continue
		}
		event, err := m.one(&src, line)
		event.Delivery = keep
		b.add(event, "line", err)
	}
	return b.events()
}

// append identifies one event.
func (m *eventMapping) append(dst []Identity, src *eventSource, data []byte, keep map[string]string) ([]Identity, error) {
	event, err := m.one(src, data)
	if err != nil {
		return dst, err
	}
	event.Delivery = keep
	return append(dst, event), nil
}

// one identifies one event. With an error it returns what could be read of it.
func (m *eventMapping) one(src *eventSource, data []byte) (event Identity, bad error) {
	event.Data, src.data = data, data
	if m.id == nil {
		event.ID = hash(data)
	} else if id, err := required("event ID", m.id, src); err != nil {
		bad = err
	} else {
		event.ID = nameOrHash(id)
	}
	if m.typ != nil {
		typ, err := m.typ.read(src)
		if err != nil && bad == nil {
			bad = fmt.Errorf("event type: %w", err)
		}
		event.Type = clip(typ, maxID)
	}
	event.Time, event.BadTime = m.readTime(src)
	event.Test = anyOf(m.test, src)
	return event, bad
}

// readTime returns the event's time, or what stands there if it is none; both are zero where nothing does.
func (m *eventMapping) readTime(src *eventSource) (at time.Time, bad string) {
	if m.time == nil {
		return time.Time{}, ""
	}
	text, err := m.time.read(src)
	if err != nil {
		return time.Time{}, clip(err.Error(), maxBadTime)
	}
	if text == "" {
		return time.Time{}, ""
	}
	at, ok := m.time.parse(text)
	if !ok {
		return time.Time{}, clip(text, maxBadTime)
	}
	return at, ""
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// nameOrHash returns a copy of an ID that every part can carry and show: a text too long for one, or with control
// characters or broken UTF-8 in it, is replaced by its hash.
func nameOrHash(text string) string {
	if len(text) > maxID || !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) {
		return hash([]byte(text))
	}
	return strings.Clone(text)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// clip returns a copy of at most limit bytes of text, as valid UTF-8 and without control characters.
func clip(text string, limit int) string {
	if len(text) <= limit && utf8.ValidString(text) && !strings.ContainsFunc(text, isControl) {
		return strings.Clone(text)
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if isControl(r) {
			return '\uFFFD'
		}
		return r
	}, text)
	for len(text) > limit {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

var contents = []string{string(contentJSON), string(contentNDJSON), string(contentForm), string(contentXML), string(contentAny)}

func (c *compiler) compileEvents(spec *eventsSpec, test []whenSpec) eventMapping {
	m := eventMapping{content: content(spec.Content)}
	c.paths = new(extract.Paths)
	c.delivery = c.paths
	switch m.content {
	case "":
		m.content = contentJSON
	case contentJSON, contentNDJSON, contentForm, contentXML, contentAny:
	default:
		c.fail(&spec.Content, "unknown content %q%s", spec.Content, suggest(spec.Content, contents))
	}
	if spec.Each != "" {
		if err := extract.CheckPath(spec.Each); err != nil {
			c.fail(&spec.Each, "%s", err)
		}
		c.delivery = new(extract.Paths)
		m.each = c.delivery.Add(spec.Each)
		if m.content != contentJSON {
			c.fail(&spec.Each, "each needs content: json (with ndjson every line is an event already)")
		}
	}
	m.paths, m.around = c.paths, c.delivery
	if spec.ID != nil {
		id := c.compileValue(spec.ID, spec.ID, false)
		m.id = &id
		if (spec.Each != "" || m.content == contentNDJSON) && !id.varies() {
			c.fail(spec.ID, "every event of a delivery would get the same ID: join it with a path into the item")
		}
	}
	if spec.Type != nil {
		typ := c.compileValue(spec.Type, spec.Type, false)
		m.typ = &typ
	}
	if spec.Time != nil {
		t := c.compileTime(spec.Time, false)
		m.time = &t
	}
	for _, when := range test {
		if when.readsDelivery() {
			m.test = append(m.test, c.compileWhen(when, false))
		}
	}
	return m
}

// Content says what a delivery's body is: json, ndjson, form or any.
func (v *Vendor) Content() string { return string(v.events.content) }
