package signature

import (
	"cmp"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// jwsOptions are what jwsRules' options say.
type jwsOptions struct {
	algorithms []jose.SignatureAlgorithm
	keySet     string                // URL of a JWKS; empty: the keys are secrets
	x5c        bool                  // the token brings its certificate, which must chain to a secret
	purpose    asn1.ObjectIdentifier // extension that the certificate must have; nil: none
	issuers    []string
	audience   string
	claims     [][2]string // other claims that a token must have, as texts
	binds      string      // claim with the SHA-256 of the body, or detachedBody
	whole      bool        // the body is the token
}

const (
	detachedBody = "detached" // the token's payload is left out, and is the body
	bindsClaim   = "claim:"
	audienceURL  = "{url}" // the audience is our own URL
	jwsLeeway    = time.Minute
	maxJWSHeader = 32 << 10 // a chain of certificates takes some 6 KB
)

// jwsRules are JSON Web Signatures in the compact form (RFC 7515), which JSON Web Tokens are.
func jwsRules() []rule {
	return []rule{{
		scheme:    "jws",
		names:     []headerNames{{signature: "Authorization"}},
		algorithm: algorithm{label: "JWS", prover: newJWSKey},
		encoding:  encoding{name: "compact JWS"},
		proof:     schemas.ProofWeak,
		secret: secretForm{
			about:  "the vendor's public key or certificate (PEM), the secret of HS256 as text, or with keys: x5c the root certificate (PEM, or DER in base64)",
			decode: func(b []byte) ([]byte, error) { return b, nil },
		},
		options: []string{"header", "at", "prefix", "algorithm", "keys", "issuer", "audience", "claims", "binds", "url"},
		note: "A token in a header (Authorization unless header is set), or at: body (the body is the token), body:PATH, form:NAME or query:NAME. " +
			"algorithm: those that are accepted, joined by spaces, of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, " +
			"HS384, HS512 (ES256 RS256 unless set); none never is. keys: the https URL of a JWKS; x5c, or x5c:OID, for a chain of certificates in " +
			"the token; else the secrets are the keys. issuer, audience ({url}: our own URL) and claims (NAME=TEXT, joined by spaces) must then be the token's; exp and nbf are held to within " +
			"a minute. binds says how a token in a header covers the body: claim:NAME holds its SHA-256 in hex, or detached; without it the proof is weak.",
		source:    "https://www.rfc-editor.org/rfc/rfc7515",
		configure: configureJWS,
		toSign:    jwsToSign,
	}}
}

func configureJWS(r *rule, sig vendors.Signature) error {
	o := &jwsOptions{issuers: strings.Fields(sig.Issuer), audience: sig.Audience, binds: sig.Binds}
	w := headerNames{signature: cmp.Or(sig.Header, "Authorization"), prefix: sig.Prefix}
	var err error
	switch {
	case sig.At == string(inBody):
		w.signature, w.at, o.whole = "", &place{kind: inBody}, true
		r.proof = schemas.ProofBody
	case sig.At != "":
		if w.at, err = placeOf(sig); err != nil {
			return err
		}
		w.signature = ""
		r.proof = schemas.ProofFields
		r.covered = []string{w.at.name}
	}
	r.names = []headerNames{w}
	if o.algorithms, err = jwsAlgorithms(cmp.Or(sig.Algorithm, "ES256 RS256")); err != nil {
		return err
	}
	names := make([]string, len(o.algorithms))
	for i, a := range o.algorithms {
		names[i] = string(a)
	}
	r.algorithm.label = "JWS: " + strings.Join(names, ", ")
	switch {
	case o.binds == "":
	case w.at != nil:
		return errors.New("binds: a token in the body is what it covers")
	case o.binds != detachedBody && !strings.HasPrefix(o.binds, bindsClaim) || o.binds == bindsClaim:
		return fmt.Errorf("binds: %q: want claim:NAME or detached", o.binds)
	default:
		r.proof, r.template = schemas.ProofBody, "{body}"
	}
	if o.audience == audienceURL {
		r.readsURL = true
	}
	for _, claim := range strings.Fields(sig.Claims) {
		name, text, ok := strings.Cut(claim, "=")
		if !ok || name == "" {
			return fmt.Errorf("claims: %q: want NAME=TEXT, joined by spaces", claim)
		}
		o.claims = append(o.claims, [2]string{name, text})
	}
	r.jws = o
	return jwsKeys(r, o, sig.Keys)
}

// jwsKeys reads where the keys come from.
func jwsKeys(r *rule, o *jwsOptions, from string) error {
	purpose, chained := strings.CutPrefix(from, "x5c")
	switch {
	case from == "":
	case chained:
		o.x5c = true
		if purpose == "" {
			return nil
		}
		for number := range strings.SplitSeq(strings.TrimPrefix(purpose, ":"), ".") {
			n, ok := digits(number)
			if !ok {
				return fmt.Errorf("keys: %q: want x5c, or x5c: and an object identifier", from)
			}
			o.purpose = append(o.purpose, int(n))
		}
	default:
		u, err := url.Parse(from)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return fmt.Errorf("keys: %q: want the https URL of a JWKS, x5c, or nothing", from)
		}
		if slices.ContainsFunc(o.algorithms, isHMAC) {
			return errors.New("keys: a JWKS is public, so no HS algorithm can go with it")
		}
		o.keySet = from
		r.keyless = func(s *scheme) (prover, error) { return newKeySetKey(s) }
	}
	return nil
}

func isHMAC(a jose.SignatureAlgorithm) bool { return strings.HasPrefix(string(a), "HS") }

func jwsAlgorithms(text string) ([]jose.SignatureAlgorithm, error) {
	known := []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
		jose.HS256, jose.HS384, jose.HS512,
	}
	var out []jose.SignatureAlgorithm
	for _, name := range strings.Fields(text) {
		if !slices.Contains(known, jose.SignatureAlgorithm(name)) {
			return nil, fmt.Errorf("unknown algorithm %q; there are: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512", name)
		}
		out = append(out, jose.SignatureAlgorithm(name))
	}
	if slices.ContainsFunc(out, isHMAC) && !allHMAC(out) {
		return nil, errors.New("algorithm: HS algorithms go with secrets and the others with public keys, so they cannot be mixed")
	}
	return out, nil
}

func allHMAC(all []jose.SignatureAlgorithm) bool {
	return !slices.ContainsFunc(all, func(a jose.SignatureAlgorithm) bool { return !isHMAC(a) })
}
