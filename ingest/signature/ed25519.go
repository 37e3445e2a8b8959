package signature

import (
	"net/http"
	"time"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// ed25519Rules are Discord and Telnyx.
func ed25519Rules() []rule {
	pingPaths := jsonscan.NewPaths("type", "event")
	return []rule{
		{
			scheme:    "discord",
			names:     []headerNames{{signature: "X-Signature-Ed25519", timestamp: "X-Signature-Timestamp"}},
			template:  "{timestamp}{body}",
			algorithm: ed25519Algorithm(),
			encoding:  hexLower(),
			clock:     unixSeconds(),
			secret:    publicSecret(hexSecret("the application's public key")),
			refusal:   http.StatusUnauthorized, // Discord tests endpoints with wrong signatures and wants this status
			answers:   "PING: {\"type\":1} for interactions, 204 for webhook events",
			note:      noWindow,
			source:    "https://discord.com/developers/docs/events/webhook-events#validating-security-request-headers",
			challenge: func(_ *key, c *content) (*Challenge, error) { return discordPing(c, pingPaths) },
		},
		{
			scheme:    "telnyx",
			names:     []headerNames{{signature: "Telnyx-Signature-Ed25519", timestamp: "Telnyx-Timestamp"}},
			template:  "{timestamp}|{body}",
			algorithm: ed25519Algorithm(),
			encoding:  base64Std(),
			clock:     unixSeconds(),
			tolerance: 5 * time.Minute, // TIMESTAMP_TOLERANCE_SECONDS of its SDKs
			secret:    publicSecret(base64Secret("the account's public key")),
			source:    "https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks#webhook-signing",
		},
	}
}

// discordPing: type 1 is a PING among interactions
// (https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-interaction-type),
// but among webhook events, which alone have an event member, 0 is the PING and 1 an event
// (https://discord.com/developers/docs/events/webhook-events#payload-structure).
func discordPing(c *content, paths *jsonscan.Paths) (*Challenge, error) {
	var found [2]jsonscan.Found
	body, err := readObject(jsonscan.View(c.r.Body), paths, found[:])
	if err != nil {
		return nil, err
	}
	kind := body.value(0)
	if kind.Kind() != jsonscan.Number {
		return nil, &Error{Reason: ReasonBody, Detail: "want the number type once in the body"}
	}
	event := found[1].Times > 0
	switch {
	case kind == "0":
		return &Challenge{Status: http.StatusNoContent}, nil
	case kind == "1" && !event:
		return &Challenge{Status: http.StatusOK, ContentType: "application/json", Body: []byte(`{"type":1}`)}, nil
	}
	return nil, nil
}
