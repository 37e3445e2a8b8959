package schemas

import "strings"

// Proof says how much of an event its signature vouches for: how much of the body, and then what of the event's own
// facts stands elsewhere, as in "body-id-type": every byte of the body is signed, but the event's ID and type stand in headers
// that are not. Anyone who has seen one delivery can send it again with another ID or type.
type Proof string

// How much of the body is signed.
const (
	ProofBody   Proof = "body"   // every byte
	ProofFields Proof = "fields" // some fields (Adyen), or its contents but not where one field ends and the next begins (Twilio)
	ProofWeak   Proof = "weak"   // a checksum, or nothing (PayPal, Flutterwave v3, Mailgun)
)

// What of an event may be unsigned besides.
const (
	UnsignedID   = "-id"
	UnsignedType = "-type"
	UnsignedTime = "-time"
)

// Body is the part of p that is about the body.
func (p Proof) Body() Proof {
	body, _, _ := strings.Cut(string(p), "-")
	return Proof(body)
}

// Without is p for something that depends on none of these facts: a sale with a key of its own in the body does not
// depend on the event's ID.
func (p Proof) Without(facts ...string) Proof {
	for _, fact := range facts {
		p = Proof(strings.Replace(string(p), fact, "", 1))
	}
	return p
}

// Lacks says whether one of these facts is unsigned.
func (p Proof) Lacks(fact string) bool { return strings.Contains(string(p), fact) }
