package signature

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// digest is a hash by the name that the configurable schemes give it.
type digest struct {
	name, label string
	make        func() hash.Hash
	broken      bool // collisions can be made, so it vouches for no content by itself
}

func digests() []digest {
	return []digest{
		{name: "md5", label: "MD5", make: md5.New, broken: true},
		{name: "sha1", label: "SHA1", make: sha1.New, broken: true},
		{name: "sha256", label: "SHA256", make: sha256.New},
		{name: "sha384", label: "SHA384", make: sha512.New384},
		{name: "sha512", label: "SHA512", make: sha512.New},
		{name: "sha3-256", label: "SHA3-256", make: func() hash.Hash { return sha3.New256() }},
		{name: "sha3-512", label: "SHA3-512", make: func() hash.Hash { return sha3.New512() }},
	}
}

func digestNamed(name string) (digest, error) {
	all := digests()
	i := slices.IndexFunc(all, func(d digest) bool { return d.name == name })
	if i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, d := range all {
		names = append(names, d.name)
	}
	return digest{}, fmt.Errorf("unknown algorithm %q; there are: %s", name, strings.Join(names, ", "))
}

func hmacSHA1() algorithm   { return hmacOf("HMAC-SHA1", sha1.New) }
func hmacSHA256() algorithm { return hmacOf("HMAC-SHA256", sha256.New) }
func hmacSHA512() algorithm { return hmacOf("HMAC-SHA512", sha512.New) }

func hmacOf(label string, newHash func() hash.Hash) algorithm {
	return algorithm{label: label, prover: func(s *scheme, key []byte) (prover, error) {
		return newMACKey(s, func() hash.Hash { return hmac.New(newHash, key) }), nil
	}}
}

// plainHash is a digest of a template that holds the secret.
func plainHash(d digest) algorithm {
	return algorithm{label: d.label, prover: func(s *scheme, key []byte) (prover, error) {
		k := newMACKey(s, d.make)
		k.secret = key
		return k, nil
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
