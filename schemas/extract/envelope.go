package extract

import (
	"encoding/base64"
	"strings"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// envelopes open what stands in a text, so that the rest of a path looks into it: data.@base64.order.id. They depend on
// the text alone. ok is false where it is no such thing.
var envelopes = map[string]func(text string) (inner string, ok bool){
	"@fromstr": func(text string) (string, bool) { return text, true },
	"@base64":  openBase64,
	"@jws":     openJWS,
	"@xml":     func(text string) (string, bool) { return xmlDocument(text) },
}

// cutEnvelope splits a path at its first envelope. before is "" where the path begins with it.
func cutEnvelope(path string) (before, name, after string, found bool) {
	for i := 0; i < len(path); i++ {
		if path[i] != '@' || i > 0 && path[i-1] != '.' {
			continue
		}
		name, after, found = strings.Cut(path[i:], ".")
		if _, known := envelopes[name]; known && found {
			return strings.TrimSuffix(path[:i], "."), name, after, true
		}
	}
	return path, "", "", false
}

// inEnvelope returns what stands at the rest of a path in an envelope.
func inEnvelope(name, text, after string) (v jsonscan.Value, start int) {
	inner, ok := envelopes[name](text)
	if !ok {
		return "", 0
	}
	if before, next, rest, found := cutEnvelope(after); found && before == "" { // an envelope in an envelope
		return inEnvelope(next, inner, rest)
	}
	if jsonscan.Check(inner) != nil {
		return "", 0
	}
	return search(inner, after)
}

// openBase64 reads all that vendors call so: with and without padding, with + and / or - and _, in one line or several.
func openBase64(text string) (string, bool) {
	text = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "", "=", "").Replace(text)
	raw, err := base64.RawStdEncoding.DecodeString(text)
	return string(raw), err == nil
}

// openJWS returns the payload of a compact JWS (RFC 7515). Its signature is ingest's business: here it stands in what
// ingest has proven.
func openJWS(text string) (string, bool) {
	_, rest, found := strings.Cut(text, ".")
	payload, _, more := strings.Cut(rest, ".")
	if !found || !more {
		return "", false
	}
	return openBase64(payload)
}
