package verify

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// maxSignatures bounds the work that one header can ask for; vendors send two or three while a secret is rolled.
const maxSignatures = 8

// content is one delivery as a scheme sees it: what is claimed (signatures, timestamp, id) and what is signed.
// Contents are pooled: nothing may keep one, or its buf, beyond the call.
type content struct {
	r          *Request
	signatures string // one signature, or several separated by list
	list       string // empty: signatures is one signature
	prefix     string // of each signature
	timestamp  string // as written, since that text is what is signed
	id         string
	url        string
	own        string     // what a field of the scheme's own appends: Mailgun's token, PayPal's webhook ID, Adyen's item
	form       url.Values // Twilio's
	buf        []byte
}

// each yields the signatures that the delivery claims.
func (c *content) each() iter.Seq[string] {
	return func(yield func(string) bool) {
		if c.list == "" {
			yield(c.signatures)
			return
		}
		for rest, more := c.signatures, true; more; {
			var one string
			one, rest, more = strings.Cut(rest, c.list)
			if !yield(one) {
				return
			}
		}
	}
}

// decode returns the bytes of a signature that is written as the scheme has it.
func (c *content) decode(text, label string, e encoding) ([]byte, bool) {
	text, ok := strings.CutPrefix(text, c.prefix)
	if !ok {
		return nil, false
	}
	if text, ok = strings.CutPrefix(text, label); !ok {
		return nil, false
	}
	return e.decode(text)
}

// A field appends one piece of what is signed.
type field func(dst []byte, c *content) []byte

// template is what is signed. The body is written from where it lies, never copied, where the algorithm streams.
type template struct {
	pieces  []piece
	headers []string // canonical names of the headers that {header:NAME} needs
	usesURL bool
	usesID  bool
}

type piece struct {
	body bool
	add  field
}

// parseTemplate reads text such as "v0:{timestamp}:{body}". more holds the scheme's own fields.
func parseTemplate(text string, more map[string]field) (template, error) {
	var t template
	for rest := text; rest != ""; {
		literal, after, found := strings.Cut(rest, "{")
		if literal != "" {
			t.pieces = append(t.pieces, piece{add: func(dst []byte, _ *content) []byte { return append(dst, literal...) }})
		}
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return template{}, fmt.Errorf("template %q: { without }", text)
		}
		rest = tail
		if err := t.addField(name, more); err != nil {
			return template{}, fmt.Errorf("template %q: %w", text, err)
		}
	}
	return t, nil
}

func (t *template) addField(name string, more map[string]field) error {
	t.usesURL = t.usesURL || name == "url"
	t.usesID = t.usesID || name == "id"
	if own := more[name]; own != nil {
		t.pieces = append(t.pieces, piece{add: own})
		return nil
	}
	if header, ok := strings.CutPrefix(name, "header:"); ok && header != "" {
		header = http.CanonicalHeaderKey(header)
		t.headers = append(t.headers, header)
		t.pieces = append(t.pieces, piece{add: func(dst []byte, c *content) []byte {
			return append(dst, c.r.Header[header][0]...)
		}})
		return nil
	}
	var add field
	switch name {
	case "body":
		t.pieces = append(t.pieces, piece{body: true})
		return nil
	case "timestamp":
		add = func(dst []byte, c *content) []byte { return append(dst, c.timestamp...) }
	case "id":
		add = func(dst []byte, c *content) []byte { return append(dst, c.id...) }
	case "method":
		add = func(dst []byte, c *content) []byte { return append(dst, c.r.Method...) }
	case "url":
		add = func(dst []byte, c *content) []byte { return append(dst, c.url...) }
	default:
		return fmt.Errorf("unknown field {%s}; there are: {body}, {timestamp}, {method}, {url}, {header:NAME}", name)
	}
	t.pieces = append(t.pieces, piece{add: add})
	return nil
}

// write streams what is signed to w, which never fails (it is a hash).
func (t *template) write(w io.Writer, c *content) {
	for _, p := range t.pieces {
		if p.body {
			w.Write(c.r.Body)
			continue
		}
		c.buf = p.add(c.buf[:0], c)
		w.Write(c.buf)
	}
}

// append appends what is signed, for the algorithms that cannot stream.
func (t *template) append(dst []byte, c *content) []byte {
	for _, p := range t.pieces {
		if p.body {
			dst = append(dst, c.r.Body...)
		} else {
			dst = p.add(dst, c)
		}
	}
	return dst
}
