// Package secret holds values that must never be logged, traced, stored or shown (invariant 7).
package secret

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
)

const redacted = "[redacted]"

// Value is a secret that redacts itself wherever it is printed, logged or marshalled.
// The zero Value is empty.
type Value struct {
	// A function: fmt cannot call the methods below on a Value in another type's unexported field, and prints
	// what it finds there, which for a function is an address. Nor can two Values be compared with ==, which
	// would not take constant time.
	reveal func() []byte
}

// New keeps a copy of raw.
func New(raw []byte) Value {
	raw = append([]byte(nil), raw...)
	return Value{func() []byte { return raw }}
}

// Reveal returns the secret's bytes. The caller must neither keep nor change them.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return v.reveal()
}

// Empty says whether there is no secret at all.
func (v Value) Empty() bool { return len(v.Reveal()) == 0 }

// ID is a name for the secret that distinguishes two secrets and gives neither away:
// the first 8 hex digits of SHA-256 over a fixed label and the secret.
func (v Value) ID() string {
	sum := sha256.Sum256(append([]byte("hookline key id\x00"), v.Reveal()...))
	return hex.EncodeToString(sum[:4])
}

// String implements fmt.Stringer.
func (v Value) String() string { return redacted }

// GoString implements fmt.GoStringer, for %#v.
func (v Value) GoString() string { return redacted }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON and YAML.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }
