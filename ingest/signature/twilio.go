package signature

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookline-io/hookline/schemas"
)

// twilioRules are Twilio and its SendGrid.
func twilioRules() []rule {
	return []rule{
		{
			scheme:    "twilio",
			names:     []headerNames{{signature: "X-Twilio-Signature"}},
			template:  "{url}{form}",
			fields:    map[string]field{"form": twilioForm},
			algorithm: twilioAlgorithm(),
			encoding:  base64Std(),
			secret:    textSecret("the account's auth token, or the secret of a shared key"),
			reads:     []string{twilioSettings},
			proof:     schemas.ProofFields,
			note: "{form} is every form parameter, sorted, names and values without anything between them: what is signed does not say where one " +
				"ends and the next begins. Any other body is covered by bodySHA256 in the signed query, and its proof is body. Set url where a proxy changes it.",
			source:   "https://www.twilio.com/docs/usage/security#validating-requests",
			check:    twilioBody,
			otherURL: twilioPort,
			toSign:   twilioToSign,
		},
		{
			scheme: "sendgrid",
			names: []headerNames{{
				signature: "X-Twilio-Email-Event-Webhook-Signature",
				timestamp: "X-Twilio-Email-Event-Webhook-Timestamp",
			}},
			template:  "{timestamp}{body}",
			algorithm: ecdsaAlgorithm(),
			encoding:  base64Std(),
			clock:     unixSeconds(),
			secret:    publicSecret(base64Secret("the verification key")),
			note:      noWindow + " Signatures are not unique: never tell deliveries apart by them.",
			source:    "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
		},
	}
}

// twilioSettings names the algorithm where a shared key signs; without it the auth token signs with SHA-1.
// https://github.com/twilio/twilio-node (SIGNATURE_SETTINGS_HEADER, getSignatureAlgorithm)
const twilioSettings = "X-Twilio-Webhooks-Signature-Settings"

// twilioAlgorithm is HMAC-SHA1 or, where the settings say so, HMAC-SHA256. An attacker who changes the settings still
// needs the secret.
func twilioAlgorithm() algorithm {
	return algorithm{label: "HMAC-SHA1, or HMAC-SHA256 as " + twilioSettings + " says",
		prover: func(s *scheme, key []byte) (prover, error) {
			legacy := newMACKey(s, func() hash.Hash { return hmac.New(sha1.New, key) })
			return &twilioKey{macKey: legacy, shared: newMACKey(s, func() hash.Hash { return hmac.New(sha256.New, key) })}, nil
		}}
}

type twilioKey struct {
	*macKey
	shared *macKey
}

func (k *twilioKey) proves(c *content) (bool, error) {
	named, err := twilioNamed(c)
	switch {
	case err != nil:
		return false, err
	case named == "HMAC_SHA256":
		return k.shared.proves(c)
	}
	return k.macKey.proves(c)
}

func (k *twilioKey) plausible(c *content, text string) bool {
	return k.macKey.plausible(c, text) || k.shared.plausible(c, text)
}

// twilioNamed returns the algorithm that the settings name: HMAC_SHA256, or HMAC_SHA1 where they name none.
func twilioNamed(c *content) (string, error) {
	values := c.r.Header[http.CanonicalHeaderKey(twilioSettings)]
	if len(values) > 1 {
		return "", &Error{Reason: ReasonMalformed, Detail: "more than one header " + twilioSettings}
	}
	for _, settings := range values {
		for part := range strings.SplitSeq(settings, ",") {
			name, value, _ := strings.Cut(part, "=")
			if value = strings.ToUpper(strings.TrimSpace(value)); strings.TrimSpace(name) != "algorithm" || value == "" {
				continue
			}
			if value != "HMAC_SHA256" && value != "HMAC_SHA1" {
				return "", &Error{Reason: ReasonMalformed, Detail: twilioSettings +
					" names an algorithm that is not known; there are: HMAC_SHA1, HMAC_SHA256"}
			}
			return value, nil
		}
	}
	return "HMAC_SHA1", nil
}

const twilioBodyHash = "bodySHA256"

// twilioBody finds what covers the body: bodySHA256 in the query, which the signature covers, or else the form.
func twilioBody(c *content) error {
	_, raw, _ := strings.Cut(c.url, "?")
	query, err := url.ParseQuery(raw)
	if err != nil {
		return &Error{Reason: ReasonMalformed, Detail: "the query cannot be read"}
	}
	if hashes := query[twilioBodyHash]; len(hashes) > 0 {
		sum := sha256.Sum256(c.r.Body)
		want := hex.AppendEncode(nil, sum[:])
		if len(hashes) > 1 || subtle.ConstantTimeCompare(want, []byte(hashes[0])) == 0 {
			return &Error{Reason: ReasonMismatch, Detail: twilioBodyHash + " in the query is not the body's"}
		}
		c.whole = true
		return nil
	}
	if len(c.r.Body) == 0 {
		c.whole = true
		return nil
	}
	if !isForm(c.r) {
		return &Error{Reason: ReasonMissing, Detail: "no " + twilioBodyHash + " in the query to cover a body that is not a form"}
	}
	if bytes.Count(c.r.Body, []byte{'&'}) >= maxFields {
		return &Error{Reason: ReasonBody, Detail: fmt.Sprintf("a form of more than %d fields", maxFields)}
	}
	if c.form, err = url.ParseQuery(string(c.r.Body)); err != nil {
		return &Error{Reason: ReasonBody, Detail: "the form cannot be read"}
	}
	return nil
}

func isForm(r *Request) bool {
	return MediaType(r.Header.Get("Content-Type")) == "application/x-www-form-urlencoded"
}

// MediaType returns the type that a Content-Type states, in lower case. It reads on where a parameter is malformed, as in
// "application/json; utf-8".
func MediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// twilioForm appends every parameter's name and value, in the byte order of the names. Of a name given several
// times, each value counts once, in order, as twilio-node has it.
func twilioForm(dst []byte, c *content) []byte {
	names := make([]string, 0, len(c.form))
	for name := range c.form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := slices.Clone(c.form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			dst = append(dst, name...)
			dst = append(dst, value...)
		}
	}
	return dst
}

// twilioPort sets the same URL with its port left out, or with the scheme's own port, once: Twilio signs either,
// and its libraries try both.
func twilioPort(c *content, original string) bool {
	if c.url != original {
		return false
	}
	scheme, rest, ok := strings.Cut(original, "://")
	port, known := map[string]string{"https": ":443", "http": ":80"}[scheme]
	if !ok || !known {
		return false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, path := rest[:end], rest[end:]
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host = host[:colon]
	} else {
		host += port
	}
	c.url = scheme + "://" + host + path
	return c.url != original
}

// twilioToSign covers a body that is not a form.
func twilioToSign(s *scheme, c *content) error {
	if len(c.r.Body) > 0 && !isForm(c.r) {
		base, raw, _ := strings.Cut(c.r.URL, "?")
		query, err := url.ParseQuery(raw)
		if err != nil {
			return errors.New("the query of the URL cannot be read")
		}
		sum := sha256.Sum256(c.r.Body)
		query.Set(twilioBodyHash, hex.EncodeToString(sum[:]))
		c.r.URL = base + "?" + query.Encode()
		c.url = publicURL(s.url, c.r.URL)
	}
	return twilioBody(c)
}
