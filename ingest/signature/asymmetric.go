package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// errPublicOnly is returned by sign: the vendor alone holds the private key.
var errPublicOnly = errors.New("the secret is a public key, which can check signatures but not make them; " +
	"to send test deliveries, configure a private key of your own")

// ed25519Key proves with crypto/ed25519, which refuses the malleable S >= L (RFC 8032, section 5.1.7).
type ed25519Key struct {
	s       *scheme
	label   string
	public  ed25519.PublicKey
	private ed25519.PrivateKey // nil: verify only
}

func (k *ed25519Key) proves(c *content) (bool, error) {
	c.buf = k.s.signed.append(c.buf[:0], c)
	for one := range c.each() {
		if sig, ok := c.decode(one, k.label, k.s.encoding); ok && ed25519.Verify(k.public, c.buf, sig) {
			return true, nil
		}
	}
	return false, nil
}

func (k *ed25519Key) plausible(c *content, text string) bool {
	sig, ok := c.decode(text, k.label, k.s.encoding)
	return ok && len(sig) == ed25519.SignatureSize
}

func (k *ed25519Key) sign(c *content) (string, error) {
	if k.private == nil {
		return "", errPublicOnly
	}
	sig := ed25519.Sign(k.private, k.s.signed.append(nil, c))
	return c.prefix + k.label + string(k.s.encoding.append(nil, sig)), nil
}

// ed25519Algorithm takes the public key's 32 bytes, or a private key in PKCS #8 PEM.
func ed25519Algorithm() algorithm {
	return algorithm{label: "ed25519", prover: func(s *scheme, key []byte) (prover, error) {
		if private, err := parsePrivate(key); private != nil || err != nil {
			own, ok := private.(ed25519.PrivateKey)
			if !ok {
				return nil, errors.New("is not an ed25519 private key")
			}
			return &ed25519Key{s: s, public: own.Public().(ed25519.PublicKey), private: own}, nil
		}
		if len(key) != ed25519.PublicKeySize {
			return nil, errors.New("is not 32 bytes long")
		}
		return &ed25519Key{s: s, public: key}, nil
	}}
}

// ecdsaKey proves ASN.1 signatures over SHA-256. They are malleable by nature: never tell events apart by them.
type ecdsaKey struct {
	s       *scheme
	public  *ecdsa.PublicKey
	private *ecdsa.PrivateKey // nil: verify only
}

func (k *ecdsaKey) proves(c *content) (bool, error) {
	sum := k.digest(c)
	for one := range c.each() {
		if sig, ok := c.decode(one, "", k.s.encoding); ok && ecdsa.VerifyASN1(k.public, sum, sig) {
			return true, nil
		}
	}
	return false, nil
}

func (k *ecdsaKey) digest(c *content) []byte {
	h := sha256.New()
	k.s.signed.write(h, c)
	return h.Sum(nil)
}

// plausible expects a DER SEQUENCE (tag 0x30).
func (k *ecdsaKey) plausible(c *content, text string) bool {
	sig, ok := c.decode(text, "", k.s.encoding)
	return ok && len(sig) > 8 && sig[0] == 0x30 && int(sig[1]) == len(sig)-2
}

func (k *ecdsaKey) sign(c *content) (string, error) {
	if k.private == nil {
		return "", errPublicOnly
	}
	sig, err := ecdsa.SignASN1(rand.Reader, k.private, k.digest(c))
	if err != nil {
		return "", err
	}
	return c.prefix + string(k.s.encoding.append(nil, sig)), nil
}

// ecdsaAlgorithm takes the public key in DER (SubjectPublicKeyInfo), or a private key in PKCS #8 PEM.
func ecdsaAlgorithm() algorithm {
	return algorithm{label: "ECDSA-SHA256", prover: func(s *scheme, key []byte) (prover, error) {
		if private, err := parsePrivate(key); private != nil || err != nil {
			own, ok := private.(*ecdsa.PrivateKey)
			if !ok {
				return nil, errors.New("is not an ECDSA private key")
			}
			return &ecdsaKey{s: s, public: &own.PublicKey, private: own}, nil
		}
		public, err := x509.ParsePKIXPublicKey(key)
		if own, ok := public.(*ecdsa.PublicKey); ok && err == nil {
			return &ecdsaKey{s: s, public: own}, nil
		}
		return nil, errors.New("is not an ECDSA public key")
	}}
}

// publicSecret is a form for public keys: decode, unless it is a private key in PEM, which may sign too.
func publicSecret(form secretForm) secretForm {
	decode := form.decode
	form.about += "; or, to sign test deliveries, a private key of your own in PKCS #8 PEM"
	form.decode = func(b []byte) ([]byte, error) {
		if block, _ := pem.Decode(b); block != nil {
			return b, nil
		}
		return decode(b)
	}
	return form
}

// parsePrivate returns nil and no error where text is no PEM.
func parsePrivate(text []byte) (crypto.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("is PEM but holds no PKCS #8 private key")
	}
	return private, nil
}
