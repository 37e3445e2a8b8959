package signature

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// standardRules: Standard Webhooks 1.0. The secret's prefix decides what may prove with it: whsec_ (or none) is an
// HMAC key for v1 alone, whpk_ and whsk_ are ed25519 keys for v1a alone. So a public key can never serve as an
// HMAC secret that everyone knows.
func standardRules() []rule {
	standard := rule{
		scheme: "standard-webhooks",
		names: []headerNames{
			{signature: "webhook-signature", timestamp: "webhook-timestamp", id: "webhook-id"},
			{signature: "svix-signature", timestamp: "svix-timestamp", id: "svix-id"},
		},
		list:      " ",
		template:  "{id}.{timestamp}.{body}",
		algorithm: algorithm{label: "v1: HMAC-SHA256, v1a: ed25519", prover: standardProver},
		encoding:  base64Std(),
		clock:     unixSeconds(),
		tolerance: 5 * time.Minute,
		secret: secretForm{
			about:  "whsec_ and base64 (v1), or whpk_ and base64 of the public key (v1a)",
			decode: func(b []byte) ([]byte, error) { return bytes.TrimSpace(b), nil },
		},
		options:   []string{"header"},
		source:    "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
		configure: rebrand,
	}
	return []rule{standard}
}

// rebrand is for vendors that use the scheme under their own header names.
func rebrand(r *rule, sig vendors.Signature) error {
	if sig.Header == "" {
		return nil
	}
	brand, ok := strings.CutSuffix(strings.ToLower(sig.Header), "-signature")
	if !ok {
		return fmt.Errorf("header %q: the scheme's headers end in -signature, -timestamp and -id", sig.Header)
	}
	r.names = []headerNames{{signature: sig.Header, timestamp: brand + "-timestamp", id: brand + "-id"}}
	return nil
}

func standardProver(s *scheme, secret []byte) (prover, error) {
	kind, text, _ := strings.Cut(string(secret), "_")
	if kind != "whsec" && kind != "whpk" && kind != "whsk" {
		kind, text = "whsec", string(secret)
	}
	raw, err := decodeBase64Secret([]byte(text))
	switch {
	case err != nil:
		return nil, err
	case len(raw) == 0:
		return nil, errors.New("is empty once decoded")
	case kind == "whsec":
		p, err := hmacSHA256().prover(s, raw)
		if err != nil {
			return nil, err
		}
		p.(*macKey).label = "v1,"
		return p, nil
	case kind == "whpk" && len(raw) == ed25519.PublicKeySize:
		return &ed25519Key{s: s, label: "v1a,", public: raw}, nil
	case kind == "whsk" && len(raw) == ed25519.PrivateKeySize:
		private := ed25519.PrivateKey(raw)
		return &ed25519Key{s: s, label: "v1a,", public: private.Public().(ed25519.PublicKey), private: private}, nil
	}
	return nil, errors.New("has the wrong length for an ed25519 key")
}
