package signature

import (
	"crypto/sha1"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/hookline-io/hookline/schemas"
)

// braintreeRules: forms whose bt_signature signs bt_payload with SHA-1 of the private key, for each public key that is live.
func braintreeRules() []rule {
	return []rule{{
		scheme:    "braintree",
		names:     []headerNames{{at: &place{inForm, "bt_signature"}}},
		list:      "&",
		template:  "{form:bt_payload}",
		algorithm: algorithm{label: "HMAC-SHA1", prover: newBraintreeKey},
		encoding:  hexLower(),
		proof:     schemas.ProofFields,
		secret:    textSecret("the public and the private key, as PUBLIC|PRIVATE"),
		answers:   "GET with bt_challenge, as Braintree sends when a webhook is saved: its signature",
		note:      "bt_payload is signed, which holds the whole event; no time is.",
		source:    "https://developer.paypal.com/braintree/docs/guides/webhooks/parse",
		get:       true,
		unsigned:  braintreeChallenge,
	}}
}

// newBraintreeKey makes the key whose signatures are PUBLIC|HEX.
func newBraintreeKey(s *scheme, secret []byte) (prover, error) {
	public, private, ok := strings.Cut(strings.TrimSpace(string(secret)), "|")
	if !ok || public == "" || private == "" {
		return nil, errors.New("is not PUBLIC|PRIVATE")
	}
	sum := sha1.Sum([]byte(private))
	p, err := hmacSHA1().prover(s, sum[:])
	if err != nil {
		return nil, err
	}
	p.(*macKey).label = public + "|"
	return p, nil
}

// braintreeText is what Braintree sends as a challenge. Nothing else is signed for a stranger, and no payload of an event
// has that form.
var braintreeText = regexp.MustCompile(`^[a-f0-9]{20,32}$`)

func braintreeChallenge(s *scheme, r *Request) (Result, bool, error) {
	if r.Method != http.MethodGet {
		return Result{}, false, nil
	}
	_, query, _ := strings.Cut(r.URL, "?")
	text, found, err := parameter(query, "bt_challenge", "the query")
	if err == nil && (!found || !braintreeText.MatchString(text)) {
		err = &Error{Reason: ReasonMalformed, Detail: "want bt_challenge, of 20 to 32 hex digits, in the query"}
	}
	if err != nil {
		return Result{}, true, err
	}
	for i := range s.keys {
		k := &s.keys[i]
		if !k.live(r.Now) {
			continue
		}
		mac := k.prover.(*macKey)
		return Result{KeyID: k.id, Challenge: plain(mac.label + string(s.encoding.append(nil, mac.sum(text))))}, true, nil
	}
	return Result{}, true, &Error{Reason: ReasonNoKey, Detail: "every secret has expired"}
}
