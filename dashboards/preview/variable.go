package preview

import (
	"fmt"
	"regexp"
	"strings"
)

// Choice is what a variable of a board stands for.
type Choice struct {
	Values []string // the values chosen
	Texts  []string // how they are shown
	Multi  bool     // any number of values may be chosen
	All    bool     // every value, also those to come; Values then lists those known
	// AllValue is what All stands for in a query, instead of the list of values. It is used as it is.
	AllValue string
}

// allValue is the value by which Grafana says that All is chosen, in its URLs too.
const allValue = "$__all"

// Choices are the variables of a board by name.
type Choices map[string]Choice

// reference finds $name, [[name]] and ${name.path:format}, as grafana/scenes does (VARIABLE_REGEX in
// packages/scenes/src/variables/constants.ts).
var reference = regexp.MustCompile(`\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}`)

// Interpolate replaces the variables in text by what was chosen, in the format that each reference names, as
// Grafana does (formatRegistry.ts of grafana/scenes). What is no variable stays as it is; a replaced text is
// not looked at again. A format that the preview does not know is an error.
func (c Choices) Interpolate(text string) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(text, func(match string) string {
		parts := reference.FindStringSubmatch(match)
		choice, ok := c[parts[1]+parts[2]+parts[4]]
		if !ok || parts[5] != "" {
			return match
		}
		replaced, err := choice.format(parts[1]+parts[2]+parts[4], parts[3]+parts[6])
		if err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", match, err)
		}
		return replaced
	})
	return out, failed
}

func (c Choice) format(variable, format string) (string, error) {
	name, arguments, _ := strings.Cut(format, ":")
	if c.All {
		switch {
		case name == "text":
			return "All", nil
		case name == "queryparam":
			return "var-" + percentEncode(variable) + "=" + percentEncode(allValue), nil
		case c.AllValue != "" && name == "percentencode":
			return percentEncode(c.AllValue), nil
		case c.AllValue != "":
			return c.AllValue, nil
		}
	}
	switch name {
	case "", "glob":
		if len(c.Values) > 1 {
			return "{" + strings.Join(c.Values, ",") + "}", nil
		}
		return strings.Join(c.Values, ","), nil
	case "text":
		return strings.Join(c.Texts, " + "), nil
	case "percentencode":
		if c.Multi || len(c.Values) != 1 {
			return percentEncode("{" + strings.Join(c.Values, ",") + "}"), nil
		}
		return percentEncode(c.Values[0]), nil
	case "queryparam":
		return c.pairs("var-"+percentEncode(variable), ""), nil
	case "customqueryparam":
		key, prefix, _ := strings.Cut(arguments, ":")
		if key == "" {
			key = variable
		}
		return c.pairs(percentEncode(key), percentEncode(prefix)), nil
	}
	return "", fmt.Errorf("the preview does not know the format %q", name)
}

func (c Choice) pairs(key, prefix string) string {
	pairs := make([]string, len(c.Values))
	for i, value := range c.Values {
		pairs[i] = key + "=" + prefix + percentEncode(value)
	}
	return strings.Join(pairs, "&")
}

// percentEncode escapes all but the characters that RFC 3986 leaves unreserved, as encodeURIComponentStrict
// of grafana/scenes does.
func percentEncode(text string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		b := text[i]
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', strings.IndexByte("-_.~", b) >= 0:
			out.WriteByte(b)
		default:
			out.Write([]byte{'%', hex[b>>4], hex[b&15]})
		}
	}
	return out.String()
}
