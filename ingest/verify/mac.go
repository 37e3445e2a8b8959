package verify

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"io"
	"sync"
)

// prover proves with one key that a delivery's claimed signatures cover its content.
type prover interface {
	// proves says whether one of c's signatures is this key's. It compares in constant time. An error is a fault
	// of ours, unless it is an *Error.
	proves(c *content) (bool, error)
	// plausible says whether text has the form of this key's signatures: refused as malformed or as wrong.
	plausible(c *content, text string) bool
	// sign returns the signature of c with its prefix.
	sign(c *content) (string, error)
}

// algorithm makes the provers of a scheme from its decoded secrets.
type algorithm struct {
	label  string // such as "HMAC-SHA256"
	prover func(s *scheme, key []byte) (prover, error)
}

func hmacSHA1() algorithm   { return hmacOf("HMAC-SHA1", sha1.New) }
func hmacSHA256() algorithm { return hmacOf("HMAC-SHA256", sha256.New) }
func hmacSHA384() algorithm { return hmacOf("HMAC-SHA384", sha512.New384) }
func hmacSHA512() algorithm { return hmacOf("HMAC-SHA512", sha512.New) }

func hmacOf(label string, newHash func() hash.Hash) algorithm {
	return algorithm{label: label, prover: func(s *scheme, key []byte) (prover, error) {
		return newMACKey(s, func() hash.Hash { return hmac.New(newHash, key) }), nil
	}}
}

// secretThenSHA256 is SHA-256 over the secret followed by what is signed (HubSpot's first two versions).
func secretThenSHA256() algorithm {
	return algorithm{label: "SHA256(secret + content)", prover: func(s *scheme, key []byte) (prover, error) {
		return newMACKey(s, func() hash.Hash {
			h := secretFirst{sha256.New(), key}
			h.Reset()
			return h
		}), nil
	}}
}

type secretFirst struct {
	hash.Hash
	secret []byte
}

func (h secretFirst) Reset() {
	h.Hash.Reset()
	h.Write(h.secret)
}

// hmacNamed is for the configurable scheme.
func hmacNamed(name string) (algorithm, error) {
	switch name {
	case "sha1":
		return hmacSHA1(), nil
	case "sha256":
		return hmacSHA256(), nil
	case "sha384":
		return hmacSHA384(), nil
	case "sha512":
		return hmacSHA512(), nil
	}
	return algorithm{}, fmt.Errorf("unknown algorithm %q; there are: sha1, sha256, sha384, sha512", name)
}

// macKey proves by computing the one right signature text and comparing the claimed ones with it, so that no
// other spelling of the same bytes is accepted and nothing that a stranger sent is decoded.
type macKey struct {
	s      *scheme
	label  string // between the wire's prefix and the digest
	size   int
	states sync.Pool // of *macState: a keyed hash costs more to make than to run over a small body
}

type macState struct {
	hash      hash.Hash
	sum, text []byte
	claimed   []byte
}

func newMACKey(s *scheme, newHash func() hash.Hash) *macKey {
	return &macKey{
		s:      s,
		size:   newHash().Size(),
		states: sync.Pool{New: func() any { return &macState{hash: newHash()} }},
	}
}

func (k *macKey) proves(c *content) (bool, error) {
	state := k.states.Get().(*macState)
	defer k.states.Put(state)
	want := k.text(state, c)
	right := 0
	for one := range c.each() {
		state.claimed = append(state.claimed[:0], one...)
		right |= subtle.ConstantTimeCompare(want, state.claimed)
	}
	return right != 0, nil
}

// sum is the digest of text alone.
func (k *macKey) sum(text string) []byte {
	state := k.states.Get().(*macState)
	defer k.states.Put(state)
	state.hash.Reset()
	io.WriteString(state.hash, text)
	return state.hash.Sum(nil)
}

// text leaves the signature of c, prefix and all, in state.
func (k *macKey) text(state *macState, c *content) []byte {
	state.hash.Reset()
	k.s.signed.write(state.hash, c)
	state.sum = state.hash.Sum(state.sum[:0])
	state.text = append(state.text[:0], c.prefix...)
	state.text = append(state.text, k.label...)
	state.text = k.s.encoding.append(state.text, state.sum)
	return state.text
}

func (k *macKey) plausible(c *content, text string) bool {
	sum, ok := c.decode(text, k.label, k.s.encoding)
	return ok && len(sum) == k.size
}

func (k *macKey) sign(c *content) (string, error) {
	state := k.states.Get().(*macState)
	defer k.states.Put(state)
	return string(k.text(state, c)), nil
}

// token is for a "signature" that is the secret itself: it proves who sends, and nothing of the content.
func token() algorithm {
	return algorithm{label: "the secret itself", prover: func(_ *scheme, key []byte) (prover, error) {
		return &tokenKey{text: string(key), sum: sha256.Sum256(key)}, nil
	}}
}

// tokenKey compares digests, which do not tell the secret's length.
type tokenKey struct {
	text string
	sum  [sha256.Size]byte
}

func (k *tokenKey) proves(c *content) (bool, error) {
	claimed := sha256.Sum256([]byte(c.signatures))
	return subtle.ConstantTimeCompare(claimed[:], k.sum[:]) == 1, nil
}

func (k *tokenKey) plausible(*content, string) bool { return true }

func (k *tokenKey) sign(*content) (string, error) { return k.text, nil }
