package extract

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// maxXMLDepth and maxXMLNodes bound what an XML document is unpacked into.
const maxXMLDepth, maxXMLNodes = 100, 20_000

// element is one that is open while a document is read.
type element struct {
	name     string
	text     strings.Builder
	names    []string // of its members, in order
	members  map[string][]string
	children int
}

func (e *element) add(name, raw string) {
	if e.members == nil {
		e.members = make(map[string][]string)
	}
	if e.members[name] == nil {
		e.names = append(e.names, name)
	}
	e.members[name] = append(e.members[name], raw)
}

// json is an element as JSON: its text, or an object of its children. Children of one name are a list; attributes are
// members named -NAME, of an element that has children.
func (e *element) json() string {
	if e.children == 0 {
		return quoteJSON(strings.TrimSpace(e.text.String()))
	}
	var b strings.Builder
	for i, name := range e.names {
		b.WriteString([2]string{"{", ","}[min(i, 1)])
		b.WriteString(quoteJSON(name) + ":")
		if all := e.members[name]; len(all) > 1 {
			b.WriteString("[" + strings.Join(all, ",") + "]")
		} else {
			b.WriteString(all[0])
		}
	}
	return b.String() + "}"
}

func quoteJSON(text string) string {
	raw, _ := json.Marshal(text) // cannot fail for a string
	return string(raw)
}

func xmlDocument(text string) (string, bool) {
	doc, err := XML(text)
	return doc, err == nil
}

// XML returns an XML document as JSON, {"ROOT": …}, so that paths look into it. Names lose their namespaces. Entities
// other than XML's own five are refused, and a document type with them.
func XML(text string) (string, error) {
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.CharsetReader = func(label string, input io.Reader) (io.Reader, error) {
		if strings.EqualFold(label, "us-ascii") {
			return input, nil
		}
		return nil, errors.New("an XML document that is not UTF-8")
	}
	stack := []*element{{}}
	nodes := 0
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.Directive:
			return "", errors.New("an XML document with a document type")
		case xml.CharData:
			top.text.Write(t)
		case xml.StartElement:
			if nodes += 1 + len(t.Attr); nodes > maxXMLNodes || len(stack) > maxXMLDepth {
				return "", errors.New("an XML document of too many elements")
			}
			child := &element{name: t.Name.Local}
			for _, a := range t.Attr {
				child.add("-"+a.Name.Local, quoteJSON(a.Value))
			}
			stack = append(stack, child)
		case xml.EndElement:
			if len(stack) == 1 || top.name != t.Name.Local {
				return "", errors.New("not XML: elements that do not match")
			}
			stack = stack[:len(stack)-1]
			parent := stack[len(stack)-1]
			parent.add(top.name, top.json())
			parent.children++
		}
	}
	if len(stack) != 1 || stack[0].children != 1 {
		return "", errors.New("not XML: no element, or one that does not end")
	}
	return stack[0].json(), nil
}
