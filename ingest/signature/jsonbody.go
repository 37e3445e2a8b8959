package signature

import (
	"strings"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// jsonBody is a body, or an item of one, that a scheme reads some members of. jsonscan bounds what that costs, for
// much of it happens before anything is proven.
//
// A member that stands twice counts as absent: JSON leaves open which one is meant (RFC 8259, section 4), so that
// what is checked here might not be what is read later.
type jsonBody struct {
	doc   string
	found []jsonscan.Found
}

// readObject looks for paths in a text that must be one JSON object. doc must not change while the result is in use,
// nor found, which has room for what is found.
func readObject(doc string, paths *jsonscan.Paths, found []jsonscan.Found) (jsonBody, error) {
	if err := paths.Find(doc, found); err != nil {
		return jsonBody{}, &Error{Reason: ReasonBody, Detail: "the body: " + err.Error()}
	}
	if jsonscan.Trim(doc).Kind() != jsonscan.Object {
		return jsonBody{}, &Error{Reason: ReasonBody, Detail: "the body is not a JSON object"}
	}
	return jsonBody{doc, found}, nil
}

// value returns what stands at a path, "" unless it stands there once.
func (b jsonBody) value(path int) jsonscan.Value {
	if b.found[path].Times != 1 {
		return ""
	}
	return b.found[path].In(b.doc)
}

// text is value for a text.
func (b jsonBody) text(path int) (string, bool) {
	v := b.value(path)
	return v.Text(), v.Kind() == jsonscan.Text
}

// withMember returns an object with one member set to raw JSON. All else of it, and around it, stays as it is.
func withMember(object, name, raw string) (string, error) {
	var member jsonscan.Paths
	member.Add(name)
	var found [1]jsonscan.Found
	if _, err := readObject(object, &member, found[:]); err != nil {
		return "", err
	}
	if f := found[0]; f.Times == 1 {
		return object[:f.Start] + raw + object[f.End:], nil
	}
	text := quote(name) + ":" + raw
	if strings.Trim(object, "{} \t\r\n") != "" {
		text += ","
	}
	before, after, _ := strings.Cut(object, "{")
	return before + "{" + text + after, nil
}

func quote(text string) string {
	return string(jsonscan.AppendText(nil, text))
}
