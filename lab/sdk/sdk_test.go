// Package sdk_test compares our signatures with vendors' own libraries.
package sdk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sendgrid/sendgrid-go/helpers/eventwebhook"
	"github.com/slack-go/slack"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stripe/stripe-go/v85/webhook"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// sdk is a vendor's own library: how it signs (nil: it cannot) and whether it accepts a delivery.
type sdk struct {
	sig    vendors.Signature
	secret string
	sign   func(r *signature.Request, id string) error
	accept func(r *signature.Request) bool
}

func sdks(t *testing.T) map[string]sdk {
	whsec := "whsec_" + base64.StdEncoding.EncodeToString([]byte(randomText(24)))
	standard, err := standardwebhooks.NewWebhook(whsec)
	if err != nil {
		t.Fatal(err)
	}
	branded, err := svix.NewWebhook(whsec)
	if err != nil {
		t.Fatal(err)
	}
	signAs := func(brand string, sign func(string, time.Time, []byte) (string, error)) func(*signature.Request, string) error {
		return func(r *signature.Request, id string) error {
			text, err := sign(id, r.Now, r.Body)
			r.Header.Set(brand+"-id", id)
			r.Header.Set(brand+"-timestamp", itoa(r.Now.Unix()))
			r.Header.Set(brand+"-signature", text)
			return err
		}
	}
	stripeSecret, slackSecret := "whsec_"+randomText(32), randomText(32)
	sendgridKey := ecdsaPEM(t)
	return map[string]sdk{
		"stripe-go": {
			sig: vendors.Signature{Scheme: "stripe"}, secret: stripeSecret,
			sign: func(r *signature.Request, _ string) error {
				signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: r.Body, Secret: stripeSecret, Timestamp: r.Now})
				r.Header.Set("Stripe-Signature", signed.Header)
				return nil
			},
			accept: func(r *signature.Request) bool {
				return webhook.ValidatePayload(r.Body, r.Header.Get("Stripe-Signature"), stripeSecret) == nil
			},
		},
		"slack-go": {
			sig: vendors.Signature{Scheme: "slack"}, secret: slackSecret,
			accept: func(r *signature.Request) bool {
				v, err := slack.NewSecretsVerifier(r.Header, slackSecret)
				if err != nil {
					return false
				}
				v.Write(r.Body)
				return v.Ensure() == nil
			},
		},
		"standard-webhooks": {
			sig: vendors.Signature{Scheme: "standard-webhooks"}, secret: whsec,
			sign:   signAs("webhook", standard.Sign),
			accept: func(r *signature.Request) bool { return standard.Verify(r.Body, r.Header) == nil },
		},
		"svix": {
			sig: vendors.Signature{Scheme: "standard-webhooks", Header: "svix-signature"}, secret: whsec,
			sign:   signAs("svix", branded.Sign),
			accept: func(r *signature.Request) bool { return branded.Verify(r.Body, r.Header) == nil },
		},
		"sendgrid-go": {
			sig: vendors.Signature{Scheme: "sendgrid"}, secret: sendgridKey,
			accept: func(r *signature.Request) bool {
				ok, err := eventwebhook.VerifySignature(sendgridPublic(t, sendgridKey), r.Body,
					r.Header.Get("X-Twilio-Email-Event-Webhook-Signature"), r.Header.Get("X-Twilio-Email-Event-Webhook-Timestamp"))
				return ok && err == nil
			},
		},
	}
}

func sendgridPublic(t *testing.T, private string) *ecdsa.PublicKey {
	block, _ := pem.Decode([]byte(private))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return &key.(*ecdsa.PrivateKey).PublicKey
}

// TestAgainstSDKs: of random deliveries, what a vendor's own library signs we accept, what we sign it accepts, and
// of their mutations what it refuses we refuse. (We may refuse more: other spellings, times ahead.)
func TestAgainstSDKs(t *testing.T) {
	const rounds = 400
	for name, s := range sdks(t) {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 0))
			t.Logf("seed %d", seed)
			v := newVerifier(t, s.sig, s.secret)
			accepted, refused, stricter := 0, 0, 0
			for range rounds {
				r := &signature.Request{
					Method: "POST", URL: "https://hooks.example.com/v", Header: http.Header{}, Body: randomBody(random),
					Now: time.Now().Add(time.Duration(random.IntN(500)-250) * time.Second).Truncate(time.Second),
				}
				sign := s.sign
				if sign == nil || random.IntN(2) == 0 {
					sign = v.Sign
				}
				if err := sign(r, "msg_"+itoa(random.Int64())); err != nil {
					t.Fatal(err)
				}
				r.Now = time.Now()
				if _, err := v.Verify(r); err != nil || !s.accept(r) {
					t.Fatalf("ours: %v, theirs accepts: %v; body %q", err, s.accept(r), r.Body)
				}
				accepted++
				mutate(random, r)
				theirs := s.accept(r)
				_, err := v.Verify(r)
				switch {
				case err == nil && !theirs:
					t.Fatalf("we accept what the library refuses: %v body %q", r.Header, r.Body)
				case err != nil && theirs:
					stricter++
				case err != nil:
					refused++
				}
			}
			t.Logf("%d accepted by both, %d mutations refused by both, %d by us alone", accepted, refused, stricter)
			if refused < rounds/2 {
				t.Errorf("only %d of %d mutations were refused: the test changes too little", refused, rounds)
			}
		})
	}
}

func randomBody(random *rand.Rand) []byte {
	body := make([]byte, random.IntN(300))
	for i := range body {
		body[i] = byte(random.UintN(256))
	}
	if random.IntN(2) == 0 {
		body = append([]byte(`{"id":"evt","note":"é\r\n"}`), "\r\n"[:random.IntN(3)]...)
	}
	return body
}

// mutate changes one thing that a stranger could change.
func mutate(random *rand.Rand, r *signature.Request) {
	names := make([]string, 0, len(r.Header))
	for _, name := range []string{"Stripe-Signature", "X-Slack-Signature", "X-Slack-Request-Timestamp",
		"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Svix-Id", "Svix-Timestamp", "Svix-Signature",
		"X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"} {
		if r.Header.Get(name) != "" {
			names = append(names, name)
		}
	}
	at := random.IntN(len(names) + 1)
	if at == len(names) {
		r.Body = []byte(mutateText(random, string(r.Body)))
		return
	}
	r.Header.Set(names[at], mutateText(random, r.Header.Get(names[at])))
}

func mutateText(random *rand.Rand, text string) string {
	const alphabet = "0123456789abcdefABCDEFtv=,. +-_/\r\n\x00"
	letter := string(alphabet[random.IntN(len(alphabet))])
	at := random.IntN(len(text) + 1)
	switch random.IntN(5) {
	case 0: // insert
		return text[:at] + letter + text[at:]
	case 1: // cut
		return text[:at]
	case 2: // replace
		return text[:at] + letter + text[min(at+1, len(text)):]
	case 3: // other case
		return strings.ToUpper(text[:at]) + text[at:]
	}
	return text + letter
}

func randomText(n int) string {
	raw := make([]byte, n)
	_, _ = cryptorand.Read(raw)
	return hex.EncodeToString(raw)[:n]
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func ecdsaPEM(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func newVerifier(t *testing.T, sig vendors.Signature, text string) signature.Verifier {
	t.Helper()
	v, err := signature.New(sig, []vendors.Key{{ID: "k", Secret: secret.New([]byte(text))}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
