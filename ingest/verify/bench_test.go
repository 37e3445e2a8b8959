package verify_test

import (
	"bytes"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/verify"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// hot are the schemes whose cost is watched.
var hot = map[string]string{
	"hub":               "a secret",
	"stripe":            "whsec_a secret",
	"standard-webhooks": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"shopify":           "a secret",
}

// signed returns a verifier and a delivery of 1 KB that it accepts.
func signed(t testing.TB, scheme, key string) (verify.Verifier, *verify.Request) {
	t.Helper()
	v, err := verify.New(vendors.Signature{Scheme: scheme}, []vendors.Key{{ID: "k1", Secret: secret.New([]byte(key))}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &verify.Request{
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
	if raceEnabled {
		t.Skip("SKIPPED: under the race detector pools drop what they hold, so that counts mean nothing")
	}
	const budget = 3
	for scheme, key := range hot {
		v, r := signed(t, scheme, key)
		got := testing.AllocsPerRun(1000, func() {
			if _, err := v.Verify(r); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %.0f allocations", scheme, got)
		if got > budget {
			t.Errorf("%s: %.0f allocations per Verify, budget %d", scheme, got, budget)
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
				r := &verify.Request{Method: "POST", Body: bytes.Repeat([]byte{byte(worker)}, 100*worker+1), Now: first.Now}
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

func BenchmarkVerify(b *testing.B) {
	for scheme, key := range hot {
		v, r := signed(b, scheme, key)
		b.Run(scheme, func(b *testing.B) {
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
