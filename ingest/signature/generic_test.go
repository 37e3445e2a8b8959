package signature_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// TestGeneric: deliveries signed here by hand, as a vendor of the user's own would, are accepted by configuration.
func TestGeneric(t *testing.T) {
	const body, key = `{"a":"é"}` + "\r\n", "key"
	sum := func(text string) []byte {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	sha1Of := hmac.New(sha1.New, []byte(key))
	sha1Of.Write([]byte(body))
	sha512Of := hmac.New(sha512.New, []byte(key))
	sha512Of.Write([]byte(body))
	b64 := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		sig    vendors.Signature
		secret string
		header map[string]string
	}{
		"body in hex": {vendors.Signature{Header: "x-sig"}, key, map[string]string{"X-Sig": hex.EncodeToString(sum(body))}},
		"sha1 and prefix": {
			vendors.Signature{Header: "x-sig", Algorithm: "sha1", Prefix: "sha1:"}, key,
			map[string]string{"X-Sig": "sha1:" + hex.EncodeToString(sha1Of.Sum(nil))},
		},
		"sha512, upper case": {
			vendors.Signature{Header: "x-sig", Algorithm: "sha512", Encoding: "hex-upper"}, key,
			map[string]string{"X-Sig": strings.ToUpper(hex.EncodeToString(sha512Of.Sum(nil)))},
		},
		"base64url and base64 secret (as Teams: Authorization: HMAC …)": {
			vendors.Signature{Header: "Authorization", Prefix: "HMAC ", Encoding: "base64", SecretAs: "base64"}, b64([]byte(key)),
			map[string]string{"Authorization": "HMAC " + b64(sum(body))},
		},
		"hex secret": {
			vendors.Signature{Header: "x-sig", SecretAs: "hex"}, hex.EncodeToString([]byte(key)),
			map[string]string{"X-Sig": hex.EncodeToString(sum(body))},
		},
		"timestamp header in milliseconds": {
			vendors.Signature{Header: "x-sig", Timestamp: "x-time", Template: "{timestamp}.{body}"}, key,
			map[string]string{"X-Time": "1767225600123", "X-Sig": hex.EncodeToString(sum("1767225600123." + body))},
		},
		"timestamp as RFC 3339": {
			vendors.Signature{Header: "x-sig", Timestamp: "x-time", Template: "{timestamp}{body}"}, key,
			map[string]string{"X-Time": "2026-01-01T00:00:00Z", "X-Sig": hex.EncodeToString(sum("2026-01-01T00:00:00Z" + body))},
		},
		"timestamp in the signature header, two signatures": {
			vendors.Signature{Header: "x-sig", Timestamp: "t=", Prefix: "s=", Template: "{timestamp}.{body}"}, key,
			map[string]string{"X-Sig": "t=1767225600,s=00,s=" + hex.EncodeToString(sum("1767225600."+body))},
		},
		"method, URL and another header": {
			vendors.Signature{Header: "x-sig", Template: "{method}|{url}|{header:x-id}|{body}", URL: "https://pub.example/in"}, key,
			map[string]string{"X-Id": "7", "X-Sig": hex.EncodeToString(sum("POST|https://pub.example/in?q=1|7|" + body))},
		},
	} {
		c.sig.Scheme = "hmac"
		v := newVerifier(t, c.sig, newKey("k", c.secret))
		r := &signature.Request{Method: "POST", URL: "http://10.0.0.1/webhooks/v?q=1", Header: http.Header{}, Body: []byte(body), Now: now}
		for header, value := range c.header {
			r.Header.Set(header, value)
		}
		if _, err := v.Verify(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for header, value := range c.header {
			r.Header.Set(header, value[:len(value)-1]+"!")
			_, err := v.Verify(r)
			wantRefusal(t, name+": "+header+" changed", err)
			delete(r.Header, header)
			_, err = v.Verify(r)
			wantRefusal(t, name+": no "+header, err, signature.ReasonMissing)
			r.Header.Set(header, value)
		}
		r.Header = http.Header{}
		if err := v.Sign(r, "id_1"); err != nil {
			t.Errorf("%s: Sign: %v", name, err)
		} else if _, err := v.Verify(r); err != nil {
			t.Errorf("%s: signed by us: %v", name, err)
		}
	}
}

func TestGenericConfiguration(t *testing.T) {
	for _, c := range []struct {
		sig  vendors.Signature
		want string
	}{
		{vendors.Signature{}, "header"},
		{vendors.Signature{Header: "s", Algorithm: "md4"}, "sha256, sha384, sha512"},
		{vendors.Signature{Header: "s", Encoding: "base32"}, "base64url"},
		{vendors.Signature{Header: "s", SecretAs: "rot13"}, "text, hex, base64"},
		{vendors.Signature{Header: "s", Template: "{id}.{body}"}, "{header:NAME}"},
		{vendors.Signature{Header: "s", Template: "{boddy}"}, "{boddy}"},
		{vendors.Signature{Header: "s", Template: "{header:}"}, "{header:}"},
		{vendors.Signature{Header: "s", Template: "{body"}, "without }"},
		{vendors.Signature{Header: "s", Template: "body"}, "signs nothing"},
		{vendors.Signature{Header: "s", Template: "{timestamp}{body}"}, "timestamp"},
		{vendors.Signature{Header: "s", Timestamp: "x-time"}, "does not sign"},
		{vendors.Signature{Header: "s", Tolerance: time.Minute}, "does not sign"},
	} {
		c.sig.Scheme = "hmac"
		_, err := signature.New(c.sig, []vendors.Key{newKey("k", "key")}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want an error that says %q", c.sig, err, c.want)
		}
	}
}

// TestPublicURL: behind a proxy the configured URL stands in for the request's, and the query is the request's.
func TestPublicURL(t *testing.T) {
	for _, scheme := range []string{"square", "hubspot", "twilio"} {
		s := samples(t)[scheme]
		secretText := s.secret(t)
		outside := newVerifier(t, s.sig, newKey("k", secretText))
		r := s.request()
		r.URL = "https://public.example/hook?a=1&b=%20"
		if err := outside.Sign(r, "evt_1"); err != nil {
			t.Fatal(err)
		}
		_, query, _ := strings.Cut(r.URL, "?")
		r.URL = "http://127.0.0.1:8080/webhooks/v?" + query
		_, err := outside.Verify(r)
		wantRefusal(t, scheme+": another URL", err, signature.ReasonMismatch)
		s.sig.URL = "https://public.example/hook"
		if _, err := newVerifier(t, s.sig, newKey("k", secretText)).Verify(r); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

// TestWithoutBody: a template that leaves the body out proves little, and the result says so.
func TestWithoutBody(t *testing.T) {
	sig := vendors.Signature{Scheme: "hmac", Header: "x-sig", Timestamp: "x-time", Template: "{timestamp}"}
	v := newVerifier(t, sig, newKey("k", "key"))
	r := &signature.Request{Method: "POST", Body: []byte("{}"), Now: now}
	if err := v.Sign(r, ""); err != nil {
		t.Fatal(err)
	}
	if result, err := v.Verify(r); err != nil || result.Proof != schemas.ProofWeak {
		t.Errorf("Verify = %+v, %v; want proof %s", result, err, schemas.ProofWeak)
	}
}

// TestRebranded: Standard Webhooks under a vendor's own header names.
func TestRebranded(t *testing.T) {
	sig := vendors.Signature{Scheme: "standard-webhooks", Header: "Acme-Signature"}
	v := newVerifier(t, sig, newKey("k", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	r := &signature.Request{Method: "POST", Body: []byte("{}"), Now: now}
	if err := v.Sign(r, "msg_1"); err != nil {
		t.Fatal(err)
	}
	if r.Header.Get("acme-id") != "msg_1" || r.Header.Get("acme-timestamp") == "" || r.Header.Get("webhook-id") != "" {
		t.Errorf("headers %v", r.Header)
	}
	if _, err := v.Verify(r); err != nil {
		t.Error(err)
	}
}
