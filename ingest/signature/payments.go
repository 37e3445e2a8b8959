package signature

import "github.com/hookline-io/hookline/schemas"

// paymentRules are the payment companies with plain rules. Stripe, Adyen and PayPal have files of their own.
func paymentRules() []rule {
	return []rule{
		{
			scheme:    "square",
			names:     []headerNames{{signature: "X-Square-Hmacsha256-Signature"}}, // X-Square-Signature (SHA-1) is retired
			template:  "{url}{body}",
			algorithm: hmacSHA256(),
			encoding:  base64Std(),
			secret:    textSecret("the subscription's signature key"),
			note:      "Signs the notification URL as it was registered: set url where a proxy changes it.",
			source:    "https://developer.squareup.com/docs/webhooks/step3validate",
		},
		{
			scheme:    "paystack",
			names:     []headerNames{{signature: "X-Paystack-Signature"}},
			template:  "{body}",
			algorithm: hmacSHA512(),
			encoding:  hexLower(),
			secret:    textSecret("the account's secret key (sk_live_… or sk_test_…)"),
			source:    "https://paystack.com/docs/payments/webhooks/#signature-validation",
		},
		{
			scheme:    "razorpay",
			names:     []headerNames{{signature: "X-Razorpay-Signature"}},
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  hexLower(),
			secret:    textSecret("the webhook's secret"),
			note:      "X-Razorpay-Event-Id is not signed.",
			source:    "https://razorpay.com/docs/webhooks/validate-test/",
		},
		{
			scheme:    "flutterwave-v3",
			names:     []headerNames{{signature: "verif-hash"}},
			algorithm: token(),
			encoding:  encoding{name: "text"},
			proof:     schemas.ProofWeak,
			secret:    textSecret("the secret hash of the dashboard"),
			note:      "The header is the secret itself and covers nothing of the body: confirm money through the API.",
			source:    "https://developer.flutterwave.com/v3.0.0/docs/webhooks",
		},
		{
			scheme:    "flutterwave-v4",
			names:     []headerNames{{signature: "flutterwave-signature"}},
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  base64Std(),
			secret:    textSecret("the secret hash of the dashboard"),
			note:      "As documented; not yet seen on a live delivery.",
			source:    "https://developer.flutterwave.com/docs/webhooks",
		},
	}
}
