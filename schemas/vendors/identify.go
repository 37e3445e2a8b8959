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

	"github.com/tidwall/gjson"
)

const (
	maxID      = 256    // longest ID and type, in bytes
	maxBadTime = 64     // how much is kept of what cannot be read as a time
	maxItems   = 10_000 // most events of one delivery
)

// eventMapping is a compiled eventsSpec. The zero value makes one event of the whole JSON body, named by its hash.
type eventMapping struct {
	content content
	each    string // path of the array of items; "" where the body is one event
	id      *value // nil: the hash of the event's bytes
	typ     *value
	time    *timeValue
	test    [][]condition // what marks test money and stands outside of the event
	fields  *fields       // that these read
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
	case m.content == contentJSON && m.each == "":
		return m.identifyOne(dst, header, body)
	}
	doc, err := m.content.document(body)
	if err != nil {
		return dst, err
	}
	src := source{header: header, body: view(doc), item: view(doc), fields: m.fields}
	if m.each == "" {
		return m.append(dst, &src, body)
	}
	items := gjson.Parse(src.body)
	if m.each != thisPath {
		items = get(src.body, m.each)
	}
	switch {
	case items.IsObject(): // some vendors send one item so
		src.see(items.Raw)
		return m.append(dst, &src, bytesOf(items, body))
	case !items.IsArray():
		return dst, fmt.Errorf("no list of events at %q", m.each)
	}
	out, count := dst, 0
	items.ForEach(func(_, item gjson.Result) bool {
		if count++; count > maxItems {
			err = fmt.Errorf("more than %d events in one delivery", maxItems)
			return false
		}
		src.see(item.Raw)
		if out, err = m.append(out, &src, bytesOf(item, body)); err != nil {
			err = fmt.Errorf("event %d: %w", count, err)
		}
		return err == nil
	})
	return out, err
}

// identifyOne makes one event of a body of JSON, or of a line of it.
func (m *eventMapping) identifyOne(dst []Identity, header http.Header, body []byte) ([]Identity, error) {
	src := source{header: header, body: view(body), item: view(body), fields: m.fields, scanned: true}
	if err := m.fields.check(body, &src.found); err != nil {
		return dst, err
	}
	return m.append(dst, &src, body)
}

// bytesOf returns the bytes of an item: those of body, but where a path such as items.#.x made a new array of them.
func bytesOf(item gjson.Result, body []byte) []byte {
	if end := item.Index + len(item.Raw); item.Index >= 0 && end <= len(body) && string(body[item.Index:end]) == item.Raw {
		return body[item.Index:end:end]
	}
	return []byte(item.Raw)
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

var contents = []string{string(contentJSON), string(contentNDJSON), string(contentForm), string(contentAny)}

func (c *compiler) compileEvents(spec *eventsSpec, test []whenSpec) eventMapping {
	m := eventMapping{content: content(spec.Content), each: spec.Each}
	switch m.content {
	case "":
		m.content = contentJSON
	case contentJSON, contentNDJSON, contentForm, contentAny:
	default:
		c.fail(&spec.Content, "unknown content %q%s", spec.Content, suggest(spec.Content, contents))
	}
	if spec.Each != "" {
		if err := checkPath(spec.Each); err != nil {
			c.fail(&spec.Each, "%s", err)
		}
		if m.content != contentJSON {
			c.fail(&spec.Each, "each needs content: json (with ndjson every line is an event already)")
		}
	}
	c.fields = newFields()
	m.fields = c.fields
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
