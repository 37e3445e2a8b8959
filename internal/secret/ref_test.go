package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/internal/secret"
)

func TestRef(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte(text+"\r\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOOKLINE_TEST_SECRET", text)
	for ref, want := range map[secret.Ref]string{
		"env:HOOKLINE_TEST_SECRET": "", "file:" + secret.Ref(path): "",
		"env:HOOKLINE_TEST_NOT_SET": "HOOKLINE_TEST_NOT_SET is not set", "file:/not/there": "no such file", "file:" + secret.Ref(empty): "is empty",
		"": "is a reference", "vault:x": "is a reference", text: "is a reference",
	} {
		value, err := ref.Read()
		switch {
		case want == "" && (err != nil || string(value.Reveal()) != text):
			t.Errorf("%s: got %q, %v", ref, value.Reveal(), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), text)):
			t.Errorf("%s: got %v, want %q", ref, err, want)
		}
	}
}

func TestInvariant7_ASecretInPlaceOfAReferenceIsNotShown(t *testing.T) {
	type options struct{ Password secret.Ref }
	o := options{text}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "password", o.Password, "o", o)
	marshalled, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{log.String(), string(marshalled), fmt.Sprint(o), fmt.Sprintf("%+v %#v %s %q", o, o, o.Password, o.Password)} {
		if strings.Contains(shown, text) {
			t.Errorf("shows the secret: %s", shown)
		}
	}
}
