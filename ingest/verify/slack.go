package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"
)

// slackRules are Slack and Zoom, which signs as Slack does. Both check an endpoint with a signed challenge.
func slackRules() []rule {
	slack := rule{
		scheme:    "slack",
		wires:     []wire{{signature: "X-Slack-Signature", timestamp: "X-Slack-Request-Timestamp", prefix: "v0="}},
		template:  "v0:{timestamp}:{body}",
		algorithm: hmacSHA256(),
		encoding:  hexLower(),
		clock:     unixSeconds(),
		tolerance: 5 * time.Minute,
		secret:    textSecret("the app's signing secret"),
		answers:   "url_verification: the challenge, as text",
		source:    "https://docs.slack.dev/authentication/verifying-requests-from-slack",
		challenge: slackChallenge,
	}
	zoom := slack
	zoom.scheme = "zoom"
	zoom.wires = []wire{{signature: "X-Zm-Signature", timestamp: "X-Zm-Request-Timestamp", prefix: "v0="}}
	zoom.tolerance = 0
	zoom.secret = textSecret("the app's webhook secret token")
	zoom.answers = "endpoint.url_validation, only where it is signed: plainToken and its HMAC"
	zoom.note = noWindow
	zoom.source = "https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events"
	zoom.challenge = zoomChallenge
	return []rule{slack, zoom}
}

// slackChallenge: https://docs.slack.dev/reference/events/url_verification
func slackChallenge(_ *key, c *content) (*Challenge, error) {
	if !bytes.Contains(c.r.Body, []byte("url_verification")) {
		return nil, nil
	}
	root, err := object(c.r.Body)
	if err != nil {
		return nil, nil //nolint:nilerr // a form may hold those words, and is an event
	}
	if kind, _ := text(root, "type"); kind != "url_verification" {
		return nil, nil
	}
	answer, ok := text(root, "challenge")
	if !ok {
		return nil, &Error{Reason: ReasonBody, Detail: "url_verification without a challenge"}
	}
	return plain(answer), nil
}

// zoomChallenge: https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint
// The answer is an HMAC with the signing secret over a text of the sender's choice. To answer an unsigned request
// would hand anyone a signature for any body; here the signature is checked first.
func zoomChallenge(k *key, c *content) (*Challenge, error) {
	if !bytes.Contains(c.r.Body, []byte("endpoint.url_validation")) {
		return nil, nil
	}
	root, err := object(c.r.Body)
	if err != nil {
		return nil, err
	}
	if event, _ := text(root, "event"); event != "endpoint.url_validation" {
		return nil, nil
	}
	payload, _ := member(root, "payload")
	token, ok := text(payload, "plainToken")
	if !ok {
		return nil, &Error{Reason: ReasonBody, Detail: "endpoint.url_validation without payload.plainToken"}
	}
	body, err := json.Marshal(struct {
		Plain     string `json:"plainToken"`
		Encrypted string `json:"encryptedToken"`
	}{token, hex.EncodeToString(k.prover.(*macKey).sum(token))})
	if err != nil {
		return nil, err
	}
	return &Challenge{Status: http.StatusOK, ContentType: "application/json", Body: body}, nil
}

// plain answers with text that the other side chose: never as anything that a browser would run.
func plain(text string) *Challenge {
	return &Challenge{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte(text)}
}
