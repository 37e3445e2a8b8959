package verify

import (
	"cmp"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// In canonical form, as http.Header has them.
const (
	signatureInput = "Signature-Input"
	contentDigest  = "Content-Digest"
)

const (
	maxLabels     = 4  // signatures of one delivery that are looked at
	maxComponents = 32 // that one signature covers
	bindsNothing  = "none"
)

// httpSignatureForms are the algorithms of RFC 9421, section 3.3, but for hmac-sha256.
var httpSignatureForms = map[string]signatureForm{
	"rsa-pss-sha512":    {hash: crypto.SHA512, pss: true},
	"rsa-v1_5-sha256":   {hash: crypto.SHA256},
	"ecdsa-p256-sha256": {hash: crypto.SHA256, raw: true},
	"ecdsa-p384-sha384": {hash: crypto.SHA384, raw: true},
	"ed25519":           {},
}

const httpHMAC = "hmac-sha256"

// httpSignatureRules are HTTP Message Signatures (RFC 9421), which cover the body by its digest (RFC 9530).
func httpSignatureRules() []rule {
	return []rule{{
		scheme:    "http-signature",
		wires:     []wire{{signature: "Signature"}},
		algorithm: algorithm{label: httpHMAC, prover: newMessageKey},
		encoding:  encoding{name: "structured field"},
		clock:     unixSeconds(),
		tolerance: 5 * time.Minute,
		secret:    textSecret("the secret of hmac-sha256, or the vendor's public key (PEM)"),
		reads:     []string{signatureInput, contentDigest},
		options:   []string{"algorithm", "secret_as", "binds", "url"},
		note: "algorithm: hmac-sha256 (unless set), rsa-pss-sha512, rsa-v1_5-sha256, ecdsa-p256-sha256, ecdsa-p384-sha384 or ed25519. The first " +
			"signature that covers content-digest is the one that counts; with binds: none it need not, and the proof is weak. Components are the " +
			"derived ones of a request but @query-param, and header fields without parameters. created is required.",
		source:    "https://www.rfc-editor.org/rfc/rfc9421",
		readsURL:  true,
		configure: configureHTTPSignature,
		find:      httpSignatureFind(true),
		toSign:    httpSignatureToSign,
		place:     httpSignaturePlace,
	}}
}

func configureHTTPSignature(r *rule, sig vendors.Signature) error {
	name := cmp.Or(sig.Algorithm, httpHMAC)
	r.algorithm.label = name
	if _, ok := httpSignatureForms[name]; !ok && name != httpHMAC {
		return fmt.Errorf("unknown algorithm %q; there are: hmac-sha256, rsa-pss-sha512, rsa-v1_5-sha256, ecdsa-p256-sha256, ecdsa-p384-sha384, ed25519", name)
	}
	var err error
	if r.secret, err = secretAs(sig.SecretAs, "the secret of hmac-sha256, or the vendor's public key (PEM)"); err != nil {
		return err
	}
	switch sig.Binds {
	case "":
	case bindsNothing:
		r.proof, r.find = schemas.ProofWeak, httpSignatureFind(false)
	default:
		return fmt.Errorf("binds: %q: want none, or nothing where content-digest is signed", sig.Binds)
	}
	return nil
}

// httpSignatureFind chooses the signature that counts and puts together what it covers.
func httpSignatureFind(digested bool) func(*content) error {
	return func(c *content) error {
		inputs, err := dictionary(c, signatureInput)
		if err != nil {
			return err
		}
		signatures, err := dictionary(c, "Signature")
		if err != nil {
			return err
		}
		names := inputs.Names()
		if len(names) > maxLabels {
			return &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("more than %d signatures", maxLabels)}
		}
		for _, name := range names {
			member, _ := inputs.Get(name)
			input, ok := member.(httpsfv.InnerList)
			if !ok || digested && !covers(&input, "content-digest") {
				continue
			}
			signed, _ := signatures.Get(name)
			item, ok := signed.(httpsfv.Item)
			raw, isBytes := item.Value.([]byte)
			if !ok || !isBytes {
				return &Error{Reason: ReasonMalformed, Detail: "no byte sequence in Signature for " + name}
			}
			return takeInput(c, &input, string(raw), digested)
		}
		return &Error{Reason: ReasonMalformed, Detail: "no signature in Signature-Input that covers content-digest"}
	}
}

func dictionary(c *content, header string) (*httpsfv.Dictionary, error) {
	text, err := one(c.r.Header, header)
	if err != nil {
		return nil, err
	}
	d, err := httpsfv.UnmarshalDictionary([]string{text})
	if err != nil {
		return nil, &Error{Reason: ReasonMalformed, Detail: header + " is no dictionary (RFC 9651)"}
	}
	return d, nil
}

func covers(input *httpsfv.InnerList, component string) bool {
	return slices.ContainsFunc(input.Items, func(i httpsfv.Item) bool { return i.Value == component })
}

// takeInput reads the parameters of the signature that counts, and its base.
func takeInput(c *content, input *httpsfv.InnerList, signature string, digested bool) error {
	created, ok := integer(input, "created")
	if !ok {
		return &Error{Reason: ReasonMalformed, Detail: "want the parameter created"}
	}
	if expires, ok := integer(input, "expires"); ok && c.r.Now.Unix() > expires {
		return &Error{Reason: ReasonStale, Detail: "the signature has expired"}
	}
	if digested {
		if err := checkDigest(c); err != nil {
			return err
		}
	}
	base, err := signatureBase(c, input)
	if err != nil {
		return err
	}
	named, _ := input.Params.Get("alg")
	algorithm, _ := named.(string)
	c.timestamp, c.signatures, c.own, c.id = strconv.FormatInt(created, 10), signature, base, algorithm
	return nil
}

func integer(input *httpsfv.InnerList, name string) (int64, bool) {
	value, _ := input.Params.Get(name)
	n, ok := value.(int64)
	return n, ok && n >= 0
}

// checkDigest holds the body against Content-Digest (RFC 9530): each digest that is known, and at least one.
func checkDigest(c *content) error {
	digests, err := dictionary(c, contentDigest)
	if err != nil {
		return err
	}
	known := 0
	for _, name := range digests.Names() {
		var want []byte
		switch name {
		case "sha-256":
			sum := sha256.Sum256(c.r.Body)
			want = sum[:]
		case "sha-512":
			sum := sha512.Sum512(c.r.Body)
			want = sum[:]
		default:
			continue
		}
		known++
		member, _ := digests.Get(name)
		item, _ := member.(httpsfv.Item)
		got, _ := item.Value.([]byte)
		if subtle.ConstantTimeCompare(want, got) == 0 {
			return &Error{Reason: ReasonMismatch, Detail: contentDigest + " is not the body's"}
		}
	}
	if known == 0 {
		return &Error{Reason: ReasonMalformed, Detail: "want sha-256 or sha-512 in " + contentDigest}
	}
	return nil
}

// signatureBase is what is signed (RFC 9421, section 2.5).
func signatureBase(c *content, input *httpsfv.InnerList) (string, error) {
	if len(input.Items) > maxComponents {
		return "", &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("more than %d components are covered", maxComponents)}
	}
	var b strings.Builder
	var seen []string
	for _, item := range input.Items {
		name, ok := item.Value.(string)
		if !ok || len(item.Params.Names()) > 0 || slices.Contains(seen, name) {
			return "", &Error{Reason: ReasonMalformed, Detail: "a component that is no name, has parameters, or is covered twice"}
		}
		seen = append(seen, name)
		value, err := component(c, name)
		if err != nil {
			return "", err
		}
		b.WriteString(strconv.Quote(name) + ": " + value + "\n")
	}
	params, err := httpsfv.Marshal(httpsfv.List{*input})
	if err != nil {
		return "", &Error{Reason: ReasonMalformed, Detail: signatureInput + " cannot be read"}
	}
	b.WriteString(`"@signature-params": ` + params)
	return b.String(), nil
}

// component returns the value of what a signature covers (RFC 9421, section 2).
func component(c *content, name string) (string, error) {
	scheme, rest, _ := strings.Cut(c.url, "://")
	authority, target := rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, target = rest[:i], rest[i:]
	}
	path, query, _ := strings.Cut(target, "?")
	switch name {
	case "@method":
		return c.r.Method, nil
	case "@target-uri":
		return c.url, nil
	case "@scheme":
		return strings.ToLower(scheme), nil
	case "@authority", "host":
		authority = strings.ToLower(authority)
		return strings.TrimSuffix(authority, map[string]string{"https": ":443", "http": ":80"}[scheme]), nil
	case "@request-target":
		return target, nil
	case "@path":
		return cmp.Or(path, "/"), nil
	case "@query":
		return "?" + query, nil
	case "content-length": // which net/http takes from the headers
		return strconv.Itoa(len(c.r.Body)), nil
	}
	if strings.HasPrefix(name, "@") || strings.ContainsAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") {
		return "", &Error{Reason: ReasonMalformed, Detail: "a component that is not known here is covered"}
	}
	p, _, err := parsePlace("header:" + name)
	if err != nil {
		return "", &Error{Reason: ReasonMalformed, Detail: "a component without a name is covered"}
	}
	values := c.r.Header[p.name]
	if len(values) == 0 {
		return "", &Error{Reason: ReasonMissing, Detail: "no " + p.String() + ", which is signed"}
	}
	trimmed := make([]string, len(values))
	for i, value := range values {
		if trimmed[i] = strings.Trim(value, " \t"); strings.ContainsAny(value, "\r\n") {
			return "", &Error{Reason: ReasonMalformed, Detail: p.String() + " has a line break"}
		}
	}
	return strings.Join(trimmed, ", "), nil
}

// messageKey proves with a secret, or with the vendor's public key.
type messageKey struct {
	algorithm string
	secret    []byte // of hmac-sha256
	public    *publicKey
}

func newMessageKey(s *scheme, secret []byte) (prover, error) {
	name := s.rule.algorithm.label
	if name == httpHMAC {
		if strings.Contains(string(secret), "-----BEGIN") {
			return nil, errors.New("is PEM: hmac-sha256 takes a secret, and a public key is none")
		}
		return &messageKey{algorithm: name, secret: secret}, nil
	}
	public, private, err := parseKey(secret)
	if err != nil {
		return nil, err
	}
	kind, err := keyKind(public)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(name, kind) {
		return nil, fmt.Errorf("is of kind %s, which is not for %s", kind, name)
	}
	return &messageKey{algorithm: name, public: &publicKey{s: s, form: httpSignatureForms[name], public: public, private: private}}, nil
}

func (k *messageKey) proves(c *content) (bool, error) {
	if c.id != "" && c.id != k.algorithm {
		return false, &Error{Reason: ReasonMalformed, Detail: "alg names another algorithm than " + k.algorithm}
	}
	if k.public == nil {
		return hmac.Equal(k.mac(c), []byte(c.signatures)), nil
	}
	return k.public.form.verify(k.public.public, k.digest(c), []byte(c.signatures)), nil
}

func (k *messageKey) mac(c *content) []byte {
	h := hmac.New(sha256.New, k.secret)
	h.Write([]byte(c.own))
	return h.Sum(nil)
}

// digest is what the public key's algorithm takes.
func (k *messageKey) digest(c *content) []byte {
	if k.algorithm == "ed25519" {
		return []byte(c.own)
	}
	h := k.public.form.hash.New()
	h.Write([]byte(c.own))
	return h.Sum(nil)
}

func (k *messageKey) plausible(_ *content, text string) bool { return len(text) >= sha256.Size }

func (k *messageKey) sign(c *content) (string, error) {
	if k.public == nil {
		return string(k.mac(c)), nil
	}
	if k.public.private == nil {
		return "", errPublicOnly
	}
	if k.public.form.raw {
		return string(k.public.rawForm(k.digest(c))), nil
	}
	var options crypto.SignerOpts = k.public.form.hash
	if k.public.form.pss {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: k.public.form.hash}
	}
	sig, err := k.public.private.Sign(rand.Reader, k.digest(c), options)
	return string(sig), err
}

// httpSignatureToSign adds the digest of the body, and says what is covered.
func httpSignatureToSign(s *scheme, c *content) error {
	sum := sha256.Sum256(c.r.Body)
	digest := httpsfv.NewDictionary()
	digest.Add("sha-256", httpsfv.NewItem(sum[:]))
	input := httpsfv.InnerList{Params: httpsfv.NewParams()}
	for _, name := range []string{"@method", "@target-uri", "content-digest"} {
		input.Items = append(input.Items, httpsfv.NewItem(name))
	}
	input.Params.Add("created", c.r.Now.Unix())
	input.Params.Add("alg", s.rule.algorithm.label)
	inputs := httpsfv.NewDictionary()
	inputs.Add("sig1", input)
	for header, d := range map[string]*httpsfv.Dictionary{contentDigest: digest, signatureInput: inputs} {
		text, err := httpsfv.Marshal(d)
		if err != nil {
			return err
		}
		c.r.Header.Set(header, text)
	}
	var err error
	c.url = publicURL(s.url, c.r.URL)
	c.own, err = signatureBase(c, &input)
	return err
}

func httpSignaturePlace(c *content, signature string) error {
	d := httpsfv.NewDictionary()
	d.Add("sig1", httpsfv.NewItem([]byte(signature)))
	text, err := httpsfv.Marshal(d)
	if err != nil {
		return err
	}
	c.r.Header.Set("Signature", text)
	return nil
}
