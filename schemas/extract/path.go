package extract

import (
	"errors"
	"fmt"
	"strings"
)

// CheckPath says what is wrong with a gjson path (https://github.com/tidwall/gjson/blob/master/SYNTAX.md).
// gjson itself takes any text for a path and finds nothing. Of its syntax we take keys, indexes, "#", queries,
// wildcards, escapes, @this and @fromstr, beside envelopes of our own; what would compose new JSON (multipaths, literals, other modifiers) is
// refused, so that whatever a path finds stands in the body exactly so.
func CheckPath(path string) error {
	if path == "" {
		return errors.New("the path is empty")
	}
	if path == This {
		return nil
	}
	for before, name, after, found := cutEnvelope(path); found && before != ""; before, name, after, found = cutEnvelope(path) {
		if strings.Contains(before, "#") && name != fromText {
			return fmt.Errorf("path %q: %s cannot stand behind #: it opens one text", path, name)
		}
		path = before + ".x." + after
	}
	component := 0 // length of the component so far
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\':
			i++
			if i == len(path) {
				return fmt.Errorf("path %q ends in a lone backslash", path)
			}
			component++
		case c == '.' || c == '|':
			if component == 0 {
				return fmt.Errorf("path %q has an empty part before its %s", path, position(i))
			}
			component = 0
		case component == 0 && (c == '@' || c == '!' || c == '{' || c == '['):
			return fmt.Errorf("path %q: a part cannot start with %q: write the path alone and use first, join or const around it", path, c)
		case component == 0 && c == '#' && i+1 < len(path) && path[i+1] == '(':
			end, err := queryEnd(path, i+1)
			if err != nil {
				return err
			}
			component += end - i
			i = end
		case c < ' ' || c == 0x7f:
			return fmt.Errorf("path %q has a control character", path)
		default:
			component++
		}
	}
	if component == 0 {
		return fmt.Errorf("path %q ends in a dot", path)
	}
	return nil
}

const (
	// This is the path of the document itself.
	This = "@this"

	fromText = "@fromstr" // what follows looks into JSON that stands in a text, as in payload.@fromstr.type
)

func position(i int) string { return fmt.Sprintf("character %d", i+1) }

// queryEnd returns where the query that opens at path[open] closes.
func queryEnd(path string, open int) (int, error) {
	depth, quoted := 0, false
	for i := open; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
			if depth == 0 {
				if strings.TrimSpace(path[open+1:i]) == "" {
					return 0, fmt.Errorf("path %q has an empty query", path)
				}
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("path %q: the query that opens at %s is not closed", path, position(open))
}
