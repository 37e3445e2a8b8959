package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"

	"github.com/tidwall/gjson"

	"github.com/hookline-io/hookline/schemas"
)

// mailgunRules: the signature stands in the body and covers a timestamp and a random token, nothing else. As
// nothing separates the two, both are held to their fixed form: otherwise one signature would fit many pairs.
func mailgunRules() []rule {
	return []rule{{
		scheme:    "mailgun",
		template:  "{timestamp}{token}",
		fields:    map[string]field{"token": func(dst []byte, c *content) []byte { return append(dst, c.own...) }},
		algorithm: hmacSHA256(),
		encoding:  hexLower(),
		clock:     unixSeconds(),
		proof:     schemas.ProofWeak,
		secret:    textSecret("the HTTP webhook signing key"),
		note:      "The signature stands in the body and covers none of the event. " + noWindow,
		source:    "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
		find:      mailgunFind,
		toSign: func(_ *scheme, c *content) error {
			sum := sha256.Sum256([]byte(c.id))
			c.own = hex.EncodeToString(sum[:])[:mailgunTokenSize]
			return nil
		},
		place: mailgunPlace,
	}}
}

const mailgunTokenSize = 50 // "randomly generated string with length 50"

func mailgunFind(c *content) error {
	var ok [3]bool
	if isForm(c.r) { // legacy webhooks and inbound routes
		form, err := url.ParseQuery(string(c.r.Body))
		if err != nil {
			return &Error{Reason: ReasonBody, Detail: "the form cannot be read"}
		}
		for i, field := range c.mailgunFields() {
			if values := form[field.name]; len(values) == 1 {
				*field.to, ok[i] = values[0], true
			}
		}
	} else {
		root, err := object(c.r.Body)
		if err != nil {
			return err
		}
		signature, _ := member(root, "signature")
		for i, field := range c.mailgunFields() {
			*field.to, ok[i] = text(signature, field.name)
		}
	}
	if ok != [3]bool{true, true, true} {
		return &Error{Reason: ReasonMissing, Detail: "want signature.timestamp, .token and .signature in the body, once each"}
	}
	if len(c.own) != mailgunTokenSize || len(c.timestamp) != len("1767225600") {
		return &Error{Reason: ReasonMalformed, Detail: "signature.timestamp has 10 digits and signature.token 50 characters"}
	}
	return nil
}

type mailgunField struct {
	name string
	to   *string
}

func (c *content) mailgunFields() [3]mailgunField {
	return [3]mailgunField{{"timestamp", &c.timestamp}, {"token", &c.own}, {"signature", &c.signatures}}
}

// mailgunPlace puts the signature object into the body.
func mailgunPlace(c *content, signature string) error {
	root, err := object(c.r.Body)
	if err != nil {
		return err
	}
	var raw []byte
	for i, field := range [3][2]string{{"timestamp", c.timestamp}, {"token", c.own}, {"signature", signature}} {
		raw = append(raw, "{,,"[i])
		raw = gjson.AppendJSONString(raw, field[0])
		raw = append(raw, ':')
		raw = gjson.AppendJSONString(raw, field[1])
	}
	c.r.Body = setMember(c.r.Body, root, "signature", string(raw)+"}")
	return nil
}
