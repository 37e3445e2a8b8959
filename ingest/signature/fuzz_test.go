package signature

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// fuzzKeys are secrets of every form; a fuzzer does not know them.
func fuzzKeys(scheme string) []vendors.Key {
	text := "8f742231b10e8888abcd99yyyzzz85a5"
	switch scheme {
	case "adyen", "adyen-platform":
		text = strings.Repeat("5a", 32)
	case "standard-webhooks":
		text = "whsec_" + base64.StdEncoding.EncodeToString([]byte(text))
	case "discord":
		text = strings.Repeat("66", 31) + "58" // not the point whose private key is known
	case "telnyx":
		text = base64.StdEncoding.EncodeToString(append(bytes.Repeat([]byte{0x66}, 31), 0x58))
	case "braintree":
		text = "public|" + text
	case "basic":
		text = "user:" + text
	case "ed25519":
		text = strings.Repeat("66", 31) + "58"
	case "rsa":
		private, err := rsa.GenerateKey(rand.Reader, minRSABits)
		if err != nil {
			panic(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
		if err != nil {
			panic(err)
		}
		text = base64.StdEncoding.EncodeToString(der)
	case "sendgrid", "ecdsa", "jws":
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
		if err != nil {
			panic(err)
		}
		text = base64.StdEncoding.EncodeToString(der)
	}
	keys := []vendors.Key{{ID: "k", Secret: secret.New([]byte(text))}}
	if scheme == "meta" {
		keys = append(keys, vendors.Key{ID: "h", Secret: secret.New([]byte(text)), Use: vendors.UseHandshake})
	}
	return keys
}

// FuzzVerify: no delivery that was not signed is accepted, by any scheme, nor makes one panic; every refusal is an
// *Error that shows nothing of the signature header.
func FuzzVerify(f *testing.F) {
	verifiers, headers := map[string]Verifier{}, map[string][]string{}
	names := slices.DeleteFunc(Names(), func(name string) bool { return name == "paypal" || name == "sns" })
	for _, name := range names {
		sig := vendors.Signature{Scheme: name}
		switch name {
		case "hash", "rsa", "ecdsa", "ed25519":
			sig.Header = "X-Signature"
		case "hmac":
			sig.Header, sig.Timestamp, sig.Template, sig.Prefix = "X-Signature", "t=", "{timestamp}.{body}", "v1="
		}
		v, err := New(sig, fuzzKeys(name), nil)
		if err != nil {
			f.Fatal(name, err)
		}
		facts, _ := Describe(name)
		verifiers[name], headers[name] = v, append(facts.Headers, "X-Signature")
	}
	for i := range names {
		f.Add(uint8(i), "t=1767225600,v1="+strings.Repeat("0a", 32), "1767225600", "POST", "https://h.example/v?bodySHA256=00", []byte(`{"type":1,"signature":{"timestamp":"1767225600"}}`))
		f.Add(uint8(i), "v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32))+" v1a,AAAA", "2026-01-01T00:00:00Z", "GET", "https://h.example:8443/v?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x", []byte("a=1&b=%zz"))
		f.Add(uint8(i), "sha256="+strings.Repeat("0", 64), "1767225600000", "POST", "::", []byte(`{"notificationItems":[{"NotificationRequestItem":{"amount":{"value":1},"additionalData":{"hmacSignature":"AAAA"}}}],"webhookTimestamp":1767225600000}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, signature, timestamp, method, at string, body []byte) {
		name := names[int(which)%len(names)]
		r := &Request{Method: method, URL: at, Header: http.Header{}, Body: body, Now: time.Unix(1767225600, 0)}
		for i, header := range headers[name] {
			value := signature
			if i > 0 && strings.Contains(strings.ToLower(header), "timestamp") {
				value = timestamp
			}
			r.Header.Set(header, value)
		}
		if timestamp == "form" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		result, err := verifiers[name].Verify(r)
		var refusal *Error
		switch {
		case err == nil:
			t.Fatalf("%s accepts a delivery that nobody signed: %+v", name, result)
		case !errors.As(err, &refusal) || refusal.Reason == "" || refusal.Detail == "":
			t.Fatalf("%s: %v is no *Error", name, err)
		case len(signature) > 12 && strings.Contains(err.Error(), signature):
			t.Fatalf("%s shows the signature", name)
		}
	})
}

// FuzzSign: whatever the body and the ID, what is signed is accepted, and is not once a covered byte has changed.
func FuzzSign(f *testing.F) {
	names := []string{"hub", "stripe", "standard-webhooks", "slack", "square", "hubspot", "hubspot-v1", "zendesk", "twilio", "adyen-platform"}
	for i := range names {
		f.Add(uint8(i), "evt_1", "https://h.example/v?a=%3A&b=%", []byte("{\"a\":1}\r\n"), uint16(3))
	}
	verifiers := map[string]Verifier{}
	for _, name := range names {
		v, err := New(vendors.Signature{Scheme: name}, fuzzKeys(name), nil)
		if err != nil {
			f.Fatal(err)
		}
		verifiers[name] = v
	}
	f.Fuzz(func(t *testing.T, which uint8, id, at string, body []byte, flip uint16) {
		name := names[int(which)%len(names)]
		r := &Request{Method: "POST", URL: at, Body: body, Now: time.Unix(1767225600, 0)}
		if err := verifiers[name].Sign(r, id); err != nil {
			return // Twilio: a query that cannot be read; Standard Webhooks: no ID
		}
		if _, err := verifiers[name].Verify(r); err != nil {
			t.Fatalf("%s refuses its own signature: %v", name, err)
		}
		if len(r.Body) == 0 {
			return
		}
		r.Body = bytes.Clone(r.Body)
		r.Body[int(flip)%len(r.Body)] ^= 0x20
		if _, err := verifiers[name].Verify(r); err == nil {
			t.Fatalf("%s accepts a changed body", name)
		}
	})
}
