package secret

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// Ref says where a secret is kept: env:NAME, an environment variable, or file:/path, a file of which the newlines at
// the end do not count. The zero Ref is none. What somebody wrote in place of a reference may be the secret itself:
// it is refused when it is read, and shown nowhere before.
type Ref string

var errNoRef = errors.New("a secret is a reference, env:NAME or file:/path; never write the secret itself here")

// String returns the reference.
func (r Ref) String() string {
	if kind, _ := r.split(); kind == "" && r != "" {
		return redacted
	}
	return string(r)
}

// GoString implements fmt.GoStringer, for %#v.
func (r Ref) GoString() string { return r.String() }

// LogValue implements slog.LogValuer.
func (r Ref) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON and YAML.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Read fetches the secret from where it is kept, each time.
func (r Ref) Read() (Value, error) { return r.ReadWith(os.Getenv, os.ReadFile) }

// ReadWith is Read with the environment and the file system of the caller's choice. Its error names the reference.
func (r Ref) ReadWith(getenv func(string) string, readFile func(string) ([]byte, error)) (Value, error) {
	switch kind, name := r.split(); kind {
	case "env":
		text := getenv(name)
		if text == "" {
			return Value{}, fmt.Errorf("secret %s: the environment variable %s is not set or empty", r, name)
		}
		return New([]byte(text)), nil
	case "file":
		content, err := readFile(name)
		if err != nil {
			return Value{}, fmt.Errorf("secret %s: %w", r, err)
		}
		content = bytes.TrimRight(content, "\r\n")
		if len(content) == 0 {
			return Value{}, fmt.Errorf("secret %s: the file is empty", r)
		}
		return New(content), nil
	}
	return Value{}, errNoRef
}

func (r Ref) split() (kind, name string) {
	kind, name, ok := strings.Cut(string(r), ":")
	if !ok || kind != "env" && kind != "file" {
		return "", ""
	}
	return kind, name
}
