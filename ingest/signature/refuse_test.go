package signature_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// headerSchemes are those whose signature stands in a header.
func headerSchemes(t *testing.T) map[string]sample {
	all := samples(t)
	delete(all, "adyen")
	delete(all, "braintree")
	delete(all, "mailgun")
	return all
}

func signedBy(t *testing.T, s sample) (signature.Verifier, *signature.Request, string) {
	t.Helper()
	secretText := s.secret(t)
	v := newVerifier(t, s.sig, newKey("k", secretText))
	r := s.request()
	if err := v.Sign(r, "evt_1"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(r); err != nil {
		t.Fatal(err)
	}
	return v, r, secretText
}

// signatureHeader returns the name under which Sign put the signature, and its value.
func signatureHeader(t *testing.T, scheme string, r *signature.Request) (name, value string) {
	t.Helper()
	facts, _ := signature.Describe(scheme)
	for _, name := range append([]string{"X-Signature"}, facts.Headers...) {
		if value := r.Header.Get(name); value != "" {
			return http.CanonicalHeaderKey(name), value
		}
	}
	t.Fatal("no signature header")
	return "", ""
}

// TestInvariant7_RefusalsTellNothing: every malformed signature header is refused, with a reason, and the error holds
// neither the secret nor the signature.
func TestInvariant7_RefusalsTellNothing(t *testing.T) {
	for scheme, s := range headerSchemes(t) {
		t.Run(scheme, func(t *testing.T) {
			v, r, secretText := signedBy(t, s)
			name, good := signatureHeader(t, scheme, r)
			missing := []signature.Reason{signature.ReasonMissing}
			malformed := []signature.Reason{signature.ReasonMalformed}
			bad := []signature.Reason{signature.ReasonMalformed, signature.ReasonMismatch}
			cases := []struct {
				what    string
				values  []string
				reasons []signature.Reason
			}{
				{"no header", nil, missing},
				{"empty header", []string{""}, missing},
				{"the right header twice", []string{good, good}, malformed},
				{"wrong then right", []string{"x", good}, malformed},
				{"right then wrong", []string{good, "x"}, malformed},
				{"truncated", []string{good[:len(good)-2]}, bad},
				{"one byte more", []string{good + "0"}, bad},
				{"CRLF after it", []string{good + "\r\n"}, bad},
				{"tab before it", []string{"\t" + good}, bad},
				{"quoted", []string{`"` + good + `"`}, bad},
				{"nothing but a prefix", []string{"v1="}, bad},
				{"not ASCII", []string{"é\x00\xff"}, bad},
				{"64 KB", []string{strings.Repeat("a", 64<<10)}, bad},
				{"64 KB of commas", []string{strings.Repeat(",", 64<<10)}, bad},
				{"64 KB of spaces", []string{strings.Repeat(" ", 64<<10)}, bad},
			}
			for _, c := range cases {
				r.Header[name] = c.values
				_, err := v.Verify(r)
				wantRefusal(t, c.what, err, c.reasons...)
				if err != nil && (strings.Contains(err.Error(), secretText) || strings.Contains(err.Error(), good)) {
					t.Errorf("%s: the error shows the secret or the signature: %v", c.what, err)
				}
			}
		})
	}
}

// TestInvariant7_VerifierPrintsNothing: a Verifier that is logged by mistake shows no secret.
func TestInvariant7_VerifierPrintsNothing(t *testing.T) {
	for scheme, s := range samples(t) {
		v := newVerifier(t, s.sig, newKey("k", s.secret(t)))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			if printed := fmt.Sprintf(verb, v); printed != "verifier("+scheme+")" {
				t.Errorf("%s: %s prints %d bytes", scheme, verb, len(printed))
			}
		}
	}
}

// TestOneSpelling: a signature is accepted in the vendor's own spelling of its bytes, and in no other.
func TestOneSpelling(t *testing.T) {
	for scheme, s := range headerSchemes(t) {
		facts, _ := signature.Describe(scheme)
		v, r, _ := signedBy(t, s)
		name, good := signatureHeader(t, scheme, r)
		digest := good[strings.LastIndexAny(strings.TrimRight(good, "="), "=,")+1:]
		var others []string
		switch facts.Encoding {
		case "hex":
			raw, err := hex.DecodeString(digest)
			if err != nil {
				t.Fatal(scheme, err)
			}
			others = []string{strings.ToUpper(digest), base64.StdEncoding.EncodeToString(raw)}
		case "base64":
			raw, err := base64.StdEncoding.DecodeString(digest)
			if err != nil {
				t.Fatal(scheme, err)
			}
			others = []string{
				base64.RawStdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw),
				hex.EncodeToString(raw), digest[:4] + "\r\n" + digest[4:],
			}
		case "text": // the secret itself
			continue
		}
		for _, other := range others {
			if other == digest { // no byte of it happens to differ
				continue
			}
			r.Header.Set(name, strings.Replace(good, digest, other, 1))
			_, err := v.Verify(r)
			wantRefusal(t, scheme+": "+facts.Encoding+" respelled", err, signature.ReasonMalformed)
		}
	}
}

// TestWindow: the signed time may lie the tolerance away from ours, on either side, and no second more.
func TestWindow(t *testing.T) {
	for scheme, s := range samples(t) {
		facts, _ := signature.Describe(scheme)
		if !facts.Timed {
			continue
		}
		tolerance := facts.Tolerance
		if tolerance == 0 { // the vendor names none: set one
			v, r, _ := signedBy(t, s)
			r.Now = now.Add(240 * time.Hour)
			if _, err := v.Verify(r); err != nil {
				t.Errorf("%s: ten days later, though its facts name no window: %v", scheme, err)
			}
			tolerance = 90 * time.Second
			s.sig.Tolerance = tolerance
		}
		v, r, _ := signedBy(t, s)
		for _, sign := range []time.Duration{-1, 1} {
			r.Now = now.Add(sign * tolerance)
			if _, err := v.Verify(r); err != nil {
				t.Errorf("%s: %s away: %v", scheme, sign*tolerance, err)
			}
			r.Now = now.Add(sign * (tolerance + time.Second))
			_, err := v.Verify(r)
			wantRefusal(t, scheme+": outside the window", err, signature.ReasonStale)
		}
	}
}

// TestTimestampText: a timestamp header that is no plain time is refused before anything is made of it.
func TestTimestampText(t *testing.T) {
	for scheme, s := range headerSchemes(t) {
		facts, _ := signature.Describe(scheme)
		v, r, _ := signedBy(t, s)
		name := ""
		for _, header := range facts.Headers {
			if strings.HasSuffix(strings.ToLower(header), "timestamp") && r.Header.Get(header) != "" {
				name = http.CanonicalHeaderKey(header)
			}
		}
		if name == "" {
			continue
		}
		good := r.Header.Get(name)
		for _, bad := range []string{
			"99999999999999999999999999", "9223372036854775808", "-1", "+1767225600", "1e9", "0x10", "1767225600 ", " 1767225600",
			"1767225600\r\n", "1767225600.0", "١٧٦٧٢٢٥٦٠٠", "now", good + "{", good + "," + good,
		} {
			r.Header.Set(name, bad)
			_, err := v.Verify(r)
			wantRefusal(t, scheme+": timestamp "+bad, err, signature.ReasonMalformed, signature.ReasonStale)
		}
		r.Header[name] = nil
		_, err := v.Verify(r)
		wantRefusal(t, scheme+": no timestamp", err, signature.ReasonMissing)
		r.Header[name] = []string{good, good}
		_, err = v.Verify(r)
		wantRefusal(t, scheme+": two timestamps", err, signature.ReasonMalformed)
	}
}

// TestManySignatures: a header cannot ask for unbounded work.
func TestManySignatures(t *testing.T) {
	for _, scheme := range []string{"stripe", "standard-webhooks", "pagerduty"} {
		s := samples(t)[scheme]
		v, r, _ := signedBy(t, s)
		name, good := signatureHeader(t, scheme, r)
		separator := ","
		if scheme == "standard-webhooks" {
			separator = " "
		}
		r.Header.Set(name, strings.Repeat("v1=00"+separator, 5)+good)
		if _, err := v.Verify(r); err != nil {
			t.Errorf("%s: the sixth signature is ours: %v", scheme, err)
		}
		r.Header.Set(name, strings.Repeat("v1=00"+separator, 100)+good)
		_, err := v.Verify(r)
		wantRefusal(t, scheme+": the 101st signature is ours", err, signature.ReasonMalformed)
	}
}

// TestNew: what cannot work is refused at the start, with an error that says what there is and shows no secret.
func TestNew(t *testing.T) {
	good := newKey("k1", "topsecret")
	for _, c := range []struct {
		what string
		sig  vendors.Signature
		keys []vendors.Key
		want []string
	}{
		{"unknown scheme", vendors.Signature{Scheme: "strype"}, nil, []string{`"strype"`, "stripe", "hmac"}},
		{"no scheme", vendors.Signature{}, []vendors.Key{good}, []string{"unknown"}},
		{"no secret", vendors.Signature{Scheme: "stripe"}, nil, []string{"at least one secret", "whsec_"}},
		{"empty secret", vendors.Signature{Scheme: "stripe"}, []vendors.Key{good, newKey("k2", "")}, []string{"k2", "empty"}},
		{"empty flutterwave hash", vendors.Signature{Scheme: "flutterwave-v3"}, []vendors.Key{newKey("k2", "")}, []string{"empty"}},
		{"unknown option", vendors.Signature{Scheme: "stripe", Template: "{body}"}, []vendors.Key{good}, []string{`"template"`, "tolerance"}},
		{"no time to tolerate", vendors.Signature{Scheme: "github", Tolerance: time.Minute}, []vendors.Key{good}, []string{`"tolerance"`, "none"}},
		{"negative tolerance", vendors.Signature{Scheme: "stripe", Tolerance: -1}, []vendors.Key{good}, []string{"negative"}},
		{"URL with a query", vendors.Signature{Scheme: "square", URL: "https://a.example/b?c=d"}, []vendors.Key{good}, []string{"query"}},
		{"URL without a host", vendors.Signature{Scheme: "square", URL: "/webhooks"}, []vendors.Key{good}, []string{"absolute"}},
		{"hex", vendors.Signature{Scheme: "adyen"}, []vendors.Key{good}, []string{"k1", "not hex"}},
		{"base64", vendors.Signature{Scheme: "standard-webhooks"}, []vendors.Key{newKey("k1", "whsec_!")}, []string{"not base64"}},
		{"empty base64", vendors.Signature{Scheme: "standard-webhooks"}, []vendors.Key{newKey("k1", "whsec_")}, []string{"empty"}},
		{"short public key", vendors.Signature{Scheme: "standard-webhooks"}, []vendors.Key{newKey("k1", "whpk_AAAA")}, []string{"length"}},
		{"ed25519", vendors.Signature{Scheme: "discord"}, []vendors.Key{newKey("k1", "aabb")}, []string{"32 bytes"}},
		{"wrong private key", vendors.Signature{Scheme: "discord"}, []vendors.Key{newKey("k1", ecdsaPEM(t))}, []string{"ed25519"}},
		{"wrong private key", vendors.Signature{Scheme: "sendgrid"}, []vendors.Key{newKey("k1", ed25519PEM(t))}, []string{"ECDSA"}},
		{"broken PEM", vendors.Signature{Scheme: "sendgrid"}, []vendors.Key{newKey("k1", "-----BEGIN X-----\nAAAA\n-----END X-----\n")}, []string{"PKCS #8"}},
		{"ecdsa", vendors.Signature{Scheme: "sendgrid"}, []vendors.Key{newKey("k1", "AAAA")}, []string{"ECDSA public key"}},
		{"no certificates", vendors.Signature{Scheme: "paypal"}, []vendors.Key{good}, []string{"certificates"}},
		{"handshake secret", vendors.Signature{Scheme: "stripe"}, []vendors.Key{good, {Secret: good.Secret, Use: vendors.UseHandshake}}, []string{"handshake"}},
		{"unknown use", vendors.Signature{Scheme: "meta"}, []vendors.Key{{ID: "k1", Secret: good.Secret, Use: "x"}}, []string{"k1", "handshake"}},
		{"standard header", vendors.Signature{Scheme: "standard-webhooks", Header: "X-Foo"}, []vendors.Key{newKey("k", "whsec_AAAA")}, []string{"-signature"}},
		{"all that is wrong", vendors.Signature{Scheme: "adyen"}, []vendors.Key{newKey("k1", "x"), newKey("k2", "")}, []string{"k1", "k2"}},
	} {
		v, err := signature.New(c.sig, c.keys, nil)
		if err == nil || v != nil {
			t.Errorf("%s: accepted", c.what)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.what, err, want)
			}
		}
		if strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %q shows the secret", c.what, err)
		}
	}
}

// TestDiscordStatus: Discord probes an endpoint with wrong signatures and takes it off unless it answers 401.
func TestDiscordStatus(t *testing.T) {
	v, r, _ := signedBy(t, samples(t)["discord"])
	r.Header.Set("X-Signature-Timestamp", "1")
	_, err := v.Verify(r)
	var refusal *signature.Error
	if !errors.As(err, &refusal) || refusal.Status != http.StatusUnauthorized {
		t.Errorf("Verify = %v, want status 401", err)
	}
}
