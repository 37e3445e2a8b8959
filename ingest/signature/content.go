package signature

import (
	"iter"
	"net/url"
	"strings"
)

// maxSignatures bounds the work that one header can ask for; vendors send two or three while a secret is rolled.
const maxSignatures = 8

// content is one delivery as a scheme sees it: what is claimed (signatures, timestamp, id) and what is signed.
// Contents are pooled: nothing may keep one, or its buf, beyond the call.
type content struct {
	r          *Request
	signatures string // one signature, or several separated by list
	list       string // empty: signatures is one signature
	prefix     string // of each signature
	anyLabel   string // what ends the label of each signature, which may be any text; empty: there is none
	timestamp  string // as written, since that text is what is signed
	id         string
	url        string
	own        string     // what a field of the scheme's own appends: Mailgun's token, PayPal's webhook ID, Adyen's item
	secret     []byte     // of the key that is tried, for the schemes that hash it
	form       url.Values // Twilio's
	values     []value    // what stands at the template's places
	buf        []byte
	whole      bool // the body is signed byte for byte, where the scheme's signatures do not always cover it so
}

// each yields the signatures that the delivery claims.
func (c *content) each() iter.Seq[string] {
	return func(yield func(string) bool) {
		for one := range c.items() {
			if !yield(c.unlabelled(one)) {
				return
			}
		}
	}
}

// items yields what the signature's list holds. Spaces after a separator are no part of what follows.
func (c *content) items() iter.Seq[string] {
	return func(yield func(string) bool) {
		if c.list == "" {
			yield(c.signatures)
			return
		}
		for rest, more := c.signatures, true; more; rest = strings.TrimLeft(rest, " ") {
			var one string
			one, rest, more = strings.Cut(rest, c.list)
			if !yield(one) {
				return
			}
		}
	}
}

// unlabelled cuts off the label of a signature where any label will do.
func (c *content) unlabelled(one string) string {
	if c.anyLabel != "" {
		if _, rest, ok := strings.Cut(one, c.anyLabel); ok {
			return rest
		}
	}
	return one
}

// labelled returns the rest of the one item that begins with label.
func (c *content) labelled(label string) (text string, found bool, err error) {
	for part := range c.items() {
		value, ok := strings.CutPrefix(part, label)
		if ok && found {
			return "", false, &Error{Reason: ReasonMalformed, Detail: label + " stands more than once beside the signature"}
		}
		if ok {
			text, found = value, true
		}
	}
	return text, found, nil
}

// decode returns the bytes of a signature that is written as the scheme has it.
func (c *content) decode(text, label string, e encoding) ([]byte, bool) {
	text, ok := strings.CutPrefix(text, c.prefix)
	if !ok {
		return nil, false
	}
	if text, ok = strings.CutPrefix(text, label); !ok {
		return nil, false
	}
	return e.decode(text)
}

// value is what stands at a place, if anything does.
type value struct {
	text  string
	found bool
}

// A field appends one piece of what is signed.
type field func(dst []byte, c *content) []byte
