package vendors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/url"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas/extract"
)

// content says what a vendor's bodies are.
type content string

const (
	contentJSON   content = "json"   // one JSON document
	contentNDJSON content = "ndjson" // one JSON document per line, each an event
	contentForm   content = "form"   // form fields, urlencoded or multipart; a field's name is its path
	contentXML    content = "xml"    // one XML document; an element's name is a part of the path
	contentAny    content = "any"    // JSON or form where it is one, else bytes without fields
)

// maxFields bounds what a form is unpacked into.
const maxFields = 1000

// document returns the JSON that paths look into: data itself, the fields of a form as an object of texts, or an XML
// document's elements.
// It depends on data alone, so that ingest and processor see the same.
func (c content) document(data []byte) ([]byte, error) {
	switch c {
	case contentForm:
		return formDocument(data)
	case contentXML:
		doc, err := extract.XML(jsonscan.View(data))
		return []byte(doc), err
	case contentAny:
		if jsonscan.Check(jsonscan.View(data)) == nil {
			return data, nil
		}
		doc, err := formDocument(data)
		if err != nil {
			return nil, nil //nolint:nilerr // any other bytes are an event without fields
		}
		return doc, nil
	}
	return data, jsonscan.Check(jsonscan.View(data))
}

// stored is document for an event that document has already accepted once; it saves checking JSON again.
func (c content) stored(data []byte) ([]byte, error) {
	if c == contentJSON || c == contentNDJSON || c == "" {
		return data, nil
	}
	return c.document(data)
}

// formDocument unpacks a form into a JSON object; of a field that stands there twice the first counts.
// That a form is multipart shows in its first line, which is its boundary.
func formDocument(data []byte) ([]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.HasPrefix(data, []byte("--")) {
		return multipartDocument(data)
	}
	if n := bytes.Count(data, []byte{'&'}); n > maxFields {
		return nil, fmt.Errorf("a form of more than %d fields", maxFields)
	}
	doc := []byte{'{'}
	seen := make(map[string]bool)
	for pair := range bytes.SplitSeq(data, []byte{'&'}) {
		name, text, found := bytes.Cut(pair, []byte{'='})
		if len(pair) == 0 {
			continue
		}
		key, err1 := url.QueryUnescape(string(name))
		value, err2 := url.QueryUnescape(string(text))
		if !found || err1 != nil || err2 != nil {
			return nil, errors.New("not a form: fields are name=value, joined by & and percent-encoded")
		}
		doc = appendField(doc, seen, key, value)
	}
	return append(doc, '}'), nil
}

func multipartDocument(data []byte) ([]byte, error) {
	first, _, _ := bytes.Cut(data, []byte("\r\n"))
	form := multipart.NewReader(bytes.NewReader(data), string(first[2:]))
	doc := []byte{'{'}
	seen := make(map[string]bool)
	for len(seen) <= maxFields {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return append(doc, '}'), nil
		}
		if err != nil {
			return nil, fmt.Errorf("not a multipart form: %w", err)
		}
		if part.FormName() == "" || part.FileName() != "" {
			continue
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, fmt.Errorf("not a multipart form: %w", err)
		}
		doc = appendField(doc, seen, part.FormName(), string(value))
	}
	return nil, fmt.Errorf("a form of more than %d fields", maxFields)
}

func appendField(doc []byte, seen map[string]bool, key, value string) []byte {
	if seen[key] {
		return doc
	}
	if len(seen) > 0 {
		doc = append(doc, ',')
	}
	seen[key] = true
	doc = jsonscan.AppendText(doc, key)
	doc = append(doc, ':')
	return jsonscan.AppendText(doc, value)
}
