package vendors

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
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
}

// Identify appends the events that a verified delivery carries to dst: the items of its array in their order,
// or the body as one event. An empty array carries none. The Data of what it appends shares body's memory.
//
// Every error wraps ErrBody; dst is then returned as it was, for a delivery is taken whole or not at all.
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
	src := source{header: header, item: extract.New(jsonscan.View(doc), m.paths)}
	return m.append(dst, &src, body)
}

// identifyItems makes an event of each item of an array.
func (m *eventMapping) identifyItems(dst []Identity, header http.Header, body []byte) ([]Identity, error) {
	delivery := extract.New(jsonscan.View(body), m.around)
	if err := delivery.Check(); err != nil {
		return dst, err
	}
	src := source{header: header, body: &delivery}
	items, start := delivery.Find(m.each)
	switch items.Kind() {
	case jsonscan.List:
	case jsonscan.Object: // some vendors send one item so
		src.item = extract.New(string(items), m.paths)
		return m.append(dst, &src, bytesOf(items, start, body))
	default:
		return dst, fmt.Errorf("no list of events at %q", m.each)
	}
	out, count := dst, 0
	for at, item := range items.Items() {
		if count++; count > maxItems {
			return dst, fmt.Errorf("more than %d events in one delivery", maxItems)
		}
		src.item = extract.New(string(item), m.paths)
		var err error
		if out, err = m.append(out, &src, bytesOf(item, start+at, body)); err != nil {
			return dst, fmt.Errorf("event %d: %w", count, err)
		}
	}
	return out, nil
}

// identifyOne makes one event of a body of JSON, or of a line of it.
func (m *eventMapping) identifyOne(dst []Identity, header http.Header, body []byte) ([]Identity, error) {
	src := source{header: header, item: extract.New(jsonscan.View(body), m.paths)}
	if err := src.item.Check(); err != nil {
		return dst, err
	}
	return m.append(dst, &src, body)
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
	out, count := dst, 0
	for line := range bytes.SplitSeq(body, []byte{'\n'}) {
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if count++; count > maxItems {
			return dst, fmt.Errorf("more than %d events in one delivery", maxItems)
		}
		var err error
		if out, err = m.identifyOne(out, header, line); err != nil {
			return dst, fmt.Errorf("line %d: %w", count, err)
		}
	}
	return out, nil
}

// append identifies one event.
func (m *eventMapping) append(dst []Identity, src *source, data []byte) ([]Identity, error) {
	event := Identity{Data: data}
	src.data = data
	if m.id == nil {
		event.ID = hash(data)
	} else {
		id, err := m.id.read(src)
		if err == nil && id == "" {
			err = errors.New("nothing at " + m.id.String())
		}
		if err != nil {
			return dst, fmt.Errorf("event ID: %w", err)
		}
		event.ID = nameOrHash(id)
	}
	if m.typ != nil {
		typ, err := m.typ.read(src)
		if err != nil {
			return dst, fmt.Errorf("event type: %w", err)
		}
		event.Type = clip(typ, maxID)
	}
	if m.time != nil {
		text, err := m.time.read(src)
		switch parsed, ok := m.time.parse(text); {
		case err != nil:
			event.BadTime = clip(err.Error(), maxBadTime)
		case text == "":
		case ok:
			event.Time = parsed
		default:
			event.BadTime = clip(text, maxBadTime)
		}
	}
	event.Test = anyOf(m.test, src)
	return append(dst, event), nil
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
