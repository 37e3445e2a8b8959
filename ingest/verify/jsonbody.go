package verify

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// object reads a body that must be one JSON object.
func object(body []byte) (gjson.Result, error) {
	if !gjson.ValidBytes(body) {
		return gjson.Result{}, &Error{Reason: ReasonBody, Detail: "the body is not JSON"}
	}
	root := gjson.ParseBytes(body)
	if !root.IsObject() {
		return gjson.Result{}, &Error{Reason: ReasonBody, Detail: "the body is not a JSON object"}
	}
	return root, nil
}

// count returns a member of object and how often it stands there.
func count(object gjson.Result, name string) (value gjson.Result, times int) {
	object.ForEach(func(key, v gjson.Result) bool {
		if key.Str == name {
			value = v
			times++
		}
		return true
	})
	return value, times
}

// member returns the one member of object that is called name. A member that stands twice counts as absent: JSON
// leaves open which one is meant (RFC 8259, section 4), so that what is checked here might not be what is read later.
func member(object gjson.Result, name string) (value gjson.Result, ok bool) {
	value, times := count(object, name)
	return value, times == 1
}

// text is member for a string.
func text(object gjson.Result, name string) (string, bool) {
	value, ok := member(object, name)
	return value.Str, ok && value.Type == gjson.String
}

// setMember returns body with one member of object, which stands in body, set to raw JSON. All else stays as it is.
func setMember(body []byte, object gjson.Result, name, raw string) []byte {
	if old, ok := member(object, name); ok {
		return slices.Concat(body[:old.Index], []byte(raw), body[old.Index+len(old.Raw):])
	}
	text := string(gjson.AppendJSONString(nil, name)) + ":" + raw
	if strings.Trim(object.Raw, "{} \t\r\n") != "" {
		text += ","
	}
	return slices.Concat(body[:object.Index+1], []byte(text), body[object.Index+1:])
}
