package signature_test

import (
	"bytes"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// hot are the schemes whose cost is watched: most deliveries are signed so.
var hot = map[string]string{
	"hub":               "a secret",
	"stripe":            "whsec_a secret",
	"standard-webhooks": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"shopify":           "a secret",
}

// allocations is the budget of one Verify, by scheme; one where none is named: the decoded signature. The rest is
// what the schemes' own parsing (JSON, forms) and the standard library's public-key code allocate.
var allocations = map[string]float64{
	"adyen": 11, "basic": 2, "braintree": 2, "discord": 3, "ecdsa": 14, "ed25519": 2, "http-signature": 80, "jws": 90, "linear": 2, "mailgun": 3, "rsa": 13, "sendgrid": 14, "telnyx": 2, "twilio": 4,
}

// signed returns a verifier and a delivery of 1 KB that it accepts.
func signed(t testing.TB, scheme, key string) (signature.Verifier, *signature.Request) {
	t.Helper()
	v, err := signature.New(vendors.Signature{Scheme: scheme}, []vendors.Key{{ID: "k1", Secret: secret.New([]byte(key))}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &signature.Request{
		Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/v", Header: http.Header{},
		Body: bytes.Repeat([]byte("0123456789abcdef"), 64), Now: time.Unix(1767225600, 0),
	}
	if err := v.Sign(r, "evt_1"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(r); err != nil {
		t.Fatal(err)
	}
	return v, r
}

// TestAllocations holds the budget of the hot path: every delivery passes here.
func TestAllocations(t *testing.T) {
	if testkit.Race {
		t.Skip("SKIPPED: under the race detector pools drop what they hold; 'make test' runs this once more without it")
	}
	for name, s := range samples(t) {
		v, r := newVerifier(t, s.sig, newKey("ours", s.secret(t))), s.request()
		if err := v.Sign(r, "evt_1"); err != nil {
			t.Fatal(name, err)
		}
		budget := max(allocations[name], 1)
		got := testing.AllocsPerRun(1000, func() {
			if _, err := v.Verify(r); err != nil {
				t.Fatal(name, err)
			}
		})
		if got > budget {
			t.Errorf("%s: %.0f allocations per Verify, budget %.0f", name, got, budget)
		}
	}
}

// TestConcurrent shares one Verifier among goroutines, each with deliveries of its own (run with -race).
func TestConcurrent(t *testing.T) {
	for scheme, key := range hot {
		v, first := signed(t, scheme, key)
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				r := &signature.Request{Method: "POST", Body: bytes.Repeat([]byte{byte(worker)}, 100*worker+1), Now: first.Now}
				if err := v.Sign(r, "evt"); err != nil {
					t.Error(err)
				}
				for range 200 {
					if _, err := v.Verify(r); err != nil {
						t.Errorf("%s: %v", scheme, err)
					}
					r.Body[0] ^= 1
					if _, err := v.Verify(r); err == nil {
						t.Errorf("%s: accepted a changed body", scheme)
					}
					r.Body[0] ^= 1
				}
			})
		}
		group.Wait()
	}
}

// BenchmarkVerify measures one scheme of each family: MACs of the body alone, with a timestamp, with an ID; of fields
// of JSON and of a form; public keys.
func BenchmarkVerify(b *testing.B) {
	all := samples(b)
	for _, name := range []string{"hub", "stripe", "standard-webhooks", "shopify", "adyen", "twilio", "telnyx", "sendgrid"} {
		s := all[name]
		v, r := newVerifier(b, s.sig, newKey("ours", s.secret(b))), s.request()
		if name != "adyen" && name != "twilio" {
			r.Body = bytes.Repeat([]byte("0123456789abcdef"), 64)
		}
		if err := v.Sign(r, "evt_1"); err != nil {
			b.Fatal(name, err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(r.Body)))
			for b.Loop() {
				if _, err := v.Verify(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefuse is the cost of a forged delivery: no more than a genuine one's, or a flood would pay off.
func BenchmarkRefuse(b *testing.B) {
	for scheme, key := range hot {
		v, r := signed(b, scheme, key)
		r.Body[0] ^= 1
		b.Run(scheme, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(r); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
