package signature_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// What docs/vendors.md says of the headers that a preset reads is so: one that is signed cannot be changed, and one that is not
// can, so that it must not count as proven.
func TestCoveredHeaders(t *testing.T) {
	all := samples(t)
	seen := map[bool]int{}
	for _, p := range vendors.Presets() {
		s, ok := all[p.Scheme]
		if !ok {
			continue // PayPal's reads no header
		}
		s.sig = p.Signature
		facts, err := signature.DescribeSignature(p.Signature)
		if err != nil {
			t.Fatal(err)
		}
		for _, fact := range p.Facts {
			for _, source := range fact.Sources {
				header, ok := strings.CutPrefix(source, "header:")
				if !ok {
					continue
				}
				v, r, _ := signedBy(t, s)
				r.Header.Set(header, "another")
				_, err := v.Verify(r)
				covered := facts.Covers.Covered(source)
				seen[covered]++
				if covered && err == nil {
					t.Errorf("%s: %s is said to be signed, and can be changed", p.Name, source)
				}
				if !covered && err != nil {
					t.Errorf("%s: %s is said to be unsigned, and is refused: %v", p.Name, source, err)
				}
			}
		}
	}
	if seen[true] < 2 || seen[false] < 8 {
		t.Errorf("%d signed and %d unsigned headers were seen", seen[true], seen[false])
	}
}

// The same of Adyen's fields.
func TestCoveredFields(t *testing.T) {
	s := samples(t)["adyen"]
	facts, _ := signature.Describe("adyen")
	for path, change := range map[string][2]string{
		"NotificationRequestItem.pspReference":    {`"p1"`, `"p9"`},
		"NotificationRequestItem.amount.value":    {`"value":100`, `"value":900`},
		"NotificationRequestItem.amount.currency": {`"EUR"`, `"USD"`},
		"NotificationRequestItem.eventCode":       {`"CAPTURE"`, `"REFUND"`},
		"NotificationRequestItem.success":         {`"success":"true"`, `"success":"false"`},
		"NotificationRequestItem.eventDate":       {`"pspReference":"p1"`, `"eventDate":"2020-01-01T00:00:00+01:00","pspReference":"p1"`},
		"NotificationRequestItem.reason":          {`"pspReference":"p1"`, `"reason":"x","pspReference":"p1"`},
	} {
		v, r, _ := signedBy(t, s)
		body := strings.Replace(string(r.Body), change[0], change[1], 1)
		if body == string(r.Body) {
			t.Fatalf("%s: nothing to change", path)
		}
		r.Body = []byte(body)
		if _, err := v.Verify(r); (err == nil) == facts.Covers.Covered(path) {
			t.Errorf("%s: said to be signed %t; changed: %v", path, facts.Covers.Covered(path), err)
		}
	}
}

// Twilio joins names and values without anything between them: another form can have the same signature.
func TestTwilioFormIsNotCovered(t *testing.T) {
	v := newVerifier(t, vendors.Signature{Scheme: "twilio"}, newKey("k", randomText(24)))
	form := func(text string) *signature.Request {
		return &signature.Request{
			Method: "POST", URL: "https://hooks.example.com/webhooks/twilio", Now: now, Body: []byte(text),
			Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		}
	}
	r := form("MessageSid=SM1&MessageStatus=sent")
	if err := v.Sign(r, ""); err != nil {
		t.Fatal(err)
	}
	moved := form(url.Values{"MessageSi": {"dSM1"}, "MessageStatus": {"sent"}}.Encode())
	moved.Header.Set("X-Twilio-Signature", r.Header.Get("X-Twilio-Signature"))
	for _, one := range []*signature.Request{r, moved} {
		result, err := v.Verify(one)
		if err != nil || result.Proof != schemas.ProofFields {
			t.Errorf("%s: %+v, %v; want proof %s", one.Body, result, err, schemas.ProofFields)
		}
	}
}

// The ID that is read is the one that is signed, whatever other headers are sent along.
func TestStandardIDIsTheSignedOne(t *testing.T) {
	s := samples(t)["standard-webhooks"]
	for _, other := range []string{"svix-id", "webhook-id"} {
		v, r, _ := signedBy(t, s)
		if other == "webhook-id" { // signed under Svix's names
			for _, name := range []string{"id", "timestamp", "signature"} {
				r.Header.Set("svix-"+name, r.Header.Get("webhook-"+name))
				r.Header.Del("webhook-" + name)
			}
			if _, err := v.Verify(r); err != nil {
				t.Fatal(err)
			}
		}
		r.Header.Set(other, "evt_1")
		if _, err := v.Verify(r); err != nil {
			t.Errorf("the same ID in %s too: %v", other, err)
		}
		r.Header.Set(other, "evt_2")
		_, err := v.Verify(r)
		wantRefusal(t, "another ID in "+other, err, signature.ReasonMalformed)
	}
}
