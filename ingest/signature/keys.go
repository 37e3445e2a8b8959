package signature

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// key is one secret, decoded once.
type key struct {
	id    string
	until time.Time
	prover
}

func (k *key) live(now time.Time) bool { return k.until.IsZero() || !k.until.Before(now) }

// secretForm is what a scheme calls its secret and how the text that the vendor shows becomes a key.
type secretForm struct {
	about  string
	decode func([]byte) ([]byte, error)
}

func textSecret(about string) secretForm {
	return secretForm{about: about + ", as text", decode: func(b []byte) ([]byte, error) { return b, nil }}
}

func hexSecret(about string) secretForm {
	return secretForm{about: about + ", in hex", decode: func(b []byte) ([]byte, error) {
		key, err := hex.DecodeString(strings.TrimSpace(string(b)))
		if err != nil {
			return nil, errors.New("not hex") // the library's error quotes a byte of the secret
		}
		return key, nil
	}}
}

func base64Secret(about string) secretForm {
	return secretForm{about: about + ", in base64", decode: decodeBase64Secret}
}

func decodeBase64Secret(b []byte) ([]byte, error) {
	text := strings.TrimRight(strings.TrimSpace(string(b)), "=")
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("not base64")
	}
	return key, nil
}

// digestSecret is for vendors whose key is the digest of the text that they show.
func digestSecret(about, name string) secretForm {
	return secretForm{about: about + ", as text, whose " + strings.ToUpper(name) + " is the key", decode: func(b []byte) ([]byte, error) {
		if name == "sha1" {
			sum := sha1.Sum(b)
			return sum[:], nil
		}
		sum := sha256.Sum256(b)
		return sum[:], nil
	}}
}

// secretAs is for the configurable scheme.
func secretAs(name, about string) (secretForm, error) {
	switch name {
	case "", "text":
		return textSecret(about), nil
	case "hex":
		return hexSecret(about), nil
	case "base64":
		return base64Secret(about), nil
	case "sha1", "sha256":
		return digestSecret(about, name), nil
	}
	return secretForm{}, fmt.Errorf("unknown secret_as %q; there are: text, hex, base64, sha1, sha256", name)
}

// keyring decodes the secrets of use. It reports every secret that is wrong, by its ID.
func (s *scheme) keyring(keys []vendors.Key, use vendors.Use, a algorithm, form secretForm) ([]key, error) {
	var ring []key
	var bad []error
	for _, k := range keys {
		if k.Use != use {
			continue
		}
		id := k.ID
		if id == "" {
			id = k.Secret.ID()
		}
		p, err := s.prepare(k, a, form)
		if err != nil {
			bad = append(bad, fmt.Errorf("secret %s: %w (expected: %s)", id, err, form.about))
			continue
		}
		ring = append(ring, key{id: id, until: k.Until, prover: p})
	}
	return ring, errors.Join(bad...)
}

func (s *scheme) prepare(k vendors.Key, a algorithm, form secretForm) (prover, error) {
	if k.Secret.Empty() {
		return nil, errors.New("is empty")
	}
	raw, err := form.decode(k.Secret.Reveal())
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, errors.New("is empty once decoded")
	}
	return a.prover(s, append([]byte(nil), raw...))
}
