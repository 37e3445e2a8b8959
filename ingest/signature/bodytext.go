package signature

import (
	"strconv"
	"strings"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// bodyText returns what stands at a path of member names and indexes: a string without its quotes, anything else as
// it is written. null and what is not there are not found, nor is anything in a text that is not JSON. A member that
// stands twice is refused.
func bodyText(doc, path string) (text string, found bool, err error) {
	if jsonscan.Check(doc) != nil {
		return "", false, nil
	}
	value := jsonscan.Trim(doc)
	for name := range strings.SplitSeq(path, ".") {
		var times int
		switch value.Kind() {
		case jsonscan.Object:
			value, times = value.Member(name)
		case jsonscan.List:
			value, times = element(value, name)
		}
		if times > 1 {
			return "", false, &Error{Reason: ReasonBody, Detail: name + " stands more than once in the body"}
		}
		if times == 0 {
			return "", false, nil
		}
	}
	switch value.Kind() {
	case jsonscan.Null:
		return "", false, nil
	case jsonscan.Text:
		return value.Text(), true, nil
	}
	return string(value), true, nil
}

func element(list jsonscan.Value, index string) (value jsonscan.Value, times int) {
	want, err := strconv.Atoi(index)
	if err != nil {
		return "", 0
	}
	i := 0
	for _, item := range list.Items() {
		if i == want {
			return item, 1
		}
		i++
	}
	return "", 0
}

// withText returns a JSON object with a member set that may stand in objects of its own.
func withText(object string, path []string, text string) (string, error) {
	raw := quote(text)
	if len(path) > 1 {
		inner := "{}"
		if v, times := jsonscan.Trim(object).Member(path[0]); times == 1 && v.Kind() == jsonscan.Object {
			inner = string(v)
		}
		var err error
		if raw, err = withText(inner, path[1:], text); err != nil {
			return "", err
		}
	}
	return withMember(object, path[0], raw)
}
