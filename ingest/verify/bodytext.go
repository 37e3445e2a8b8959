package verify

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"
)

// bodyText returns what stands at a path of member names and indexes: a string without its quotes, anything else as
// it is written. null and what is not there are not found. A member that stands twice is refused.
func bodyText(doc, path string) (text string, found bool, err error) {
	value := gjson.Parse(doc)
	for name := range strings.SplitSeq(path, ".") {
		switch {
		case value.IsObject():
			var times int
			if value, times = count(value, name); times > 1 {
				return "", false, &Error{Reason: ReasonBody, Detail: name + " stands more than once in the body"}
			} else if times == 0 {
				return "", false, nil
			}
		case value.IsArray():
			if value, found = element(value, name); !found {
				return "", false, nil
			}
		default:
			return "", false, nil
		}
	}
	switch value.Type {
	case gjson.Null:
		return "", false, nil
	case gjson.String:
		return value.Str, true, nil
	}
	return value.Raw, true, nil
}

func element(list gjson.Result, index string) (value gjson.Result, found bool) {
	want, err := strconv.Atoi(index)
	if err != nil || want < 0 {
		return gjson.Result{}, false
	}
	i := 0
	list.ForEach(func(_, v gjson.Result) bool {
		value, found = v, i == want
		i++
		return !found
	})
	return value, found
}

// setText returns body, a JSON object, with a member set that may stand in objects of its own.
func setText(body []byte, path []string, text string) ([]byte, error) {
	root, err := object(body)
	if err != nil {
		return nil, err
	}
	raw := string(gjson.AppendJSONString(nil, text))
	at := root
	for i, name := range path[:len(path)-1] {
		inner, ok := member(at, name)
		if !ok || !inner.IsObject() {
			for j := len(path) - 1; j > i; j-- {
				raw = "{" + string(gjson.AppendJSONString(nil, path[j])) + ":" + raw + "}"
			}
			return setMember(body, at, name, raw), nil
		}
		at = inner
	}
	return setMember(body, at, path[len(path)-1], raw), nil
}

// view is b as a string, without a copy. It must not outlive the request, nor b change meanwhile.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
