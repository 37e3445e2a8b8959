package signature_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
)

// TestFacts: every scheme is described well enough for a user to set it up and to know what its signature is worth.
func TestFacts(t *testing.T) {
	names := signature.Names()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names are not sorted, or not unique: %q", names)
	}
	for _, name := range []string{
		"adyen", "adyen-platform", "basic", "bearer", "braintree", "discord", "ecdsa", "ed25519", "flutterwave-v3", "flutterwave-v4", "github", "github-sha1", "hash", "hmac", "http-signature", "hub",
		"hubspot", "hubspot-v1", "hubspot-v2", "intercom", "jws", "linear", "mailgun", "meta", "pagerduty", "paypal", "paystack",
		"razorpay", "rsa", "sendgrid", "shopify", "slack", "sns", "square", "standard-webhooks", "stripe", "telnyx", "token", "twilio",
		"typeform",
		"woocommerce", "zendesk", "zoom",
	} {
		if !slices.Contains(names, name) {
			t.Errorf("no scheme %q", name)
		}
	}
	for _, name := range names {
		f, ok := signature.Describe(name)
		if !ok || f.Scheme != name || f.Algorithm == "" || f.Encoding == "" || f.Secret == "" {
			t.Errorf("%s: incomplete: %+v", name, f)
		}
		if source, err := url.Parse(f.Source); err != nil || source.Scheme != "https" {
			t.Errorf("%s: source %q", name, f.Source)
		}
		if inBody := name == "adyen" || name == "mailgun" || name == "sns" || name == "braintree"; inBody != (len(f.Headers) == 0) {
			t.Errorf("%s: headers %q", name, f.Headers)
		}
		if get := name == "meta" || name == "braintree"; get != slices.Contains(f.Methods, "GET") || !slices.Contains(f.Methods, "POST") {
			t.Errorf("%s: methods %q", name, f.Methods)
		}
		if f.Proof != schemas.ProofBody && f.Note == "" {
			t.Errorf("%s: proof %s without a word on what that means", name, f.Proof)
		}
		if f.Timed != slices.Contains(f.Options, "tolerance") && !slices.Contains(f.Options, "template") {
			t.Errorf("%s: timed %v, options %q", name, f.Timed, f.Options)
		}
		if f.Tolerance == 0 && f.Timed && !strings.Contains(f.Note, "no window") {
			t.Errorf("%s: signs a time, checks no window, and does not say so", name)
		}
	}
	want := []string{"Paypal-Transmission-Sig", "Paypal-Transmission-Id", "Paypal-Transmission-Time", "Paypal-Auth-Algo", "Paypal-Cert-Url"}
	if f, _ := signature.Describe("paypal"); !slices.Equal(f.Headers, want) {
		t.Errorf("paypal: headers %q, want %q", f.Headers, want)
	}
	if _, ok := signature.Describe("nobody"); ok {
		t.Error("describes a scheme that does not exist")
	}
}

// TestProofs: the three strengths of proof, where the vendor's docs and vectors show them.
func TestProofs(t *testing.T) {
	weak := []string{"basic", "bearer", "flutterwave-v3", "jws", "mailgun", "paypal", "token"}
	for _, name := range signature.Names() {
		want := schemas.ProofBody
		if slices.Contains(weak, name) {
			want = schemas.ProofWeak
		} else if name == "adyen" || name == "twilio" || name == "sns" || name == "braintree" {
			want = schemas.ProofFields
		}
		if f, _ := signature.Describe(name); f.Proof != want {
			t.Errorf("%s: proof %s, want %s", name, f.Proof, want)
		}
	}
}
