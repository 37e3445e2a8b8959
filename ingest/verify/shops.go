package verify

// shopRules are Shopify and WooCommerce: base64 HMAC over the body, and no time.
func shopRules() []rule {
	return []rule{
		{
			scheme: "shopify",
			wires: []wire{
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
	}
}
