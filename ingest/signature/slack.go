package signature

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// slackRules are Slack and Zoom, which signs as Slack does. Both check an endpoint with a signed challenge.
func slackRules() []rule {
	slack := rule{
		scheme:    "slack",
		names:     []headerNames{{signature: "X-Slack-Signature", timestamp: "X-Slack-Request-Timestamp", prefix: "v0="}},
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
	zoom.names = []headerNames{{signature: "X-Zm-Signature", timestamp: "X-Zm-Request-Timestamp", prefix: "v0="}}
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
	var found [2]jsonscan.Found
	body, err := readObject(jsonscan.View(c.r.Body), jsonscan.NewPaths("type", "challenge"), found[:])
	if err != nil {
		return nil, nil //nolint:nilerr // a form may hold those words, and is an event
	}
	if kind, _ := body.text(0); kind != "url_verification" {
		return nil, nil
	}
	answer, ok := body.text(1)
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
	var found [3]jsonscan.Found
	body, err := readObject(jsonscan.View(c.r.Body), jsonscan.NewPaths("event", "payload", "payload.plainToken"), found[:])
	if err != nil {
		return nil, err
	}
	if event, _ := body.text(0); event != "endpoint.url_validation" {
		return nil, nil
	}
	token, ok := body.text(2)
	if !ok || body.value(1) == "" {
		return nil, &Error{Reason: ReasonBody, Detail: "endpoint.url_validation without payload.plainToken"}
	}
	answer, err := json.Marshal(struct {
		Plain     string `json:"plainToken"`
		Encrypted string `json:"encryptedToken"`
	}{token, hex.EncodeToString(k.prover.(*macKey).sum(token))})
	if err != nil {
		return nil, err
	}
	return &Challenge{Status: http.StatusOK, ContentType: "application/json", Body: answer}, nil
}

// plain answers with text that the other side chose: never as anything that a browser would run.
func plain(text string) *Challenge {
	return &Challenge{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte(text)}
}
