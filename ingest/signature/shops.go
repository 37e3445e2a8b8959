package signature

import (
	"bytes"
	"net/http"
)

// shopRules are Shopify and WooCommerce: base64 HMAC over the body, and no time.
func shopRules() []rule {
	return []rule{
		{
			scheme: "shopify",
			names: []headerNames{
				{signature: "X-Shopify-Hmac-Sha256"},
				{signature: "Shopify-Hmac-Sha256"}, // its Events product, per @shopify/shopify-api 13
			},
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  base64Std(),
			secret:    textSecret("the app's client secret"),
			note:      "The topic, the shop and the IDs are headers outside the signature.",
			source:    "https://shopify.dev/docs/apps/build/webhooks/subscribe/https#step-2-validate-the-origin-of-your-webhook-to-ensure-its-coming-from-shopify",
		},
		{
			scheme:    "woocommerce",
			names:     []headerNames{{signature: "X-WC-Webhook-Signature"}},
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  base64Std(),
			secret:    textSecret("the webhook's secret"),
			answers:   "the unsigned ping (webhook_id=…) that is sent when the webhook is saved: 200",
			note:      "The topic and the IDs are headers outside the signature.",
			source:    "https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks",
			unsigned:  woocommercePing,
		},
	}
}

// woocommercePing answers what WooCommerce posts, unsigned, when a webhook is saved; it gives up on a webhook
// whose ping fails. The answer gives a stranger nothing and carries no event.
func woocommercePing(s *scheme, r *Request) (Result, bool, error) {
	if len(r.Header[s.names[0].signature]) > 0 {
		return Result{}, false, nil
	}
	id, ok := bytes.CutPrefix(r.Body, []byte("webhook_id="))
	if _, numeric := digits(string(id)); !ok || !numeric {
		return Result{}, false, nil
	}
	return Result{Challenge: &Challenge{Status: http.StatusOK}}, true, nil
}
