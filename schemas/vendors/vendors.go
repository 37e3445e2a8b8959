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
	Answers    Answers

	events  eventMapping
	sales   saleMapping
	actions byType[[]Action]
}

// Signature says how a vendor signs. Scheme names one of the schemes of ingest/signature; the other fields
// change the scheme's own defaults, and a scheme refuses those it does not know.
type Signature struct {
	Scheme    string        `yaml:"scheme" jsonschema_description:"How the vendor signs: a vendor's own scheme, or one that the other keys configure (hmac, hash, rsa, token …)."`
	Header    string        `yaml:"header" jsonschema_description:"The header that carries the signature."`
	At        string        `yaml:"at" jsonschema_description:"Where the signature stands instead: query:NAME, form:NAME or body:PATH."`
	Separator string        `yaml:"separator" jsonschema_description:"Between the items of a list of signatures. Default: a comma."`
	Algorithm string        `yaml:"algorithm" jsonschema_description:"Such as sha256; each scheme has its own."`
	Encoding  string        `yaml:"encoding" jsonschema_description:"How the signature is written: hex, hex-upper, base64 or base64url."`
	Prefix    string        `yaml:"prefix" jsonschema_description:"Text before each signature, such as sha256=. *| is any label until the bar."`
	Template  string        `yaml:"template" jsonschema_description:"What is signed, such as {timestamp}.{body}."`
	Timestamp string        `yaml:"timestamp" jsonschema_description:"Where the signed time stands: a header; t= or first, an item of the signature's list; or a place as in at."`
	Tolerance time.Duration `yaml:"tolerance" jsonschema_description:"How far the signed time may lie from ours."`
	URL       string        `yaml:"url" jsonschema_description:"The public URL as the vendor has it, without the query, where it is signed."`
	Keys      string        `yaml:"keys" jsonschema_description:"Where the vendor publishes its keys: the https URL of a JWKS, or x5c for a chain that the token brings."`
	Issuer    string        `yaml:"issuer" jsonschema_description:"Who must have issued a token (iss)."`
	Audience  string        `yaml:"audience" jsonschema_description:"For whom a token must be (aud); {url} is our own URL."`
	Claims    string        `yaml:"claims" jsonschema_description:"What else a token must claim: NAME=TEXT, joined by spaces."`
	Binds     string        `yaml:"binds" jsonschema_description:"How a token in a header covers the body: claim:NAME or detached."`
	Confirm   bool          `yaml:"confirm" jsonschema_description:"Whether a subscription is confirmed when the vendor asks for it (SNS)."`
	SecretAs  string        `yaml:"secret_as" jsonschema_description:"How the secret becomes a key: text, hex, base64, or the sha1 or sha256 of the text."`
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
	BadID   string    // of one of several events: why it has none of its own, and its place; ID is then the hash of Data
	Test    bool      // the delivery says that it is test money
	Data    []byte    // the event's bytes: the whole body, or one item of it, never re-serialised

	Delivery map[string]string // what may be read beside Data when the event is identified again; see schemas.Event
}

// ErrBody is wrapped by Identify's errors: the body is not what the vendor's configuration says.
var ErrBody = errors.New("body does not match the vendor's configuration")

// ErrMapping is wrapped by Outcome's errors: the event should count for something and cannot be read as that.
var ErrMapping = errors.New("event cannot be mapped to a sale")
