package signature

import (
	"cmp"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// hubRules are the descendants of WebSub's X-Hub-Signature: an HMAC over the whole body, and no time.
func hubRules() []rule {
	hub := rule{
		scheme: "hub",
		// A request may carry both (GitHub's does, the plain one with SHA-1): the first one here decides.
		names: []headerNames{
			{signature: "X-Hub-Signature-256", prefix: "sha256="},
			{signature: "X-Hub-Signature", optional: "sha256="}, // WebSub writes it, others that copied the header do not
		},
		template:  "{body}",
		algorithm: hmacSHA256(),
		encoding:  hexLower(),
		secret:    textSecret("the secret shared with the sender"),
		options:   []string{"header", "prefix"},
		note:      "Signs no time and no ID: the dedup on event IDs is what stops a replay.",
		source:    "https://www.w3.org/TR/websub/#signature-validation",
		configure: func(r *rule, sig vendors.Signature) error {
			switch {
			case sig.Prefix != "":
				r.names = []headerNames{{signature: cmp.Or(sig.Header, "X-Hub-Signature"), prefix: sig.Prefix}}
			case sig.Header != "":
				r.names = []headerNames{{signature: sig.Header, optional: "sha256="}}
			}
			return nil
		},
	}
	github := rule{
		scheme:    "github",
		names:     []headerNames{{signature: "X-Hub-Signature-256", prefix: "sha256="}},
		template:  "{body}",
		algorithm: hmacSHA256(),
		encoding:  hexLower(),
		secret:    textSecret("the webhook's secret"),
		note:      "X-GitHub-Event and X-GitHub-Delivery are not signed.",
		source:    "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
	}
	legacy := github
	legacy.scheme = "github-sha1"
	legacy.names = []headerNames{{signature: "X-Hub-Signature", prefix: "sha1="}}
	legacy.algorithm = hmacSHA1()
	legacy.note += " For old GitHub Enterprise servers and those who copied them; GitHub itself signs with SHA-256 as well."
	return []rule{hub, github, legacy}
}
