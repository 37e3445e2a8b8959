package signature

import (
	"cmp"
	"crypto"
	"fmt"
	"slices"
	"strconv"
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
		names:     []headerNames{{signature: "Signature"}},
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
