package signature

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// encoding is how a signature's bytes are written. decode accepts the one canonical spelling and no other.
type encoding struct {
	name   string
	append func(dst, src []byte) []byte
	decode func(string) ([]byte, bool)
	padded bool // may end in =
}

func hexLower() encoding {
	return encoding{name: "hex", append: hex.AppendEncode, decode: func(s string) ([]byte, bool) {
		return decodeHex(s, "0123456789abcdef")
	}}
}

func hexUpper() encoding {
	return encoding{
		name: "hex-upper",
		append: func(dst, src []byte) []byte {
			start := len(dst)
			dst = hex.AppendEncode(dst, src)
			for i := start; i < len(dst); i++ {
				if dst[i] >= 'a' {
					dst[i] -= 'a' - 'A'
				}
			}
			return dst
		},
		decode: func(s string) ([]byte, bool) { return decodeHex(s, "0123456789ABCDEF") },
	}
}

func decodeHex(s, alphabet string) ([]byte, bool) {
	if strings.Trim(s, alphabet) != "" {
		return nil, false
	}
	b, err := hex.DecodeString(s)
	return b, err == nil
}

func base64Std() encoding { return base64As("base64", base64.StdEncoding) }
func base64URL() encoding { return base64As("base64url", base64.URLEncoding) }

func base64As(name string, e *base64.Encoding) encoding {
	strict := e.Strict()
	return encoding{
		name:   name,
		append: e.AppendEncode,
		padded: true,
		decode: func(s string) ([]byte, bool) {
			if strings.ContainsAny(s, "\r\n") { // which encoding/base64 skips
				return nil, false
			}
			b, err := strict.DecodeString(s)
			return b, err == nil
		},
	}
}

// encodingNamed is for the configurable scheme.
func encodingNamed(name string) (encoding, error) {
	for _, e := range []encoding{hexLower(), hexUpper(), base64Std(), base64URL()} {
		if e.name == name {
			return e, nil
		}
	}
	return encoding{}, fmt.Errorf("unknown encoding %q; there are: hex, hex-upper, base64, base64url", name)
}
