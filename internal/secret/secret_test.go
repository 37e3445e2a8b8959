package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/internal/secret"
)

const text = "correct horse battery staple"

type holder struct {
	Exported   secret.Value
	unexported secret.Value
	nested     *holder
}

func TestInvariant7_ASecretIsNeverShown(t *testing.T) {
	v := secret.New([]byte(text))
	h := holder{v, v, &holder{Exported: v, unexported: v}}
	numbers := strings.Trim(fmt.Sprint([]byte(text)), "[]")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v, "h", h)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v, "h", h)
	marshalled, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(marshalled)}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{v, &v, h, &h, []secret.Value{v}, map[string]holder{"k": h}} {
			shown = append(shown, fmt.Sprintf(format, value))
		}
	}
	for _, s := range shown {
		if strings.Contains(s, text) || strings.Contains(s, numbers) || strings.Contains(s, fmt.Sprintf("%x", text)) {
			t.Errorf("shows the secret: %s", s)
		}
	}
}

func TestIDTellsSecretsApart(t *testing.T) {
	a, b := secret.New([]byte("a")), secret.New([]byte("b"))
	if a.ID() == b.ID() || a.ID() != secret.New([]byte("a")).ID() || len(a.ID()) != 8 {
		t.Errorf("IDs %s and %s", a.ID(), b.ID())
	}
	if !(secret.Value{}).Empty() || a.Empty() || string(a.Reveal()) != "a" {
		t.Error("a secret is not what was put in")
	}
}
