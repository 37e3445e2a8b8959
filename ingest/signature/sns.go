package signature

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// The members of an SNS message that are looked at, in the order in which snsPaths has them.
const (
	snsType = iota
	snsMessageID
	snsMessage
	snsSubject
	snsTimestamp
	snsTopic
	snsToken
	snsSubscribeURL
	snsVersion
	snsSignature
	snsCertURL
	snsMembers
)

var snsNames = [snsMembers]string{
	"Type", "MessageId", "Message", "Subject", "Timestamp", "TopicArn", "Token", "SubscribeURL", "SignatureVersion", "Signature", "SigningCertURL",
}

// snsSigned lists what each kind of message signs, sorted by name, as AWS documents it.
var snsSigned = map[string][]int{
	"Notification":             {snsMessage, snsMessageID, snsSubject, snsTimestamp, snsTopic, snsType},
	"SubscriptionConfirmation": {snsMessage, snsMessageID, snsSubscribeURL, snsTimestamp, snsToken, snsTopic, snsType},
	"UnsubscribeConfirmation":  {snsMessage, snsMessageID, snsSubscribeURL, snsTimestamp, snsToken, snsTopic, snsType},
}

// snsRules is Amazon's Simple Notification Service. The secret is the topic's ARN: anyone may have a topic of their own, whose
// messages are as well signed.
func snsRules() []rule {
	return []rule{{
		scheme:    "sns",
		algorithm: algorithm{label: "RSA-SHA256 or RSA-SHA1, as SignatureVersion says", prover: newSNSKey},
		encoding:  base64Std(),
		clock:     rfc3339(),
		proof:     schemas.ProofFields,
		covered:   []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "SubscribeURL", "Token"},
		secret:    textSecret("the ARN of the topic, without which anyone's topic would do"),
		answers: "SubscriptionConfirmation of the topic: 200, and the subscription is confirmed at Amazon where signature has confirm: true; " +
			"UnsubscribeConfirmation: 200",
		note: "The named members are signed, which hold the whole event (Message). The certificate comes from " +
			"https://sns.REGION.amazonaws.com and must chain to a public root. " + noWindow,
		source:  "https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
		find:    snsFind,
		options: []string{"confirm"},
		configure: func(r *rule, sig vendors.Signature) error {
			r.challenge = snsChallenge(sig.Confirm)
			return nil
		},
	}}
}

// snsHost are the hosts that certificates and confirmations may be at, those of China included.
var snsHost = regexp.MustCompile(`^sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?$`)

func isSNSURL(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	return u, err == nil && u.Scheme == "https" && u.User == nil && u.Fragment == "" && snsHost.MatchString(u.Host)
}

func isSNSCert(text string) bool {
	u, ok := isSNSURL(text)
	return ok && u.RawQuery == "" && !u.ForceQuery && u.RawPath == "" &&
		strings.HasPrefix(u.Path, "/SimpleNotificationService-") && strings.HasSuffix(u.Path, ".pem") && !strings.Contains(u.Path, "..")
}

// snsFind reads the message and puts together what it signs.
func snsFind(c *content) error {
	var paths jsonscan.Paths
	for _, name := range snsNames {
		paths.Add(name)
	}
	var found [snsMembers]jsonscan.Found
	body, err := readObject(jsonscan.View(c.r.Body), &paths, found[:])
	if err != nil {
		return err
	}
	texts := make([]string, snsMembers)
	for i := range texts {
		text, ok := body.text(i)
		if body.found[i].Times > 0 && !ok {
			return &Error{Reason: ReasonBody, Detail: snsNames[i] + " is no text, or stands twice"}
		}
		texts[i] = text
	}
	signed, known := snsSigned[texts[snsType]]
	if !known {
		return &Error{Reason: ReasonBody, Detail: "want a Type of Notification, SubscriptionConfirmation or UnsubscribeConfirmation"}
	}
	if texts[snsSignature] == "" {
		return &Error{Reason: ReasonMissing, Detail: "no Signature in the body"}
	}
	var b strings.Builder
	for _, i := range signed {
		if i == snsSubject && body.found[i].Times == 0 {
			continue
		}
		b.WriteString(snsNames[i] + "\n" + texts[i] + "\n")
	}
	c.signatures, c.timestamp, c.own, c.values = texts[snsSignature], texts[snsTimestamp], b.String(), c.values[:0]
	for _, text := range texts {
		c.values = append(c.values, value{text: text, found: true})
	}
	return nil
}

// snsKey proves for one topic; the public key comes from the certificate that the message names.
type snsKey struct {
	s     *scheme
	topic string
}

func newSNSKey(s *scheme, secret []byte) (prover, error) {
	if s.certs == nil {
		return nil, errors.New("needs a source of certificates")
	}
	topic := strings.TrimSpace(string(secret))
	if !strings.HasPrefix(topic, "arn:aws") || !strings.Contains(topic, ":sns:") {
		return nil, errors.New("is no ARN of an SNS topic")
	}
	return &snsKey{s, topic}, nil
}

func (k *snsKey) proves(c *content) (bool, error) {
	text := func(i int) string { return c.values[i].text }
	if text(snsTopic) != k.topic {
		return false, nil
	}
	hash, ok := map[string]crypto.Hash{"1": crypto.SHA1, "2": crypto.SHA256}[text(snsVersion)]
	signature, err := base64.StdEncoding.Strict().DecodeString(c.signatures)
	if !ok || err != nil {
		return false, &Error{Reason: ReasonMalformed, Detail: "want SignatureVersion 1 or 2, and a Signature in base64"}
	}
	if !isSNSCert(text(snsCertURL)) {
		return false, &Error{Reason: ReasonMalformed, Detail: "SigningCertURL is no certificate of SNS"}
	}
	public, err := k.s.certs.PublicKey(text(snsCertURL), c.r.Now)
	if err != nil {
		return false, err
	}
	h := hash.New()
	h.Write([]byte(c.own))
	return rsa.VerifyPKCS1v15(public, hash, h.Sum(nil), signature) == nil, nil
}

// plausible expects the size of a 2048-bit key or a larger one.
func (k *snsKey) plausible(_ *content, text string) bool {
	signature, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(signature) >= 256
}

func (k *snsKey) sign(*content) (string, error) {
	return "", errors.New("Amazon alone holds the private key: publish a message to the topic")
}

// snsChallenge answers the messages that are about the subscription itself, and confirms it where that is configured.
func snsChallenge(confirm bool) func(*key, *content) (*Challenge, error) {
	return func(_ *key, c *content) (*Challenge, error) {
		switch c.values[snsType].text {
		case "SubscriptionConfirmation":
			answer := &Challenge{Status: http.StatusOK}
			if address := c.values[snsSubscribeURL].text; confirm {
				if _, ok := isSNSURL(address); !ok {
					return nil, &Error{Reason: ReasonMalformed, Detail: "SubscribeURL is not at SNS"}
				}
				answer.Confirm = address
			}
			return answer, nil
		case "UnsubscribeConfirmation":
			return &Challenge{Status: http.StatusOK}, nil
		}
		return nil, nil
	}
}
