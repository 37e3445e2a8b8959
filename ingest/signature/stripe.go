package signature

import "time"

// stripeRules: the key is the whole whsec_ text. v0 is a decoy that test mode sends beside v1; it is never looked
// at, which is what labelling every signature we compute with "v1=" does. Stripe's own libraries bound only the
// age (5 minutes); a time as far ahead is refused here too.
func stripeRules() []rule {
	return []rule{{
		scheme:    "stripe",
		names:     []headerNames{{signature: "Stripe-Signature", timestamp: "t=", prefix: "v1="}},
		list:      ",",
		template:  "{timestamp}.{body}",
		algorithm: hmacSHA256(),
		encoding:  hexLower(),
		clock:     unixSeconds(),
		tolerance: 5 * time.Minute,
		secret:    textSecret("the endpoint's signing secret, whsec_ and all"),
		source:    "https://docs.stripe.com/webhooks#verify-manually",
	}}
}
