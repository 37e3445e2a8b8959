// Package signature checks the signatures of deliveries, byte for byte as they came (invariant 2).
//
// A scheme is a rule: which headers carry the signature, what is signed, with which algorithm and which kind of
// secret. The rules are data (one file for each vendor or family, each citing its source); one engine runs them
// all. What a rule says is also what Describe gives the docs, so that the two cannot drift apart.
//
// Nothing here does I/O or has a clock of its own, but for CertClient, which PayPal's scheme is given.
package signature

import (
	"cmp"
	"crypto/rsa"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Request is what a scheme may look at.
type Request struct {
	Method string
	URL    string // as it reached us: scheme, host, path and query; Signature.URL overrides all but the query
	Header http.Header
	Body   []byte
	Now    time.Time
}

// Result is what a good signature proves.
type Result struct {
	KeyID     string
	Proof     schemas.Proof
	Challenge *Challenge // set where the delivery is a handshake and carries no event
}

// Challenge is the response that a vendor's handshake asks for.
type Challenge struct {
	Status      int
	ContentType string // empty where there is no body
	Body        []byte
	Confirm     string // URL of the vendor's that is to be fetched before the answer; empty: none
}

// Reason says why a delivery was refused. It is a metric label: the set is closed.
type Reason string

const (
	ReasonMissing   Reason = "signature_missing"
	ReasonMalformed Reason = "signature_malformed"
	ReasonMismatch  Reason = "signature_mismatch"
	ReasonStale     Reason = "timestamp_outside_window"
	ReasonNoKey     Reason = "no_live_key"
	// ReasonCertificate: the certificate that the delivery names could not be had. The vendor is to send again.
	ReasonCertificate Reason = "certificate_unavailable"
	ReasonBody        Reason = "body_malformed" // the scheme needs something of the body and cannot find it
)

// Error says why a delivery was refused. It says what to look at, never which byte differed, and holds nothing
// of the secret or the signature.
type Error struct {
	Reason Reason
	Detail string
	Status int // the HTTP status that the vendor insists on for a refusal; 0: the usual one
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Detail }

// Verifier checks and signs one vendor's deliveries. It holds the decoded secrets, so a reload makes a new one.
// It is safe for concurrent use.
type Verifier interface {
	// Verify proves that one of the keys live at r.Now signed r. An error that holds an *Error (errors.As) refuses
	// the delivery. Any other is a fault of ours: answer 5xx, so that the vendor tries again. No stranger can cause one:
	// ReasonNoKey is for who signs with a secret that has expired. Verify does not change r.
	Verify(r *Request) (Result, error)

	// Sign adds to r what makes Verify accept it at r.Now, with the first live key that can sign; id names the
	// delivery where the scheme signs an ID. It may change r.Body (a signature that stands in the body) and
	// r.URL (Twilio's bodySHA256). It fails where no key holds a private half.
	Sign(r *Request, id string) error
}

// CertSource resolves the certificate that a delivery of PayPal's or SNS's names.
type CertSource interface {
	// PublicKey returns the key of the certificate at url, whose chain and name it has found to be theirs at
	// now. It returns an *Error for a certificate that is not, and with ReasonCertificate where it could not be had.
	PublicKey(url string, now time.Time) (*rsa.PublicKey, error)
}

// New makes the Verifier for a vendor's signature configuration and secrets. It refuses an unknown scheme, an
// option that the scheme does not have, and a secret that is not what the scheme expects, with an error that says
// what there is; no error shows a secret. certs may be nil for every scheme but paypal.
func New(sig vendors.Signature, keys []vendors.Key, certs CertSource) (Verifier, error) {
	r, ok := lookup(sig.Scheme)
	if !ok {
		return nil, fmt.Errorf("unknown signature scheme %q; there are: %s", sig.Scheme, strings.Join(Names(), ", "))
	}
	v, err := r.verifier(sig, keys, certs)
	if err != nil {
		return nil, fmt.Errorf("scheme %s: %w", sig.Scheme, err)
	}
	return v, nil
}

// Names returns the names of all schemes, sorted.
func Names() []string {
	var names []string
	for _, r := range catalogue() {
		names = append(names, r.scheme)
	}
	slices.Sort(names)
	return names
}

// Facts say to a reader how a scheme works. docs/vendors.md is made of it.
type Facts struct {
	Scheme    string
	Methods   []string      // HTTP methods of deliveries and handshakes
	Headers   []string      // every header the scheme reads, the signature's first; none where all is in the body
	Places    []string      // where else the signature and its time stand, such as "query:hmac"
	SignsURL  bool          // the URL, host and all, is part of what is signed
	ReadsURL  bool          // it looks at the request's URL
	Algorithm string        // such as "HMAC-SHA256"
	Signed    string        // what is signed, such as "{timestamp}.{body}"; empty: nothing
	Encoding  string        // how the signature is written: hex, base64 or text
	Prefixes  []string      // text that precedes each signature, for each signature header
	Timed     bool          // a time is signed, so a tolerance can be set
	Tolerance time.Duration // default window around the signed time; 0: none
	Proof     schemas.Proof
	Covers    vendors.Coverage // what is signed; of Twilio only the bodies that are no forms
	Secret    string           // what the vendor calls the secret, and how it is read
	Options   []string         // the options of vendors.Signature that the scheme takes
	Handshake string           // what is answered without an event; empty: nothing
	Note      string           // what to know before trusting it; empty: nothing
	Source    string           // where the vendor documents it
}

// EventProof is that of the events of a vendor whose deliveries are signed so, where Verify says that so much of the body is
// signed.
func (f *Facts) EventProof(of *vendors.Vendor, body schemas.Proof) schemas.Proof {
	covered := f.Covers
	covered.Body = body == schemas.ProofBody
	return of.Proof(body, covered)
}

// DescribeSignature returns the facts of a scheme with the options of sig applied.
func DescribeSignature(sig vendors.Signature) (Facts, error) {
	r, ok := lookup(sig.Scheme)
	if !ok {
		return Facts{}, fmt.Errorf("unknown signature scheme %q", sig.Scheme)
	}
	if r.configure != nil {
		if err := r.configure(r, sig); err != nil {
			return Facts{}, fmt.Errorf("scheme %s: %w", sig.Scheme, err)
		}
	}
	r.tolerance = cmp.Or(sig.Tolerance, r.tolerance)
	return r.facts(), nil
}

// Describe returns the facts of a scheme. ok is false for an unknown name.
func Describe(name string) (facts Facts, ok bool) {
	r, ok := lookup(name)
	if !ok {
		return Facts{}, false
	}
	return r.facts(), true
}
