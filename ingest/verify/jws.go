package verify

import (
	"cmp"
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookline-io/hookline/internal/jsonscan"
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
		wires:     []wire{{signature: "Authorization"}},
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
	w := wire{signature: cmp.Or(sig.Header, "Authorization"), prefix: sig.Prefix}
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
	r.wires = []wire{w}
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

// claims are those registered claims of a token that are looked at (RFC 7519, section 4.1).
type claims struct {
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	Expires  *float64 `json:"exp"`
	NotUntil *float64 `json:"nbf"`
}

// audience is one text or a list of them.
type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// token parses the token of c, whose header alone is looked at before its signature is checked.
func (o *jwsOptions) token(c *content) (*jose.JSONWebSignature, error) {
	text, ok := strings.CutPrefix(c.signatures, c.prefix)
	header, _, dots := strings.Cut(text, ".")
	if !ok || !dots || len(header) > maxJWSHeader || strings.ContainsAny(text, " \t\r\n") {
		return nil, &Error{Reason: ReasonMalformed, Detail: "want a compact JWS"}
	}
	var token *jose.JSONWebSignature
	var err error
	if o.binds == detachedBody {
		token, err = jose.ParseDetached(text, c.r.Body, o.algorithms)
	} else {
		token, err = jose.ParseSignedCompact(text, o.algorithms)
	}
	if err != nil || len(token.Signatures) != 1 {
		return nil, &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("want a compact JWS, signed with one of %s", o.names())}
	}
	return token, nil
}

func (o *jwsOptions) names() string {
	var names []string
	for _, a := range o.algorithms {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// accepts checks what a proven token claims.
func (o *jwsOptions) accepts(c *content, payload []byte) error {
	if o.binds == detachedBody {
		return nil
	}
	var got claims
	if err := jsonscan.Check(jsonscan.View(payload)); err != nil || json.Unmarshal(payload, &got) != nil {
		return &Error{Reason: ReasonMalformed, Detail: "the token's payload is no JSON object of claims"}
	}
	now := float64(c.r.Now.UnixMilli()) / 1000
	leeway := jwsLeeway.Seconds()
	switch {
	case got.Expires != nil && now > *got.Expires+leeway:
		return &Error{Reason: ReasonStale, Detail: "the token has expired"}
	case got.NotUntil != nil && now < *got.NotUntil-leeway:
		return &Error{Reason: ReasonStale, Detail: "the token is not valid yet"}
	case len(o.issuers) > 0 && !slices.Contains(o.issuers, got.Issuer):
		return &Error{Reason: ReasonMismatch, Detail: "the token is of another issuer"}
	}
	if o.audience != "" {
		want := o.audience
		if want == audienceURL {
			want, _, _ = strings.Cut(c.url, "?")
		}
		if !slices.Contains(got.Audience, want) {
			return &Error{Reason: ReasonMismatch, Detail: "the token is for another audience"}
		}
	}
	object := jsonscan.Value(strings.Trim(string(payload), " \t\r\n"))
	for _, claim := range o.claims {
		value, times := object.Member(claim[0])
		text := value.Text()
		if value.Kind() != jsonscan.Text {
			text = string(value)
		}
		if times != 1 || text != claim[1] {
			return &Error{Reason: ReasonMismatch, Detail: "the token's claim " + claim[0] + " is another"}
		}
	}
	if name, ok := strings.CutPrefix(o.binds, bindsClaim); ok {
		sum := sha256.Sum256(c.r.Body)
		value, times := object.Member(name)
		if times != 1 || subtle.ConstantTimeCompare([]byte(value.Text()), hex.AppendEncode(nil, sum[:])) == 0 {
			return &Error{Reason: ReasonMismatch, Detail: "the token is not for this body"}
		}
	}
	return nil
}

// jwsKey proves with a key that was given.
type jwsKey struct {
	s      *scheme
	key    any           // for jose: a public key, or the bytes of a secret
	signer crypto.Signer // nil: verify only
}

func newJWSKey(s *scheme, secret []byte) (prover, error) {
	o := s.jws
	if o.x5c {
		return newChainKey(s, secret)
	}
	if allHMAC(o.algorithms) {
		if strings.Contains(string(secret), "-----BEGIN") {
			return nil, errors.New("is PEM: the HS algorithms take a secret, and a public key is none")
		}
		return &jwsKey{s: s, key: secret}, nil
	}
	public, private, err := parseKey(secret)
	if err != nil {
		return nil, err
	}
	if _, err := keyKind(public); err != nil {
		return nil, err
	}
	return &jwsKey{s: s, key: public, signer: private}, nil
}

func (k *jwsKey) proves(c *content) (bool, error) {
	token, err := k.s.jws.token(c)
	if err != nil {
		return false, err
	}
	return k.s.jws.provenBy(c, token, k.key)
}

// provenBy says whether key signed the token. An error refuses a token that was signed, but not for this.
func (o *jwsOptions) provenBy(c *content, token *jose.JSONWebSignature, key any) (bool, error) {
	if o.binds == detachedBody {
		return token.DetachedVerify(c.r.Body, key) == nil, nil
	}
	payload, err := token.Verify(key)
	if err != nil {
		return false, nil //nolint:nilerr // it is another key's
	}
	if err := o.accepts(c, payload); err != nil {
		return false, err
	}
	return true, nil
}

func (k *jwsKey) plausible(c *content, _ string) bool {
	_, err := k.s.jws.token(c)
	return err == nil
}

func (k *jwsKey) sign(c *content) (string, error) {
	o := k.s.jws
	var key any = k.key
	if !allHMAC(o.algorithms) {
		if k.signer == nil {
			return "", errPublicOnly
		}
		key = k.signer
	}
	var bad error
	for _, a := range o.algorithms { // of the key's own kind one fits
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: a, Key: key}, nil)
		if err != nil {
			bad = err
			continue
		}
		token, err := signer.Sign(o.payload(c))
		if err != nil {
			bad = err
			continue
		}
		var text string
		if o.binds == detachedBody {
			text, err = token.DetachedCompactSerialize()
		} else {
			text, err = token.CompactSerialize()
		}
		return c.prefix + text, err
	}
	return "", bad
}

// payload is what a token of ours says: the event itself where it stands in the body, else claims about it.
func (o *jwsOptions) payload(c *content) []byte {
	if o.binds == detachedBody || o.whole {
		return c.r.Body
	}
	own := map[string]any{"iat": c.r.Now.Unix(), "exp": c.r.Now.Add(5 * time.Minute).Unix()}
	if len(o.issuers) > 0 {
		own["iss"] = o.issuers[0]
	}
	if own["aud"] = o.audience; o.audience == audienceURL {
		own["aud"], _, _ = strings.Cut(c.url, "?")
	}
	for _, claim := range o.claims {
		own[claim[0]] = claim[1]
	}
	if name, ok := strings.CutPrefix(o.binds, bindsClaim); ok {
		sum := sha256.Sum256(c.r.Body)
		own[name] = hex.EncodeToString(sum[:])
	}
	text, _ := json.Marshal(own) // cannot fail for these
	return text
}

// jwsToSign knows our URL where it is the audience.
func jwsToSign(s *scheme, c *content) error {
	if s.jws.audience == audienceURL {
		c.url = publicURL(s.url, c.r.URL)
	}
	return nil
}
