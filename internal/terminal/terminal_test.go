package terminal

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"Zoë ✓ 日本":        "Zoë ✓ 日本",
		"two\nlines\t|":   "two\nlines\t|",
		"\x1b[2J":         `\x1b[2J`,
		"\u009b31m":       `\u009b31m`,
		"12\u202e00":      `12\u202e00`,
		"a\u2066b\u2069":  `a\u2066b\u2069`,
		"a\u200bb":        `a\u200bb`,
		"\r\x00\x7f":      `\r\x00\x7f`,
		"broken \xff end": "broken � end",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	var out strings.Builder
	if n, err := (Writer{&out}).Write([]byte("a\x1bb\n")); n != 4 || err != nil || out.String() != "a\\x1bb\n" {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
}

func TestWord(t *testing.T) {
	for text, want := range map[string]string{
		"": "''", "/home/a/.hookline": "/home/a/.hookline", "my data": "'my data'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "a;b": "'a;b'", "*": "'*'", "a b/c": "'a b/c'",
	} {
		if got := Word(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
