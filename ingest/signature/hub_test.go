package signature_test

import (
	"strings"
	"testing"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// WebSub writes the algorithm before the digest (https://www.w3.org/TR/websub/#signature-validation), others that copied the
// header do not.
func TestHubForms(t *testing.T) {
	s := samples(t)["hub"]
	_, signed, secretText := signedBy(t, s)
	digest := strings.TrimPrefix(signed.Header.Get("X-Hub-Signature-256"), "sha256=")
	for _, test := range []struct {
		header, value string
		sig           vendors.Signature
		want          signature.Reason // empty: accepted
	}{
		{header: "X-Hub-Signature-256", value: "sha256=" + digest},
		{header: "X-Hub-Signature", value: digest},
		{header: "X-Hub-Signature", value: "sha256=" + digest},
		{header: "X-Own", value: digest, sig: vendors.Signature{Header: "X-Own"}},
		{header: "X-Own", value: "sha256=" + digest, sig: vendors.Signature{Header: "X-Own"}},
		{header: "X-Hub-Signature-256", value: digest, want: signature.ReasonMalformed},
		{header: "X-Hub-Signature", value: "sha1=" + digest[:40], want: signature.ReasonMalformed},
		{header: "X-Hub-Signature", value: "sha256=sha256=" + digest, want: signature.ReasonMalformed},
		{header: "X-Own", value: "sha256=" + digest, sig: vendors.Signature{Header: "X-Own", Prefix: "v1="}, want: signature.ReasonMalformed},
	} {
		test.sig.Scheme = "hub"
		v := newVerifier(t, test.sig, newKey("k", secretText))
		r := s.request()
		r.Header.Set(test.header, test.value)
		_, err := v.Verify(r)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %.12s…: %v", test.header, test.value, err)
			}
			continue
		}
		wantRefusal(t, test.header, err, test.want)
		if strings.Contains(err.Error(), `""`) {
			t.Errorf("%s: %.12s…: the message names an empty prefix: %v", test.header, test.value, err)
		}
	}
}
