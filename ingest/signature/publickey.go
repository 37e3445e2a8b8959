package signature

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// RSA keys outside of these are refused: smaller ones can be broken, larger ones cost us more than they give.
const minRSABits, maxRSABits = 2048, 8192

// publicKeyRules are signatures with the vendor's private key over a template.
func publicKeyRules() []rule {
	key := secretForm{
		about:  "the vendor's public key (PEM, or DER in base64) or certificate (PEM); or, to sign test deliveries, a private key of your own in PKCS #8 PEM",
		decode: func(b []byte) ([]byte, error) { return bytes.TrimSpace(b), nil },
	}
	rsaRule := rule{
		scheme:    "rsa",
		names:     []headerNames{{signature: "X-Signature"}},
		template:  "{body}",
		algorithm: publicKeyAlgorithm("sha256"),
		encoding:  base64Std(),
		secret:    key,
		options:   []string{"header", "at", "separator", "algorithm", "encoding", "prefix", "template", "timestamp", "tolerance", "url"},
		note: "RSA, or what else the key is for: the key decides between RSA, ECDSA and ed25519. algorithm: sha1, sha256, sha384 or sha512 " +
			"(RSA: PKCS #1 v1.5; ECDSA: ASN.1), pss-sha256, pss-sha384, pss-sha512 (RSA-PSS), raw-sha256, raw-sha384, raw-sha512 (ECDSA: r and s " +
			"side by side). " + templateNote,
		source:    "https://www.rfc-editor.org/rfc/rfc8017",
		configure: configurePublicKey,
	}
	ec := rsaRule
	ec.scheme, ec.source = "ecdsa", "https://csrc.nist.gov/pubs/fips/186-5/final"
	ed := rsaRule
	ed.scheme, ed.source = "ed25519", "https://www.rfc-editor.org/rfc/rfc8032"
	return []rule{rsaRule, ec, ed}
}

func configurePublicKey(r *rule, sig vendors.Signature) error {
	name := cmp.Or(sig.Algorithm, "sha256")
	if _, ok := publicKeyHashes()[name]; !ok {
		return fmt.Errorf("unknown algorithm %q; there are: sha1, sha256, sha384, sha512, and of the last three pss- and raw-", name)
	}
	secret := r.secret
	err := configureTemplate(r, sig)
	r.secret = secret
	r.algorithm = publicKeyAlgorithm(name)
	r.algorithm.label = map[string]string{"rsa": "RSA-", "ecdsa": "ECDSA-", "ed25519": "ed25519"}[r.scheme]
	if r.scheme != "ed25519" {
		r.algorithm.label += strings.ToUpper(name)
	}
	return err
}

// signatureForm is how a public-key signature is made.
type signatureForm struct {
	hash crypto.Hash
	pss  bool
	raw  bool // ECDSA as r and s side by side (IEEE P1363), which is JOSE's form
}

func publicKeyHashes() map[string]signatureForm {
	all := map[string]signatureForm{"sha1": {hash: crypto.SHA1}}
	for name, hash := range map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512} {
		all[name] = signatureForm{hash: hash}
		all["pss-"+name] = signatureForm{hash: hash, pss: true}
		all["raw-"+name] = signatureForm{hash: hash, raw: true}
	}
	return all
}

func publicKeyAlgorithm(name string) algorithm {
	form := publicKeyHashes()[name]
	return algorithm{label: "RSA-" + strings.ToUpper(name), prover: func(s *scheme, secret []byte) (prover, error) {
		public, private, err := parseKey(secret)
		if err != nil {
			return nil, err
		}
		kind, err := keyKind(public)
		if err != nil {
			return nil, err
		}
		if kind != s.rule.scheme {
			return nil, fmt.Errorf("is of kind %s, not %s", kind, s.rule.scheme)
		}
		if form.pss && kind != "rsa" || form.raw && kind != "ecdsa" {
			return nil, fmt.Errorf("of kind %s does not go with this algorithm", kind)
		}
		return &publicKey{s: s, form: form, public: public, private: private}, nil
	}}
}

// keyKind says whether a public key is for rsa, ecdsa or ed25519, and refuses one that is too weak or too large.
func keyKind(public crypto.PublicKey) (string, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return "", fmt.Errorf("is an RSA key of %d bits: want %d to %d", bits, minRSABits, maxRSABits)
		}
		if k.E < 3 || k.E > 1<<31-1 {
			return "", errors.New("is an RSA key with an exponent that nobody uses")
		}
		return "rsa", nil
	case *ecdsa.PublicKey:
		return "ecdsa", nil
	case ed25519.PublicKey:
		return "ed25519", nil
	}
	return "", errors.New("is no RSA, ECDSA or ed25519 key")
}

// parseKey reads PEM (a public key, a certificate or a PKCS #8 private key), a SubjectPublicKeyInfo in base64, or the
// 32 bytes of an ed25519 key in hex or base64.
func parseKey(text []byte) (public crypto.PublicKey, private crypto.Signer, err error) {
	block, _ := pem.Decode(text)
	if block == nil {
		public, err = parseBareKey(string(text))
		return public, nil, err
	}
	switch block.Type {
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, errors.New("is PEM but holds no certificate that can be read")
		}
		return cert.PublicKey, nil, nil
	case "RSA PUBLIC KEY":
		key, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, nil, errors.New("is PEM but holds no RSA public key that can be read")
		}
		return key, nil, nil
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, nil, errors.New("is PEM but holds no PKCS #8 private key")
		}
		return signer.Public(), signer, nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, nil, errors.New("is PEM but holds no public key that can be read")
	}
	return key, nil, nil
}

func parseBareKey(text string) (crypto.PublicKey, error) {
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == ed25519.PublicKeySize {
		return ed25519.PublicKey(raw), nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, errors.New("is neither PEM nor base64")
	}
	if len(raw) == ed25519.PublicKeySize {
		return ed25519.PublicKey(raw), nil
	}
	key, err := x509.ParsePKIXPublicKey(raw)
	if err != nil {
		return nil, errors.New("is base64, but of no public key that can be read")
	}
	return key, nil
}

// publicKey proves with the vendor's public key.
type publicKey struct {
	s       *scheme
	form    signatureForm
	public  crypto.PublicKey
	private crypto.Signer // nil: verify only
}

func (k *publicKey) proves(c *content) (bool, error) {
	message := k.message(c)
	for one := range c.each() {
		if sig, ok := c.decode(one, "", k.s.encoding); ok && k.form.verify(k.public, message, sig) {
			return true, nil
		}
	}
	return false, nil
}

// message is what the algorithm takes: the content for ed25519, its digest for the others.
func (k *publicKey) message(c *content) []byte {
	if _, ok := k.public.(ed25519.PublicKey); ok {
		c.buf = k.s.signed.append(c.buf[:0], c)
		return c.buf
	}
	h := k.form.hash.New()
	k.s.signed.write(h, c)
	return h.Sum(nil)
}

// verify checks sig over a digest, or over the message itself with ed25519.
func (f signatureForm) verify(public crypto.PublicKey, digest, sig []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if f.pss {
			return rsa.VerifyPSS(key, f.hash, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		}
		return rsa.VerifyPKCS1v15(key, f.hash, digest, sig) == nil
	case *ecdsa.PublicKey:
		if !f.raw {
			return ecdsa.VerifyASN1(key, digest, sig)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(sig) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
		return ecdsa.Verify(key, digest, r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, digest, sig)
	}
	return false
}

func (k *publicKey) plausible(c *content, text string) bool {
	sig, ok := c.decode(text, "", k.s.encoding)
	if key, isRSA := k.public.(*rsa.PublicKey); ok && isRSA {
		return len(sig) == key.Size()
	}
	if key, isECDSA := k.public.(*ecdsa.PublicKey); ok && isECDSA && !k.form.raw {
		return len(sig) > 8 && sig[0] == 0x30 && len(sig) <= 2*((key.Curve.Params().BitSize+7)/8)+9
	}
	if key, isECDSA := k.public.(*ecdsa.PublicKey); ok && isECDSA {
		return len(sig) == 2*((key.Curve.Params().BitSize+7)/8)
	}
	return ok && len(sig) == ed25519.SignatureSize
}

func (k *publicKey) sign(c *content) (string, error) {
	if k.private == nil {
		return "", errPublicOnly
	}
	var options crypto.SignerOpts = k.form.hash
	switch {
	case k.form.pss:
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: k.form.hash}
	case k.s.rule.scheme == "ed25519":
		options = crypto.Hash(0)
	}
	message := slices.Clone(k.message(c))
	sig, err := k.private.Sign(rand.Reader, message, options)
	if err != nil {
		return "", err
	}
	if k.form.raw {
		sig = k.rawForm(message)
	}
	return c.prefix + string(k.s.encoding.append(nil, sig)), nil
}

// rawForm signs a digest as r and s side by side.
func (k *publicKey) rawForm(digest []byte) []byte {
	private := k.private.(*ecdsa.PrivateKey)
	r, s, err := ecdsa.Sign(rand.Reader, private, digest)
	if err != nil {
		return nil
	}
	size := (private.Curve.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

// Format implements fmt.Formatter: a private key must not be printed with its verifier.
func (k *publicKey) Format(f fmt.State, _ rune) { io.WriteString(f, "key of "+k.s.rule.scheme) }
