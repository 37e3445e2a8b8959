// Package vendors reads vendors.yaml: who may send events, how each one signs, where the facts of an event
// stand in its body, and which events are sales and refunds.
package vendors

import (
	"errors"
	"time"

	"github.com/hookline-io/hookline/internal/secret"
)

// Config is a whole vendors.yaml, checked and compiled. It does not change after Load.
type Config struct {
	Vendors  map[string]*Vendor
	Warnings []string // what works and is probably not meant, one line each; worth logging at start
}

// Vendor is one third party that sends events.
type Vendor struct {
	Name       string
	Preset     string // empty for a vendor of the user's own
	Signature  Signature
	Keys       []Key
	Redelivery Redelivery
	Limits     Limits

	events  eventMapping
	sales   saleMapping
	actions byType[[]Action]
}

// Signature says how a vendor signs. Scheme names one of the schemes of ingest/verify; the other fields
// change the scheme's own defaults, and a scheme refuses those it does not know.
type Signature struct {
	Scheme    string        `yaml:"scheme"`
	Header    string        `yaml:"header"`    // name of the header that carries the signature
	Algorithm string        `yaml:"algorithm"` // sha1 | sha256 | sha384 | sha512
	Encoding  string        `yaml:"encoding"`  // hex | hex-upper | base64 | base64url
	Prefix    string        `yaml:"prefix"`    // text before the digest, such as "sha256="
	Template  string        `yaml:"template"`  // what is signed, such as "{timestamp}.{body}"
	Timestamp string        `yaml:"timestamp"` // name of the header that carries the signed time; "t=": in the signature's own
	Tolerance time.Duration `yaml:"tolerance"` // how far the signed time may lie from ours
	URL       string        `yaml:"url"`       // the public URL as the vendor has it, without the query, where it is signed
	SecretAs  string        `yaml:"secret_as"` // how the secret's text becomes a key: text | hex | base64
}

// Key is one live secret.
type Key struct {
	ID     string // names the secret and gives nothing of it away
	Secret secret.Value
	Until  time.Time // zero: no expiry
	Use    Use
}

// Use says what a secret is for.
type Use string

const (
	UseSignature Use = ""          // it checks signatures
	UseHandshake Use = "handshake" // it answers a subscription request: Meta's verify token
)

// Redelivery says which delivery of an event counts when their contents differ.
type Redelivery string

const (
	RedeliveryFirst Redelivery = "first"
	RedeliveryLast  Redelivery = "last"
)

// Identity is what ingest must know of an event before it can be enqueued.
type Identity struct {
	ID      string
	Type    string
	Time    time.Time // zero when the vendor states none
	BadTime string    // what stood there, when it cannot be read as a time
	Data    []byte    // the event's bytes: the whole body, or one item of it, never re-serialised
}

// ErrBody is wrapped by Identify's errors: the body is not what the vendor's configuration says.
var ErrBody = errors.New("body does not match the vendor's configuration")

// ErrMapping is wrapped by Outcome's errors: the event should count for something and cannot be read as that.
var ErrMapping = errors.New("event cannot be mapped to a sale")
