package signature_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// The test keys of RFC 9421, appendix B.1.
const (
	rfcSecret  = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
	rfcEd25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n"
)

func rfcRequest(input, signed string) *signature.Request {
	return &signature.Request{
		Method: http.MethodPost, URL: "https://example.com/foo?param=Value&Pet=dog", Now: time.Unix(1618884473, 0), Body: []byte(`{"hello": "world"}`),
		Header: http.Header{
			"Date": {"Tue, 20 Apr 2021 02:07:55 GMT"}, "Content-Type": {"application/json"},
			"Content-Digest":  {"sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"},
			"Signature-Input": {input}, "Signature": {signed},
		},
	}
}

// TestHTTPSignatureVectors: the examples of RFC 9421, appendix B.2, which leave the body out.
func TestHTTPSignatureVectors(t *testing.T) {
	for what, c := range map[string]struct {
		sig              vendors.Signature
		key              string
		input, signature string
	}{
		"B.2.5, hmac-sha256": {
			vendors.Signature{SecretAs: "base64"}, rfcSecret,
			`sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"`,
			`sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:`,
		},
		"B.2.6, ed25519": {
			vendors.Signature{Algorithm: "ed25519"}, rfcEd25519,
			`sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`,
			`sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:`,
		},
	} {
		c.sig.Scheme, c.sig.Binds = "http-signature", "none"
		v := newVerifier(t, c.sig, newKey("k", c.key))
		r := rfcRequest(c.input, c.signature)
		if result, err := v.Verify(r); err != nil || result.Proof != schemas.ProofWeak {
			t.Errorf("%s: %+v, %v", what, result, err)
		}
		r.Header.Set("Content-Type", "text/plain")
		_, err := v.Verify(r)
		wantRefusal(t, what+": a covered header changed", err, signature.ReasonMismatch)
		c.sig.Binds = ""
		_, err = newVerifier(t, c.sig, newKey("k", c.key)).Verify(rfcRequest(c.input, c.signature))
		wantRefusal(t, what+": the body is not covered", err, signature.ReasonMalformed)
		stale := rfcRequest(c.input, c.signature)
		stale.Now = stale.Now.Add(6 * time.Minute)
		_, err = v.Verify(stale)
		wantRefusal(t, what+": later", err, signature.ReasonStale)
	}
}

// TestHTTPSignature: what we sign ourselves with each algorithm is taken, and not once anything that it covers has changed.
func TestHTTPSignature(t *testing.T) {
	for algorithm, key := range map[string]string{
		"hmac-sha256": randomText(32), "rsa-pss-sha512": rsaPEM(t), "rsa-v1_5-sha256": rsaPEM(t), "ecdsa-p256-sha256": ecdsaPEM(t), "ed25519": ed25519PEM(t),
	} {
		v := newVerifier(t, vendors.Signature{Scheme: "http-signature", Algorithm: algorithm}, newKey("k", key))
		sign := func() *signature.Request {
			r := &signature.Request{Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/v?a=1", Now: now, Body: []byte(`{"a":1}`), Header: http.Header{}}
			if err := v.Sign(r, ""); err != nil {
				t.Fatal(algorithm, err)
			}
			return r
		}
		if result, err := v.Verify(sign()); err != nil || result.Proof != schemas.ProofBody {
			t.Errorf("%s: %+v, %v", algorithm, result, err)
		}
		for what, change := range map[string]func(r *signature.Request){
			"method":    func(r *signature.Request) { r.Method = http.MethodPut },
			"query":     func(r *signature.Request) { r.URL += "2" },
			"body":      func(r *signature.Request) { r.Body = []byte(`{"a":2}`) },
			"digest":    func(r *signature.Request) { r.Header.Set("Content-Digest", "sha-256=:AAAA:") },
			"no digest": func(r *signature.Request) { r.Header.Set("Content-Digest", "md5=:AAAA:") },
			"two digests": func(r *signature.Request) {
				r.Header.Set("Content-Digest", r.Header.Get("Content-Digest")+", sha-512=:AAAA:")
			},
			"created":      func(r *signature.Request) { replaceIn(r, "Signature-Input", "1767225600", "1767225601") },
			"no created":   func(r *signature.Request) { replaceIn(r, "Signature-Input", ";created=1767225600", "") },
			"expired":      func(r *signature.Request) { replaceIn(r, "Signature-Input", ";alg", ";expires=1;alg") },
			"another alg":  func(r *signature.Request) { replaceIn(r, "Signature-Input", algorithm, "none") },
			"less covered": func(r *signature.Request) { replaceIn(r, "Signature-Input", `"@method" `, "") },
			"twice":        func(r *signature.Request) { replaceIn(r, "Signature-Input", `"@method"`, `"@method" "@method"`) },
			"parameters":   func(r *signature.Request) { replaceIn(r, "Signature-Input", `"@method"`, `"@method";req`) },
			"unknown":      func(r *signature.Request) { replaceIn(r, "Signature-Input", `"@method"`, `"@status"`) },
			"another name": func(r *signature.Request) { replaceIn(r, "Signature", "sig1", "sig2") },
			"no list":      func(r *signature.Request) { r.Header.Set("Signature-Input", "sig1=1") },
			"nonsense":     func(r *signature.Request) { r.Header.Set("Signature-Input", `sig1=("`) },
			"many": func(r *signature.Request) {
				r.Header.Set("Signature-Input", "a=(), b=(), c=(), d=(), "+r.Header.Get("Signature-Input"))
			},
		} {
			r := sign()
			change(r)
			_, err := v.Verify(r)
			wantRefusal(t, algorithm+": "+what, err)
		}
		for _, header := range []string{"Signature", "Signature-Input", "Content-Digest"} {
			r := sign()
			r.Header.Del(header)
			_, err := v.Verify(r)
			wantRefusal(t, algorithm+": no "+header, err, signature.ReasonMissing)
		}
	}
	for what, c := range map[string][2]string{
		"a public key for HMAC": {"hmac-sha256", rfcEd25519}, "another kind of key": {"rsa-pss-sha512", rfcEd25519},
		"no algorithm of the RFC": {"none", "x"}, "a small key": {"rsa-v1_5-sha256", smallRSA(t, 1024)},
	} {
		if _, err := signature.New(vendors.Signature{Scheme: "http-signature", Algorithm: c[0]}, []vendors.Key{newKey("k", c[1])}, nil); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if _, err := base64.StdEncoding.DecodeString(rfcSecret); err != nil {
		t.Fatal(err)
	}
}

func replaceIn(r *signature.Request, header, from, to string) {
	r.Header.Set(header, strings.Replace(r.Header.Get(header), from, to, 1))
}
