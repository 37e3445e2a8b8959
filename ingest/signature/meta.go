package signature

import (
	"net/http"
	"net/url"
	"strings"
)

// metaRules: Facebook, Instagram and WhatsApp. A subscription is confirmed by a GET that bears a verify token of
// our own choosing, which is a secret of its own (use: handshake).
func metaRules() []rule {
	return []rule{{
		scheme:    "meta",
		names:     []headerNames{{signature: "X-Hub-Signature-256", prefix: "sha256="}},
		template:  "{body}",
		algorithm: hmacSHA256(),
		encoding:  hexLower(),
		secret:    textSecret("the app secret"),
		handshake: textSecret("the verify token"),
		answers:   "GET with hub.challenge and the verify token: the challenge, as text",
		source:    "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
		get:       true,
		unsigned:  metaChallenge,
	}}
}

func metaChallenge(s *scheme, r *Request) (Result, bool, error) {
	if r.Method != http.MethodGet {
		return Result{}, false, nil
	}
	_, raw, _ := strings.Cut(r.URL, "?")
	query, err := url.ParseQuery(raw)
	if err != nil {
		return Result{}, true, &Error{Reason: ReasonMalformed, Detail: "the query cannot be read"}
	}
	mode, token, challenge := query["hub.mode"], query["hub.verify_token"], query["hub.challenge"]
	if len(mode) != 1 || mode[0] != "subscribe" || len(challenge) != 1 {
		return Result{}, true, &Error{Reason: ReasonMalformed, Detail: "want hub.mode=subscribe and hub.challenge, once each"}
	}
	if len(token) != 1 {
		return Result{}, true, &Error{Reason: ReasonMissing, Detail: "want hub.verify_token once"}
	}
	for i := range s.handshakes {
		k := &s.handshakes[i]
		if !k.live(r.Now) {
			continue
		}
		if ok, _ := k.proves(&content{r: r, signatures: token[0]}); ok {
			return Result{KeyID: k.id, Challenge: plain(challenge[0])}, true, nil
		}
	}
	return Result{}, true, &Error{Reason: ReasonMismatch, Detail: "hub.verify_token is not that of a live secret with use: handshake"}
}
