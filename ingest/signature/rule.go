package signature

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// rule is one scheme as data. The functions at its end are for the few schemes that need more than data; all are
// pure.
type rule struct {
	scheme    string
	names     []headerNames // the first whose signature is there decides; more than one where a vendor renamed its headers
	list      string        // separates several signatures in one header; empty: there is one
	template  string        // what is signed
	fields    map[string]field
	reads     []string // headers that check reads
	get       bool     // deliveries by GET too
	algorithm algorithm
	encoding  encoding
	clock     clock
	tolerance time.Duration
	proof     schemas.Proof // ProofBody where it is not said
	covered   []string      // where some fields are signed: their paths in an event's document
	secret    secretForm
	handshake secretForm // of the secret that answers handshakes; zero: the scheme has none
	options   []string   // beside those that follow from the rule; see optionNames
	jws       *jwsOptions
	readsURL  bool // beside what the template says
	refusal   int  // the HTTP status that the vendor insists on for a refusal

	answers string // the handshake, for the docs
	note    string // for the docs
	source  string

	configure func(*rule, vendors.Signature) error          // applies options of its own
	unsigned  func(*scheme, *Request) (Result, bool, error) // answers a handshake that bears no signature
	find      func(*content) error                          // finds everything outside the headers
	bodyTime  func(*content) (string, error)                // finds the time in the signed body
	check     func(*content) error                          // what the vendor asks beside the signature
	otherURL  func(c *content, original string) bool        // sets the next URL worth trying
	challenge func(*key, *content) (*Challenge, error)      // answers a signed handshake
	toSign    func(*scheme, *content) error                 // puts into a delivery what those above look for
	place     func(c *content, signature string) error      // puts a signature elsewhere than in a header
	keyless   func(*scheme) (prover, error)                 // proves without a secret: the vendor publishes its keys
	wrap      func(*scheme) Verifier                        // runs the engine once for each of several parts
}

// catalogue lists the rules of all schemes.
func catalogue() []rule {
	all := slices.Concat(
		hubRules(),
		stripeRules(),
		standardRules(),
		shopRules(),
		paymentRules(),
		adyenRules(),
		paypalRules(),
		slackRules(),
		metaRules(),
		hubspotRules(),
		appRules(),
		ed25519Rules(),
		twilioRules(),
		mailgunRules(),
		genericRules(),
		tokenRules(),
		jwsRules(),
		snsRules(),
		httpSignatureRules(),
		braintreeRules(),
	)
	for i := range all {
		all[i].proof = cmp.Or(all[i].proof, schemas.ProofBody)
	}
	return all
}

// lookup returns a copy of a rule.
func lookup(name string) (*rule, bool) {
	for _, r := range catalogue() {
		if r.scheme == name {
			return &r, true
		}
	}
	return nil, false
}

// optionNames lists the options of vendors.Signature that the scheme takes.
func (r *rule) optionNames() []string {
	names := slices.Clone(r.options)
	if r.clock.parse != nil {
		names = append(names, "tolerance")
	}
	if strings.Contains(r.template, "{url}") {
		names = append(names, "url")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// given lists the options that are set.
func given(sig vendors.Signature) []string {
	set := map[string]bool{
		"header": sig.Header != "", "algorithm": sig.Algorithm != "", "encoding": sig.Encoding != "",
		"prefix": sig.Prefix != "", "template": sig.Template != "", "timestamp": sig.Timestamp != "",
		"tolerance": sig.Tolerance != 0, "url": sig.URL != "", "secret_as": sig.SecretAs != "",
		"at": sig.At != "", "separator": sig.Separator != "",
		"keys": sig.Keys != "", "issuer": sig.Issuer != "", "claims": sig.Claims != "", "confirm": sig.Confirm, "audience": sig.Audience != "", "binds": sig.Binds != "",
	}
	var names []string
	for name, is := range set {
		if is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// verifier applies the options and decodes the secrets. It changes r, which is the caller's own copy.
func (r *rule) verifier(sig vendors.Signature, keys []vendors.Key, certs CertSource) (Verifier, error) {
	if r.configure != nil {
		if err := r.configure(r, sig); err != nil {
			return nil, err
		}
	}
	known := r.optionNames()
	for _, name := range given(sig) {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("has no option %q; it has: %s", name, orNone(known))
		}
	}
	for _, k := range keys {
		if k.Use != vendors.UseSignature && k.Use != vendors.UseHandshake {
			return nil, fmt.Errorf("secret %s: unknown use %q; there are: handshake, or none", k.ID, k.Use)
		}
	}
	if sig.Tolerance < 0 {
		return nil, fmt.Errorf("tolerance %s is negative", sig.Tolerance)
	}
	if u, err := url.Parse(sig.URL); sig.URL != "" &&
		(err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(sig.URL, "?#")) {
		return nil, errors.New("url: want an absolute http or https URL without a query, which is taken from each request")
	}
	return r.engine(sig, keys, certs)
}

func (r *rule) engine(sig vendors.Signature, keys []vendors.Key, certs CertSource) (Verifier, error) {
	for i := range r.names {
		r.names[i] = r.names[i].canonical()
	}
	r.tolerance = cmp.Or(sig.Tolerance, r.tolerance)
	s := &scheme{
		rule: r, url: sig.URL, certs: certs,
		contents: sync.Pool{New: func() any { return new(content) }},
	}
	var err error
	if s.signed, err = parseTemplate(r.template, r.fields); err != nil {
		return nil, err
	}
	if s.signed.usesID && (len(r.names) == 0 || r.names[0].id == "") {
		return nil, fmt.Errorf("template %q: no header is known to carry {id}; write {header:NAME}", r.template)
	}
	s.keys, err = s.keyring(keys, vendors.UseSignature, s.algorithm, r.secret)
	if err != nil {
		return nil, err
	}
	if r.keyless != nil && len(s.keys) == 0 {
		p, err := r.keyless(s)
		if err != nil {
			return nil, err
		}
		s.keys = []key{{id: "published", prover: p}}
	}
	if len(s.keys) == 0 {
		return nil, fmt.Errorf("needs at least one secret: %s", r.secret.about)
	}
	if err := s.addHandshakes(keys); err != nil {
		return nil, err
	}
	if r.wrap != nil {
		return r.wrap(s), nil
	}
	return s, nil
}

func (s *scheme) addHandshakes(keys []vendors.Key) error {
	if s.handshake.decode == nil {
		for _, k := range keys {
			if k.Use == vendors.UseHandshake {
				return errors.New("has no handshake that takes a secret; leave out use: handshake")
			}
		}
		return nil
	}
	var err error
	s.handshakes, err = s.keyring(keys, vendors.UseHandshake, token(), s.handshake)
	return err
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (r *rule) facts() Facts {
	f := Facts{
		Scheme: r.scheme, Methods: []string{http.MethodPost}, Algorithm: r.algorithm.label, Signed: r.template, Encoding: r.encoding.name,
		Tolerance: r.tolerance, Timed: r.clock.parse != nil, Proof: r.proof,
		Secret: r.secret.about, Options: r.optionNames(), Handshake: r.answers, Note: r.note, Source: r.source,
	}
	if r.get {
		f.Methods = append(f.Methods, http.MethodGet)
	}
	for _, w := range r.names {
		f.Prefixes = append(f.Prefixes, w.prefix)
		for _, name := range []string{w.signature, w.id, w.timestamp} {
			if name != "" && !(name == w.timestamp && w.inList()) {
				f.Headers = append(f.Headers, name)
			}
		}
		for _, p := range []*place{w.at, w.timeAt} {
			if p != nil {
				f.Places = append(f.Places, p.String())
			}
		}
	}
	signed, _ := parseTemplate(r.template, r.fields) // a test holds that those of the catalogue are right
	f.Headers = append(f.Headers, signed.headers()...)
	f.SignsURL = strings.Contains(r.template, "{url}")
	f.ReadsURL = r.readsURL || signed.usesURL || slices.ContainsFunc(r.names, func(w headerNames) bool { return w.readsQuery() })
	f.Headers = append(f.Headers, r.reads...)
	f.Covers = r.covers(&signed)
	return f
}

// covers lists what is signed. Where a vendor has several sets of headers, read sees to it that no other set contradicts.
func (r *rule) covers(signed *template) vendors.Coverage {
	c := vendors.Coverage{Body: r.proof == schemas.ProofBody, Fields: slices.Clone(r.covered), Headers: signed.headers()}
	for _, p := range signed.places {
		if p.kind == inBody || p.kind == inForm {
			c.Fields = append(c.Fields, p.name)
		}
	}
	for _, w := range r.names {
		w = w.canonical()
		if signed.usesID && w.id != "" {
			c.Headers = append(c.Headers, w.id)
		}
		if strings.Contains(r.template, "{timestamp}") && w.timestamp != "" && !w.inList() {
			c.Headers = append(c.Headers, w.timestamp)
		}
	}
	return c
}
