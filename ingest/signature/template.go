package signature

import (
	"fmt"
	"io"
	"strings"
)

// template is what is signed. The body is written from where it lies, never copied, where the algorithm streams.
type template struct {
	pieces  []piece
	places  []templatePlace
	usesURL bool // the whole of it, or its query
	usesID  bool
	secret  bool // the secret is part of what is hashed
}

// templatePlace is a field such as {query:data.id|lower}.
type templatePlace struct {
	place
	change   func(string) string // nil: none
	optional bool                // stands in brackets
}

type piece struct {
	body  bool
	add   field
	needs []int // places that this piece is written with; it is left out where one of them is not there
}

// templateFields are the fields that a template of the configurable schemes may hold.
const templateFields = "{body}, {timestamp}, {method}, {url}, {header:NAME}, {query:NAME}, {form:NAME}, {body:PATH}, {item:NAME}"

// parseTemplate reads text such as "v0:{timestamp}:{body}". A part in brackets is left out where a field in it is not
// there: "[id:{query:id};]ts:{item:ts};". [[ is a bracket. more holds the scheme's own fields.
func parseTemplate(text string, more map[string]field) (template, error) {
	p := templateParser{more: more}
	if err := p.parse(text); err != nil {
		return template{}, fmt.Errorf("template %q: %w", text, err)
	}
	return p.template, nil
}

type templateParser struct {
	template
	more  map[string]field
	group []int // the pieces of the bracket that is open, and nil outside of one
	open  bool
}

func (p *templateParser) parse(text string) error {
	for rest := text; rest != ""; {
		special := "{["
		if p.open {
			special = "{]"
		}
		i := strings.IndexAny(rest, special)
		if i < 0 {
			i = len(rest)
		}
		p.literal(rest[:i])
		if rest = rest[i:]; rest == "" {
			break
		}
		switch {
		case rest[0] == '{':
			name, tail, closed := strings.Cut(rest[1:], "}")
			if !closed {
				return fmt.Errorf("{ without }")
			}
			if err := p.field(name); err != nil {
				return err
			}
			rest = tail
			continue
		case strings.HasPrefix(rest, "[["):
			p.literal("[")
			rest = rest[1:]
		case rest[0] == '[':
			p.open, p.group = true, nil
		default:
			if err := p.close(); err != nil {
				return err
			}
		}
		rest = rest[1:]
	}
	if p.open {
		return fmt.Errorf("[ without ]; a bracket that is signed is written [[")
	}
	return nil
}

// close ends a part in brackets: each piece of it needs all of its places.
func (p *templateParser) close() error {
	var needs []int
	for _, i := range p.group {
		needs = append(needs, p.pieces[i].needs...)
	}
	if len(needs) == 0 {
		return fmt.Errorf("a part in brackets needs a field that may be absent: {header:NAME}, {query:NAME}, {form:NAME} or {body:PATH}")
	}
	for _, i := range p.group {
		p.pieces[i].needs = needs
	}
	p.open = false
	return nil
}

func (p *templateParser) add(one piece) {
	if p.open {
		p.group = append(p.group, len(p.pieces))
	}
	p.pieces = append(p.pieces, one)
}

func (p *templateParser) literal(text string) {
	if text != "" {
		p.add(piece{add: func(dst []byte, _ *content) []byte { return append(dst, text...) }})
	}
}

func (p *templateParser) field(name string) error {
	p.usesURL = p.usesURL || name == "url"
	p.usesID = p.usesID || name == "id"
	if own := p.more[name]; own != nil {
		p.add(piece{add: own})
		return nil
	}
	where, modifier, modified := strings.Cut(name, "|")
	at, ok, err := parsePlace(where)
	if err != nil {
		return err
	}
	if ok {
		return p.place(at, modifier, modified)
	}
	switch name {
	case "body":
		p.add(piece{body: true})
	case "timestamp":
		p.add(piece{add: func(dst []byte, c *content) []byte { return append(dst, c.timestamp...) }})
	case "id":
		p.add(piece{add: func(dst []byte, c *content) []byte { return append(dst, c.id...) }})
	case "method":
		p.add(piece{add: func(dst []byte, c *content) []byte { return append(dst, c.r.Method...) }})
	case "url":
		p.add(piece{add: func(dst []byte, c *content) []byte { return append(dst, c.url...) }})
	case "secret":
		p.secret = true
		p.add(piece{add: func(dst []byte, c *content) []byte { return append(dst, c.secret...) }})
	default:
		return fmt.Errorf("unknown field {%s}; there are: %s", name, templateFields)
	}
	return nil
}

func (p *templateParser) place(at place, modifier string, modified bool) error {
	one := templatePlace{place: at, optional: p.open}
	switch {
	case !modified:
	case modifier == "lower":
		one.change = strings.ToLower
	case modifier == "upper":
		one.change = strings.ToUpper
	default:
		return fmt.Errorf("unknown modifier |%s; there are: |lower, |upper", modifier)
	}
	p.usesURL = p.usesURL || at.kind == inQuery
	i := len(p.places)
	p.places = append(p.places, one)
	p.add(piece{needs: []int{i}, add: func(dst []byte, c *content) []byte { return append(dst, c.values[i].text...) }})
	return nil
}

// resolve reads the template's places from c, and refuses c if one is not there that must be.
func (t *template) resolve(c *content) error {
	for i := range t.places {
		p := &t.places[i]
		text, found, err := p.read(c)
		if err == nil && !found && !p.optional {
			err = &Error{Reason: ReasonMissing, Detail: "no " + p.String()}
		}
		if err != nil {
			return err
		}
		if p.change != nil {
			text = p.change(text)
		}
		c.values = append(c.values, value{text, found})
	}
	return nil
}

// headers are the canonical names of the headers that are signed.
func (t *template) headers() []string {
	var names []string
	for _, p := range t.places {
		if p.kind == inHeader {
			names = append(names, p.name)
		}
	}
	return names
}

func (p *piece) applies(c *content) bool {
	for _, i := range p.needs {
		if !c.values[i].found {
			return false
		}
	}
	return true
}

// write streams what is signed to w, which never fails (it is a hash).
func (t *template) write(w io.Writer, c *content) {
	for i := range t.pieces {
		p := &t.pieces[i]
		switch {
		case p.body:
			w.Write(c.r.Body)
		case p.applies(c):
			c.buf = p.add(c.buf[:0], c)
			w.Write(c.buf)
		}
	}
}

// append appends what is signed, for the algorithms that cannot stream.
func (t *template) append(dst []byte, c *content) []byte {
	for i := range t.pieces {
		p := &t.pieces[i]
		switch {
		case p.body:
			dst = append(dst, c.r.Body...)
		case p.applies(c):
			dst = p.add(dst, c)
		}
	}
	return dst
}
