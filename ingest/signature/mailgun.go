package signature

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas"
)

// mailgunRules: the signature stands in the body and covers a timestamp and a random token, nothing else. As
// nothing separates the two, both are held to their fixed form: otherwise one signature would fit many pairs.
func mailgunRules() []rule {
	paths := jsonscan.NewPaths("signature", "signature.timestamp", "signature.token", "signature.signature")
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
		find:      func(c *content) error { return mailgunFind(c, paths) },
		toSign: func(_ *scheme, c *content) error {
			sum := sha256.Sum256([]byte(c.id))
			c.own = hex.EncodeToString(sum[:])[:mailgunTokenSize]
			return nil
		},
		place: mailgunPlace,
	}}
}

const mailgunTokenSize = 50 // "randomly generated string with length 50"

// mailgunFind reads a body that nobody has proven anything of yet.
func mailgunFind(c *content, paths *jsonscan.Paths) error {
	var ok [3]bool
	if isForm(c.r) { // legacy webhooks and inbound routes
		for i, field := range c.mailgunFields() {
			var err error
			if *field.to, ok[i], err = parameter(jsonscan.View(c.r.Body), field.name, "the form"); err != nil {
				return err
			}
		}
	} else {
		var found [4]jsonscan.Found
		body, err := readObject(jsonscan.View(c.r.Body), paths, found[:])
		if err != nil {
			return err
		}
		for i, field := range c.mailgunFields() {
			*field.to, ok[i] = body.text(i + 1)
			ok[i] = ok[i] && body.value(0) != ""
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
	raw := ""
	for i, field := range [3][2]string{{"timestamp", c.timestamp}, {"token", c.own}, {"signature", signature}} {
		raw += string("{,,"[i]) + quote(field[0]) + ":" + quote(field[1])
	}
	body, err := withMember(string(c.r.Body), "signature", raw+"}")
	if err != nil {
		return err
	}
	c.r.Body = []byte(body)
	return nil
}
