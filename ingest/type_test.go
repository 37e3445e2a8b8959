package ingest

import (
	"strings"
	"testing"
)

func TestStoredType(t *testing.T) {
	for header, want := range map[string]string{
		"":                                "",
		"application/json":                "application/json",
		"application/json; charset=utf-8": "application/json; charset=utf-8",
		"Application/JSON; x=" + strings.Repeat("x", 30_000): "application/json",
		"application/json; x=\x01":                           "",
		"text/plain; charset=\u00e9":                         "",
		strings.Repeat("x", 30_000) + "/y":                   "",
	} {
		if got := storedType(header); got != want {
			t.Errorf("%.40q: %q, want %q", header, got, want)
		}
	}
}
