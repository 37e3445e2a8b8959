package signature

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

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

// KeySource resolves the public keys of a vendor. CertClient is one.
type KeySource interface {
	// KeySet returns the keys at the URL of a JWKS. missing says that the one that is needed was not among those of before: it is
	// then fetched again, if that was not done just now. It returns an *Error where the keys could not be had.
	KeySet(url string, missing bool, now time.Time) (*jose.JSONWebKeySet, error)
}

// googleKeys sign the tokens of everybody's projects (https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions).
const googleKeys = "https://www.googleapis.com/oauth2/"

// keySetKey proves with the keys at a URL of the vendor's.
type keySetKey struct {
	s      *scheme
	source KeySource
}

func newKeySetKey(s *scheme) (prover, error) {
	source, ok := s.certs.(KeySource)
	if !ok {
		return nil, errors.New("needs a source of keys")
	}
	if strings.HasPrefix(s.jws.keySet, googleKeys) && len(s.jws.claims) == 0 {
		return nil, errors.New("claims: write email= and the service account that your subscription pushes as: " +
			"anyone who has a project at Google can have it sign tokens for your URL")
	}
	return &keySetKey{s, source}, nil
}

func (k *keySetKey) proves(c *content) (bool, error) {
	o := k.s.jws
	token, err := o.token(c)
	if err != nil {
		return false, err
	}
	header := token.Signatures[0].Protected
	if header.KeyID == "" {
		return false, &Error{Reason: ReasonMalformed, Detail: "the token names no key (kid)"}
	}
	for _, missing := range []bool{false, true} {
		set, err := k.source.KeySet(o.keySet, missing, c.r.Now)
		if err != nil {
			return false, err
		}
		for _, key := range set.Key(header.KeyID) {
			if !suits(&key, header.Algorithm) {
				continue
			}
			return o.provenBy(c, token, key.Key)
		}
	}
	return false, &Error{Reason: ReasonMismatch, Detail: "the vendor has no key of that kid for that algorithm"}
}

// suits says whether a key of a JWKS is public, sound, and meant for signatures with that algorithm.
func suits(key *jose.JSONWebKey, algorithm string) bool {
	if !key.IsPublic() || key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != algorithm {
		return false
	}
	_, err := keyKind(key.Key)
	return err == nil
}

func (k *keySetKey) plausible(c *content, _ string) bool {
	_, err := k.s.jws.token(c)
	return err == nil
}

func (k *keySetKey) sign(*content) (string, error) {
	return "", errors.New("the vendor alone holds the private key: to send test deliveries, give a key of your own as the secret in place of keys")
}

// chainKey proves with the certificate that a token brings (x5c), which must chain to a pinned root.
type chainKey struct {
	s     *scheme
	roots *x509.CertPool
}

func newChainKey(s *scheme, secret []byte) (prover, error) {
	text := strings.TrimSpace(string(secret))
	der, err := base64.StdEncoding.DecodeString(text)
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der, err = block.Bytes, nil
	}
	if err != nil {
		return nil, errors.New("is neither PEM nor base64")
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errors.New("is no certificate that can be read")
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return &chainKey{s, roots}, nil
}

// maxChain bounds the certificates that a token may bring.
const maxChain = 5

func (k *chainKey) proves(c *content) (bool, error) {
	o := k.s.jws
	token, err := o.token(c)
	if err != nil {
		return false, err
	}
	chains, err := token.Signatures[0].Protected.Certificates(x509.VerifyOptions{
		Roots: k.roots, CurrentTime: c.r.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil || len(chains) == 0 || len(chains[0]) > maxChain {
		return false, nil //nolint:nilerr // it is not of this root
	}
	leaf := chains[0][0]
	if _, err := keyKind(leaf.PublicKey); err != nil {
		return false, nil //nolint:nilerr // no key that we would take
	}
	if o.purpose != nil {
		marked := false
		for _, extension := range leaf.Extensions {
			marked = marked || extension.Id.Equal(o.purpose)
		}
		if !marked {
			return false, &Error{Reason: ReasonMismatch, Detail: "the token's certificate is not for this purpose"}
		}
	}
	return o.provenBy(c, token, leaf.PublicKey)
}

func (k *chainKey) plausible(c *content, _ string) bool {
	_, err := k.s.jws.token(c)
	return err == nil
}

func (k *chainKey) sign(*content) (string, error) {
	return "", errors.New("the vendor alone holds the private key: to send test deliveries, give a key of your own as the secret in place of keys: x5c")
}
