package signature_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

var now = time.Unix(1767225600, 0)

const adyenBody = `{"live":"false","notificationItems":[` +
	`{"NotificationRequestItem":{"pspReference":"p1","merchantAccountCode":"m","merchantReference":"r1","amount":{"value":100,"currency":"EUR"},"eventCode":"CAPTURE","success":"true"}},` +
	`{"NotificationRequestItem":{"additionalData":{"x":"y"},"pspReference":"p2","merchantAccountCode":"m","merchantReference":"r2","amount":{"value":200,"currency":"EUR"},"eventCode":"REFUND","success":"true"}}]}`

// sample is how a scheme is exercised: with a secret that can sign, and a body that fits.
type sample struct {
	sig     vendors.Signature
	secret  func(t testing.TB) string
	body    string
	covered string // a part of the body that the signature covers; empty: none is
}

func samples(t testing.TB) map[string]sample {
	all := map[string]sample{}
	for _, name := range signature.Names() {
		all[name] = sample{
			sig:    vendors.Signature{Scheme: name},
			secret: func(testing.TB) string { return randomText(24) },
			body:   `{"id":"evt_1","type":2,"amount":1999}`, covered: "1999",
		}
	}
	set := func(name string, change func(*sample)) {
		s, ok := all[name]
		if !ok {
			t.Fatalf("no scheme %q", name)
		}
		change(&s)
		all[name] = s
	}
	for _, name := range []string{"hmac", "hash", "rsa", "ecdsa", "ed25519"} {
		set(name, func(s *sample) { s.sig.Header = "X-Signature" })
	}
	set("rsa", func(s *sample) { s.secret = rsaPEM })
	set("ecdsa", func(s *sample) { s.secret = ecdsaPEM })
	set("ed25519", func(s *sample) { s.secret = ed25519PEM })
	set("braintree", func(s *sample) {
		s.secret = func(testing.TB) string { return "public|" + randomText(24) }
		s.body, s.covered = "bt_payload=MTk5OQ&amount=1999", "MTk5"
	})
	set("jws", func(s *sample) { s.secret, s.covered = ecdsaPEM, "" })
	set("basic", func(s *sample) { s.secret = func(testing.TB) string { return "user:" + randomText(24) } })
	set("standard-webhooks", func(s *sample) {
		s.secret = func(testing.TB) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(randomText(24))) }
	})
	for _, name := range []string{"adyen", "adyen-platform"} {
		set(name, func(s *sample) { s.secret = func(testing.TB) string { return randomHex(32) } })
	}
	set("adyen", func(s *sample) { s.body, s.covered = adyenBody, "200" })
	for _, name := range []string{"discord", "telnyx"} {
		set(name, func(s *sample) { s.secret = ed25519PEM })
	}
	set("sendgrid", func(s *sample) { s.secret = ecdsaPEM })
	for _, name := range []string{"mailgun", "flutterwave-v3", "token", "basic", "bearer"} {
		set(name, func(s *sample) { s.covered = "" })
	}
	delete(all, "paypal") // PayPal alone can sign: see TestPaypal
	delete(all, "sns")    // and Amazon: see TestSNS
	return all
}

func randomText(n int) string { return randomHex(n)[:n] }

// randomHex returns n random bytes in hex.
func randomHex(n int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}

func ed25519PEM(t testing.TB) string {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return privatePEM(t, private, err)
}

func ecdsaPEM(t testing.TB) string {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return privatePEM(t, private, err)
}

// rsaPEM returns one of few keys, never the same twice in a row: they take long to make.
func rsaPEM(t testing.TB) string {
	keys := rsaKeys()
	return privatePEM(t, keys[int(rsaTurn.Add(1))%len(keys)], nil)
}

var (
	rsaTurn atomic.Int64
	rsaKeys = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
		for i := range keys {
			keys[i], _ = rsa.GenerateKey(rand.Reader, 2048)
		}
		return keys
	})
)

func privatePEM(t testing.TB, private any, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (s sample) request() *signature.Request {
	return &signature.Request{
		Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/v?a=1", Now: now, Body: []byte(s.body),
		Header: http.Header{"Content-Type": {"application/json"}},
	}
}

func newKey(id, text string) vendors.Key {
	return vendors.Key{ID: id, Secret: secret.New([]byte(text))}
}

func newVerifier(t testing.TB, sig vendors.Signature, keys ...vendors.Key) signature.Verifier {
	t.Helper()
	v, err := signature.New(sig, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantRefusal fails the test unless err is an *Error for one of reasons.
func wantRefusal(t *testing.T, what string, err error, reasons ...signature.Reason) {
	t.Helper()
	var refusal *signature.Error
	switch {
	case err == nil:
		t.Errorf("%s: accepted", what)
	case !errors.As(err, &refusal):
		t.Errorf("%s: %v is no *Error", what, err)
	case len(reasons) > 0 && !slices.Contains(reasons, refusal.Reason):
		t.Errorf("%s: refused for %s (%s), want %v", what, refusal.Reason, refusal.Detail, reasons)
	}
}

// TestRoundTrip: what a scheme signs it accepts, by the right key alone, and not when what it covers has changed.
func TestRoundTrip(t *testing.T) {
	for name, s := range samples(t) {
		t.Run(name, func(t *testing.T) {
			facts, _ := signature.Describe(name)
			ours, other := newKey("ours", s.secret(t)), newKey("other", s.secret(t))
			r := s.request()
			if err := newVerifier(t, s.sig, ours).Sign(r, "evt_1"); err != nil {
				t.Fatal(err)
			}
			before := *r
			before.Header, before.Body = r.Header.Clone(), bytes.Clone(r.Body)
			result, err := newVerifier(t, s.sig, other, ours).Verify(r)
			proof := facts.Proof
			if name == "twilio" {
				proof = schemas.ProofBody // the sample is no form
			}
			if err != nil || result.KeyID != "ours" || result.Proof != proof || result.Challenge != nil {
				t.Fatalf("Verify = %+v, %v; want key ours, proof %s, no challenge", result, err, proof)
			}
			if !reflect.DeepEqual(*r, before) {
				t.Error("Verify changed the request")
			}
			_, err = newVerifier(t, s.sig, other).Verify(r)
			wantRefusal(t, "another secret", err, signature.ReasonMismatch)

			if covered := s.covered != ""; covered == (facts.Proof == schemas.ProofWeak) {
				t.Errorf("facts say proof %s, the sample says covered = %v", facts.Proof, covered)
			}
			changed := bytes.Replace(r.Body, []byte(s.covered), []byte("9999")[:len(s.covered)], 1)
			if s.covered == "" {
				changed = bytes.Replace(r.Body, []byte("1999"), []byte("9999"), 1)
			}
			if bytes.Equal(changed, r.Body) {
				t.Fatal("the sample's body was not changed")
			}
			r.Body = changed
			if _, err = newVerifier(t, s.sig, ours).Verify(r); s.covered == "" && err != nil {
				t.Errorf("the facts say that the body is not covered, but: %v", err)
			} else if s.covered != "" {
				wantRefusal(t, "covered bytes changed", err, signature.ReasonMismatch)
			}
		})
	}
}

// TestEveryByteCovered: of a scheme that proves the body, no byte can be changed.
func TestEveryByteCovered(t *testing.T) {
	for name, s := range samples(t) {
		if facts, _ := signature.Describe(name); facts.Proof != schemas.ProofBody {
			continue
		}
		v := newVerifier(t, s.sig, newKey("ours", s.secret(t)))
		r := s.request()
		if err := v.Sign(r, "evt_1"); err != nil {
			t.Fatal(name, err)
		}
		for i := range r.Body {
			r.Body[i] ^= 1
			if _, err := v.Verify(r); err == nil {
				t.Errorf("%s: accepted with byte %d of the body changed", name, i)
			}
			r.Body[i] ^= 1
		}
		if _, err := v.Verify(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyExpiry(t *testing.T) {
	for name, s := range samples(t) {
		ours := newKey("", s.secret(t))
		r := s.request()
		if err := newVerifier(t, s.sig, ours).Sign(r, "evt_1"); err != nil {
			t.Fatal(name, err)
		}
		ours.Until = now
		result, err := newVerifier(t, s.sig, ours).Verify(r)
		if err != nil || result.KeyID != ours.Secret.ID() {
			t.Errorf("%s: at its last moment: %+v, %v; want the secret's own ID", name, result, err)
		}
		ours.Until = now.Add(-time.Second)
		expired := newVerifier(t, s.sig, ours)
		_, err = expired.Verify(r)
		wantRefusal(t, name+": expired", err, signature.ReasonNoKey)
		if forged := newKey("", s.secret(t)); s.covered != "" {
			r := s.request()
			if err := newVerifier(t, s.sig, forged).Sign(r, "evt_1"); err != nil {
				t.Fatal(name, err)
			}
			_, err = expired.Verify(r)
			wantRefusal(t, name+": a stranger's, while ours has expired", err, signature.ReasonMismatch)
		}
		if err := expired.Sign(r, "evt_1"); err == nil {
			t.Errorf("%s: signed with an expired secret", name)
		}
	}
}

// TestPublicKeyCannotSign: where the vendor signs with a private key, its public key only checks, and Sign says so.
func TestPublicKeyCannotSign(t *testing.T) {
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	spki, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for scheme, key := range map[string]string{
		"discord":           hex.EncodeToString(public),
		"telnyx":            base64.StdEncoding.EncodeToString(public),
		"standard-webhooks": "whpk_" + base64.StdEncoding.EncodeToString(public),
		"sendgrid":          base64.StdEncoding.EncodeToString(spki),
	} {
		v := newVerifier(t, vendors.Signature{Scheme: scheme}, newKey("k", key))
		err := v.Sign(&signature.Request{Method: "POST", Now: now, Body: []byte("{}")}, "evt_1")
		if err == nil || !strings.Contains(err.Error(), "public key") {
			t.Errorf("%s: Sign = %v, want an error that names the public key", scheme, err)
		}
	}
}

// TestStandardPrivateKey: a whsk_ secret signs v1a, and the whpk_ of the same pair accepts it.
func TestStandardPrivateKey(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	sig := vendors.Signature{Scheme: "standard-webhooks"}
	r := &signature.Request{Method: "POST", Now: now, Body: []byte("{}")}
	if err := newVerifier(t, sig, newKey("k", "whsk_"+base64.StdEncoding.EncodeToString(private))).Sign(r, "msg_1"); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(r.Header.Get("webhook-signature"), "v1a,") {
		t.Error("not labelled v1a")
	}
	if _, err := newVerifier(t, sig, newKey("k", "whpk_"+base64.StdEncoding.EncodeToString(public))).Verify(r); err != nil {
		t.Error(err)
	}
}
