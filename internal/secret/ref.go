package secret

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Ref says where a secret is kept: env:NAME, an environment variable, or file:/path, a file of which the newlines at
// the end do not count. The zero Ref is none. It is not itself a secret, and never holds one once it has been
// checked, so that command lines and configuration can be shown.
type Ref string

// errNoRef quotes nothing: what stands where a reference should may be the secret itself.
var errNoRef = errors.New("a secret is a reference, env:NAME or file:/path; never write the secret itself here")

// UnmarshalText takes a reference and refuses all else.
func (r *Ref) UnmarshalText(text []byte) error {
	ref := Ref(text)
	if kind, name := ref.split(); ref != "" && (kind == "" || name == "") {
		return errNoRef
	}
	*r = ref
	return nil
}

// Read fetches the secret from where it is kept, anew each time.
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
