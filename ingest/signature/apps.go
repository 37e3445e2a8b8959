package signature

import (
	"time"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// appRules are applications with plain rules.
func appRules() []rule {
	linearPath := jsonscan.NewPaths(linearMember)
	return []rule{
		{
			scheme:    "typeform",
			names:     []headerNames{{signature: "Typeform-Signature", prefix: "sha256="}},
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  base64Std(), // despite GitHub's prefix
			secret:    textSecret("the webhook's secret"),
			source:    "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
		},
		{
			scheme:    "intercom",
			names:     []headerNames{{signature: "X-Hub-Signature", prefix: "sha1="}},
			template:  "{body}",
			algorithm: hmacSHA1(),
			encoding:  hexLower(),
			secret:    textSecret("the app's client secret"),
			source:    "https://developers.intercom.com/docs/references/webhooks/webhook-models#signed-notifications",
		},
		{
			scheme:    "pagerduty",
			names:     []headerNames{{signature: "X-PagerDuty-Signature", prefix: "v1="}},
			list:      ",",
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  hexLower(),
			secret:    textSecret("the subscription's secret (which looks like base64)"),
			source:    "https://developer.pagerduty.com/docs/verifying-webhook-signatures",
		},
		{
			scheme: "zendesk",
			names: []headerNames{{
				signature: "X-Zendesk-Webhook-Signature",
				timestamp: "X-Zendesk-Webhook-Signature-Timestamp",
			}},
			template:  "{timestamp}{body}",
			algorithm: hmacSHA256(),
			encoding:  base64Std(),
			clock:     rfc3339(),
			secret:    textSecret("the webhook's signing secret (which looks like base64)"),
			note:      noWindow,
			source:    "https://developer.zendesk.com/documentation/webhooks/verifying/",
		},
		{
			scheme:    "linear",
			names:     []headerNames{{signature: "Linear-Signature"}},
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  hexLower(),
			clock:     unixMillis(),
			tolerance: time.Minute,
			secret:    textSecret("the webhook's signing secret"),
			note:      "The time is webhookTimestamp in the signed body; the header of that name is not signed.",
			source:    "https://linear.app/developers/webhooks#securing-webhooks",
			bodyTime:  func(c *content) (string, error) { return linearTime(c, linearPath) },
			toSign:    linearStamp,
		},
	}
}

// noWindow is what to know where a vendor signs the time and documents no window for it.
const noWindow = "The time is signed, but the vendor documents no window, nor whether its retries sign afresh: " +
	"no window is checked unless tolerance is set."

const linearMember = "webhookTimestamp"

// linearTime reads the time that Linear's SDK checks: a number, not a string.
func linearTime(c *content, path *jsonscan.Paths) (string, error) {
	var found [1]jsonscan.Found
	body, err := readObject(jsonscan.View(c.r.Body), path, found[:])
	if err != nil {
		return "", err
	}
	at := body.value(0)
	if at.Kind() != jsonscan.Number {
		return "", &Error{Reason: ReasonBody, Detail: "want the number " + linearMember + " once in the body"}
	}
	return string(at), nil
}

func linearStamp(_ *scheme, c *content) error {
	body, err := withMember(string(c.r.Body), linearMember, c.timestamp)
	if err != nil {
		return err
	}
	c.r.Body = []byte(body)
	return nil
}
