package signature

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/dunglas/httpsfv"
)

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
