package signature_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const (
	snsCert  = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-6209c161c6221fdf56ec1eb5c821d112.pem"
	snsTopic = "arn:aws:sns:us-east-1:123456789012:orders"
)

// snsMessage signs a message as Amazon documents it.
func snsMessage(t *testing.T, key *rsa.PrivateKey, version string, message map[string]string) *signature.Request {
	t.Helper()
	message = maps.Clone(message)
	var signed strings.Builder
	for _, name := range slices.Sorted(maps.Keys(message)) {
		if name != "SigningCertURL" && name != "UnsubscribeURL" {
			signed.WriteString(name + "\n" + message[name] + "\n")
		}
	}
	hash, sum1, sum2 := crypto.SHA256, sha1.Sum([]byte(signed.String())), sha256.Sum256([]byte(signed.String()))
	sum := sum2[:]
	if version == "1" {
		hash, sum = crypto.SHA1, sum1[:]
	}
	sealed, err := rsa.SignPKCS1v15(rand.Reader, key, hash, sum)
	if err != nil {
		t.Fatal(err)
	}
	message["SignatureVersion"], message["Signature"] = version, base64.StdEncoding.EncodeToString(sealed)
	body, _ := json.Marshal(message)
	return &signature.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"text/plain; charset=UTF-8"}}, Body: body, Now: now}
}

// TestSNS: messages of our topic that Amazon signed, and no others.
func TestSNS(t *testing.T) {
	a, key := newAuthority(t), newRSA(t)
	web := &site{pages: map[string]string{
		snsCert: inPEM(a.leaf(t, &key.PublicKey, "sns.amazonaws.com", ""), a.intermediate),
		"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem": inPEM(a.leaf(t, &key.PublicKey, "sns.eu-west-1.amazonaws.com", ""), a.intermediate),
		"https://sns.us-west-2.amazonaws.com/SimpleNotificationService-2.pem": inPEM(a.leaf(t, &key.PublicKey, "evil.amazonaws.com", ""), a.intermediate),
	}}
	v, err := signature.New(vendors.Signature{Scheme: "sns", Confirm: true}, []vendors.Key{newKey("k", snsTopic)}, signature.NewCertClient(web, a.roots))
	if err != nil {
		t.Fatal(err)
	}
	notification := map[string]string{
		"Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": snsTopic, "Subject": "My First Message",
		"Message": `{"order":"1"}`, "Timestamp": "2026-01-01T00:00:00.000Z", "SigningCertURL": snsCert, "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
	}
	with := func(changes ...string) map[string]string {
		out := maps.Clone(notification)
		for i := 0; i < len(changes); i += 2 {
			out[changes[i]] = changes[i+1]
		}
		maps.DeleteFunc(out, func(_, value string) bool { return value == "" })
		return out
	}
	for what, r := range map[string]*signature.Request{
		"version 2":          snsMessage(t, key, "2", notification),
		"version 1":          snsMessage(t, key, "1", notification),
		"no subject":         snsMessage(t, key, "2", with("Subject", "")),
		"another region":     snsMessage(t, key, "2", with("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem")),
		"a message in UTF-8": snsMessage(t, key, "2", with("Message", "Zoë <✓> & \"\n")),
	} {
		if result, err := v.Verify(r); err != nil || result.Proof != schemas.ProofFields || result.Challenge != nil {
			t.Errorf("%s: %+v, %v", what, result, err)
		}
	}
	changed := func(from, to string) *signature.Request {
		r := snsMessage(t, key, "2", notification)
		r.Body = []byte(strings.Replace(string(r.Body), from, to, 1))
		return r
	}
	for what, r := range map[string]*signature.Request{
		"another topic, signed":      snsMessage(t, key, "2", with("TopicArn", "arn:aws:sns:us-east-1:666:orders")),
		"another message":            changed(`order\":\"1`, `order\":\"2`),
		"another ID":                 changed("22b80b92", "22b80b93"),
		"another time":               changed("00:00:00.000Z", "00:00:01.000Z"),
		"another subject":            changed("My First", "My Next"),
		"no subject any more":        changed(`"Subject":"My First Message",`, ""),
		"a member twice":             changed(`{"Message"`, `{"Message":"x","Message"`),
		"another version":            changed(`"SignatureVersion":"2"`, `"SignatureVersion":"1"`),
		"an unknown version":         changed(`"SignatureVersion":"2"`, `"SignatureVersion":"3"`),
		"another type":               changed(`"Type":"Notification"`, `"Type":"UnsubscribeConfirmation"`),
		"a stranger's key":           snsMessage(t, newRSA(t), "2", notification),
		"a certificate of another":   snsMessage(t, key, "2", with("SigningCertURL", "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-2.pem")),
		"a bucket of Amazon's":       snsMessage(t, key, "2", with("SigningCertURL", "https://s3.amazonaws.com/SimpleNotificationService-1.pem")),
		"a host that looks like it":  snsMessage(t, key, "2", with("SigningCertURL", "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem")),
		"http":                       snsMessage(t, key, "2", with("SigningCertURL", strings.Replace(snsCert, "https", "http", 1))),
		"another path":               snsMessage(t, key, "2", with("SigningCertURL", "https://sns.us-east-1.amazonaws.com/x/../SimpleNotificationService-1.pem")),
		"a user before the host":     snsMessage(t, key, "2", with("SigningCertURL", "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem")),
		"no certificate":             snsMessage(t, key, "2", with("SigningCertURL", "")),
		"no JSON":                    {Method: http.MethodPost, Header: http.Header{}, Body: []byte("x"), Now: now},
		"an array":                   {Method: http.MethodPost, Header: http.Header{}, Body: []byte("[]"), Now: now},
		"a message that is a number": changed(`"Message":"{\"order\":\"1\"}"`, `"Message":1`),
	} {
		_, err := v.Verify(r)
		wantRefusal(t, what, err, signature.ReasonMismatch, signature.ReasonMalformed, signature.ReasonBody)
	}
	if _, err := signature.New(vendors.Signature{Scheme: "sns"}, []vendors.Key{newKey("k", "orders")}, signature.NewCertClient(web, a.roots)); err == nil {
		t.Error("a topic that is no ARN is taken")
	}
}

// TestSNSConfirmation: a subscription to our topic is confirmed where that is configured, at Amazon alone.
func TestSNSConfirmation(t *testing.T) {
	a, key := newAuthority(t), newRSA(t)
	certs := signature.NewCertClient(&site{pages: map[string]string{snsCert: inPEM(a.leaf(t, &key.PublicKey, "sns.amazonaws.com", ""), a.intermediate)}}, a.roots)
	confirmation := func(address string) *signature.Request {
		return snsMessage(t, key, "2", map[string]string{
			"Type": "SubscriptionConfirmation", "MessageId": "1", "Token": "2336412f37", "TopicArn": snsTopic, "Message": "You have chosen to subscribe",
			"SubscribeURL": address, "Timestamp": "2026-01-01T00:00:00.000Z", "SigningCertURL": snsCert,
		})
	}
	const at = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + snsTopic + "&Token=2336412f37"
	for _, confirm := range []bool{true, false} {
		v, err := signature.New(vendors.Signature{Scheme: "sns", Confirm: confirm}, []vendors.Key{newKey("k", snsTopic)}, certs)
		if err != nil {
			t.Fatal(err)
		}
		result, err := v.Verify(confirmation(at))
		if err != nil || result.Challenge == nil || result.Challenge.Status != http.StatusOK || (result.Challenge.Confirm == at) != confirm {
			t.Errorf("confirm %v: %+v, %v", confirm, result.Challenge, err)
		}
		if _, err := v.Verify(confirmation("https://evil.example/?Token=1")); confirm {
			wantRefusal(t, "elsewhere", err, signature.ReasonMalformed)
		}
	}
}
