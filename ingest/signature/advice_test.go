package signature_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestAdvice(t *testing.T) {
	const file = `vendors:
  good: {preset: stripe, secrets: [env:LONG]}
  twice: {preset: hub, secrets: [env:OTHER, env:LONG]}
  short: {preset: hub, secrets: [env:SHORT]}
  bodiless: {secrets: [env:A], signature: {scheme: hmac, header: X-S, template: "{timestamp}", timestamp: X-T}}
  weak: {preset: mailgun, secrets: [env:B]}
  loose: {preset: github, secrets: [env:C]}
  url: {preset: square, secrets: [env:D]}
  named: {preset: square, secrets: [env:E], signature: {url: https://hooks.example.com/webhooks/named}}
  form: {preset: twilio, secrets: [env:F]}
`
	secrets := map[string]string{"SHORT": "x"}
	config, err := vendors.Parse("v.yaml", []byte(file), vendors.Options{Getenv: func(name string) string {
		if secrets[name] == "" {
			secrets[name] = randomText(24)
		}
		return secrets[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	id := func(name string) string { return secret.New([]byte(secrets[name])).ID() }
	for _, publicURL := range []string{"", "https://hooks.example.com"} {
		got := signature.Advice(config, publicURL)
		want := []string{
			"bodiless: the signature vouches for less", "form: the signature vouches for less", "form: the URL is signed",
			"loose: an event's ID and type may stand in a header", "short: secret " + id("SHORT") + " is shorter than 16 bytes",
			"twice: secret " + id("LONG") + " is that of good too", "url: the URL is signed", "weak: the signature vouches for less",
		}
		if publicURL != "" {
			want = slices.DeleteFunc(want, func(line string) bool { return strings.HasSuffix(line, "the URL is signed") })
		}
		if len(got) != len(want) {
			t.Fatalf("%q, want %q", got, want)
		}
		for i := range got {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("%q, want %q", got[i], want[i])
			}
			for _, value := range secrets {
				if len(value) > 1 && strings.Contains(got[i], value) {
					t.Errorf("shows a secret: %s", got[i])
				}
			}
		}
	}
}
