package signature

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// place is where in a delivery a text stands.
type place struct {
	kind placeKind
	name string
}

type placeKind string

const (
	inHeader placeKind = "header" // of that name, in canonical form
	inQuery  placeKind = "query"  // a parameter of the URL
	inForm   placeKind = "form"   // a field of an urlencoded form; FIELD.@fromstr.PATH looks into JSON that stands in it
	inBody   placeKind = "body"   // a path into JSON: member names and indexes joined by dots
	inList   placeKind = "item"   // the one item NAME=… of the list that the signature stands in
)

// maxFields bounds how many parameters of a form or a query are looked through.
const maxFields = 1000

// fromText separates a form's field from a path into the JSON that the field holds, as the paths of events do.
const fromText = ".@fromstr."

// parsePlace reads text such as "query:data.id". ok is false where text names no kind of place.
func parsePlace(text string) (p place, ok bool, err error) {
	kind, name, ok := strings.Cut(text, ":")
	p = place{placeKind(kind), name}
	if !ok || !slices.Contains([]placeKind{inHeader, inQuery, inForm, inBody, inList}, p.kind) {
		return place{}, false, nil
	}
	if name == "" {
		return place{}, true, fmt.Errorf("%q names nothing after the colon", text)
	}
	switch p.kind {
	case inHeader:
		p.name = http.CanonicalHeaderKey(name)
	case inBody:
		err = checkBodyPath(name)
	case inForm:
		if _, path, nested := strings.Cut(name, fromText); nested {
			err = checkBodyPath(path)
		}
	}
	return p, true, err
}

func checkBodyPath(path string) error {
	if slices.Contains(strings.Split(path, "."), "") || strings.ContainsAny(path, `#@|*?!{}[]()\`) {
		return fmt.Errorf("path %q: before a signature is checked, a path is member names and indexes, joined by dots", path)
	}
	return nil
}

func (p place) String() string {
	if p.kind == inHeader {
		return "header " + p.name
	}
	return string(p.kind) + ":" + p.name
}

// read returns the text, and whether it is there. What stands there twice is refused: one value might be checked and
// the other believed.
func (p place) read(c *content) (text string, found bool, err error) {
	switch p.kind {
	case inHeader:
		values := c.r.Header[p.name]
		if len(values) > 1 {
			return "", false, &Error{Reason: ReasonMalformed, Detail: "more than one header " + p.name}
		}
		if len(values) == 0 || values[0] == "" {
			return "", false, nil
		}
		return values[0], true, nil
	case inQuery:
		_, query, _ := strings.Cut(c.r.URL, "?")
		query, _, _ = strings.Cut(query, "#")
		return parameter(query, p.name, "the query")
	case inForm:
		field, path, nested := strings.Cut(p.name, fromText)
		text, found, err = parameter(jsonscan.View(c.r.Body), field, "the form")
		if !nested || !found || err != nil {
			return text, found, err
		}
		return bodyText(text, path)
	case inBody:
		if p.name == "" { // the whole of it
			return jsonscan.View(c.r.Body), len(c.r.Body) > 0, nil
		}
		return bodyText(jsonscan.View(c.r.Body), p.name)
	}
	return c.labelled(p.name + "=")
}

// required is read for a text that must be there.
func (p place) required(c *content) (string, error) {
	text, found, err := p.read(c)
	if err == nil && !found {
		err = &Error{Reason: ReasonMissing, Detail: "no " + p.String()}
	}
	return text, err
}

// parameter returns the one parameter called name of a query or a form.
func parameter(encoded, name, where string) (value string, found bool, err error) {
	if strings.Count(encoded, "&") >= maxFields {
		return "", false, &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("more than %d parameters in %s", maxFields, where)}
	}
	for pair := range strings.SplitSeq(encoded, "&") {
		key, text, _ := strings.Cut(pair, "=")
		if key, err = url.QueryUnescape(key); err != nil {
			return "", false, &Error{Reason: ReasonMalformed, Detail: where + " cannot be read"}
		}
		if key != name {
			continue
		}
		if found {
			return "", false, &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("%s is more than once in %s", name, where)}
		}
		if value, err = url.QueryUnescape(text); err != nil {
			return "", false, &Error{Reason: ReasonMalformed, Detail: where + " cannot be read"}
		}
		found = true
	}
	return value, found, nil
}

// write puts text where the place is, as a vendor that signs does.
func (p place) write(c *content, text string) error {
	switch p.kind {
	case inHeader:
		c.r.Header.Set(p.name, text)
	case inQuery:
		separator := "?"
		if strings.Contains(c.r.URL, "?") {
			separator = "&"
		}
		c.r.URL += separator + url.QueryEscape(p.name) + "=" + url.QueryEscape(text)
	case inForm:
		if strings.Contains(p.name, fromText) {
			return fmt.Errorf("cannot be put into %s", p)
		}
		separator := ""
		if len(c.r.Body) > 0 {
			separator = "&"
		}
		c.r.Body = slices.Concat(c.r.Body, []byte(separator+url.QueryEscape(p.name)+"="+url.QueryEscape(text)))
	case inBody:
		if p.name == "" {
			c.r.Body = []byte(text)
			return nil
		}
		body, err := withText(string(c.r.Body), strings.Split(p.name, "."), text)
		if err != nil {
			return err
		}
		c.r.Body = []byte(body)
	}
	return nil
}
