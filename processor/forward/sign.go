package forward

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// errNoKey says that an action has secrets and none of them is live. An unsigned request in place of a signed one
// would be refused, or worse, taken.
var errNoKey = errors.New("every secret of the action has ended: give it a new one")

// sign returns the value of webhook-signature: one signature for each key that is live, as Standard Webhooks 1.0
// writes symmetric ones (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme).
// It is empty for an action without keys.
func sign(id string, at time.Time, body []byte, keys []vendors.Key) (string, error) {
	if len(keys) == 0 {
		return "", nil
	}
	var signatures []string
	for _, key := range keys {
		if !key.Until.IsZero() && !at.Before(key.Until) {
			continue
		}
		mac := hmac.New(sha256.New, key.Secret.Reveal())
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if len(signatures) == 0 {
		return "", errNoKey
	}
	return strings.Join(signatures, " "), nil
}

// headerValue writes text as the CloudEvents HTTP binding writes an attribute into a header: what is not printable
// ASCII, and space, quote and percent, are percent-encoded byte by byte
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md, section 3.1.3.2).
// also names further characters to encode.
func headerValue(text, also string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		c := text[i]
		if c > ' ' && c < 0x7f && c != '"' && c != '%' && strings.IndexByte(also, c) < 0 {
			out.WriteByte(c)
			continue
		}
		out.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return out.String()
}
