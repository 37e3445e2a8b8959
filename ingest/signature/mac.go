package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"io"
	"strings"
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

// macKey proves by computing the one right signature text and comparing the claimed ones with it, so that no
// other spelling of the same bytes is accepted and nothing that a stranger sent is decoded.
type macKey struct {
	s      *scheme
	secret []byte // for a template that holds it
	label  string // between the header's prefix and the digest
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
	c.secret = k.secret
	want := k.text(state, c)
	right := 0
	for one := range c.each() {
		if len(one) != len(want) { // and may be as long as a body
			continue
		}
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
	c.secret = k.secret
	return string(k.text(state, c)), nil
}

// token is for a "signature" that is the secret itself: it proves who sends, and nothing of the content.
func token() algorithm {
	return algorithm{label: "the secret itself", prover: func(_ *scheme, key []byte) (prover, error) {
		return &tokenKey{text: string(key), sum: sha256.Sum256(key)}, nil
	}}
}

// tokenKey compares digests, which do not reveal the secret's length.
type tokenKey struct {
	text string
	sum  [sha256.Size]byte
}

func (k *tokenKey) proves(c *content) (bool, error) {
	text, ok := strings.CutPrefix(c.signatures, c.prefix)
	claimed := sha256.Sum256([]byte(text))
	return ok && subtle.ConstantTimeCompare(claimed[:], k.sum[:]) == 1, nil
}

func (k *tokenKey) plausible(c *content, text string) bool { return strings.HasPrefix(text, c.prefix) }

func (k *tokenKey) sign(c *content) (string, error) { return c.prefix + k.text, nil }
