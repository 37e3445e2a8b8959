package vendors_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// actionOptions are options with two secrets that can sign: S, published by Standard Webhooks, and T.
func actionOptions() vendors.Options {
	opt := options
	opt.ActionSecrets = true
	opt.Getenv = func(name string) string {
		return map[string]string{
			"A": "first secret", "S": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "T": base64.StdEncoding.EncodeToString(make([]byte, 32)),
			"SHORT": "whsec_c2hvcnQ=", "TEXT": "not base64 at all!",
		}[name]
	}
	return opt
}

func TestActions(t *testing.T) {
	src := []byte(`
vendors:
  acme:
    preset: stripe
    secrets: env:A
    actions:
      charge.succeeded:
        - {forward: "http://fulfilment.internal/hooks?tenant=1", timeout: 5s, secret: env:S}
        - {forward: "https://crm.internal:8443/in", secret: [{from: env:S, until: 2026-12-31}, env:T]}
      charge.*: {forward: http://ledger.internal/, secret: env:S}
      charge.failed: null
      "*": [{forward: "http://10.0.0.7/all"}]
  other: {preset: stripe, secrets: env:A}
`)
	config, err := vendors.Parse("v.yaml", src, actionOptions())
	if err != nil {
		t.Fatal(err)
	}
	acme := config.Vendors["acme"]
	targets := func(typ string) (out []string) {
		for _, a := range acme.Actions(typ) {
			out = append(out, a.Target)
		}
		return out
	}
	for typ, want := range map[string][]string{
		"charge.succeeded": {"http://fulfilment.internal/hooks", "https://crm.internal:8443/in"},
		"charge.refunded":  {"http://ledger.internal/"},
		"charge.failed":    nil,
		"invoice.paid":     {"http://10.0.0.7/all"},
	} {
		if got := targets(typ); !slices.Equal(got, want) {
			t.Errorf("%s goes to %q, want %q", typ, got, want)
		}
	}
	first, second := acme.Actions("charge.succeeded")[0], acme.Actions("charge.succeeded")[1]
	if first.Forward != "http://fulfilment.internal/hooks?tenant=1" || first.Timeout != 5*time.Second || first.Name() != "forward http://fulfilment.internal/hooks" {
		t.Errorf("%+v", first)
	}
	if key, _ := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"); len(first.Keys) != 1 || string(first.Keys[0].Secret.Reveal()) != string(key) {
		t.Errorf("%d keys", len(first.Keys))
	}
	if second.Timeout != 10*time.Second || len(second.Keys) != 2 || second.Keys[0].Until.IsZero() || !second.Keys[1].Until.IsZero() {
		t.Errorf("%+v", second)
	}
	var all []string
	for _, vendor := range []string{"acme", "other"} {
		for typ, a := range config.Vendors[vendor].AllActions() {
			all = append(all, vendor+" "+typ+" "+a.Target)
		}
	}
	if want := []string{"acme charge.succeeded http://fulfilment.internal/hooks", "acme charge.succeeded https://crm.internal:8443/in",
		"acme charge.* http://ledger.internal/", "acme * http://10.0.0.7/all"}; !slices.Equal(all, want) {
		t.Errorf("all actions: %q", all)
	}
	if want := []string{"forward http://10.0.0.7/all has no secret: its requests are not signed"}; !slices.Equal(config.Warnings, want) {
		t.Errorf("warnings %q", config.Warnings)
	}
}

// TestInvariant7_ActionSecrets: who runs no actions reads none of their secrets.
func TestInvariant7_ActionSecrets(t *testing.T) {
	opt := options
	opt.Getenv = func(name string) string {
		if name == "S" {
			t.Error("the action's secret was read")
		}
		return "x"
	}
	config, err := vendors.Parse("v.yaml", []byte("vendors: {a: {preset: stripe, secrets: env:A, actions: {x: {forward: 'http://h/', secret: env:S}}}}"), opt)
	if err != nil || len(config.Vendors["a"].Actions("x")[0].Keys) != 0 || len(config.Warnings) != 0 {
		t.Errorf("%+v, %v", config, err)
	}
}

func TestActionMistakes(t *testing.T) {
	_, err := vendors.Parse("v.yaml", []byte(`vendors:
  acme:
    preset: stripe
    secrets: env:A
    actions:
      a: {forwards: http://h/}
      b: [{forward: fulfilment.internal/hooks, secret: env:S}, {forward: ftp://h/, secret: env:S}]
      c: {forward: "http://user:hunter2@h/", secret: env:S}
      d: {forward: "http://h/a#b", timeout: 2m, secret: env:S}
      e: [{forward: "http://h/?a", secret: env:S}, {forward: "http://h/?b", secret: env:S}]
      f: [{forward: http://h/, secret: env:NONE}, {forward: http://i/, secret: env:SHORT}, {forward: http://j/, secret: env:TEXT}]
      g: {forward: http://h/, secret: whsec_hunter2}
      h: {forward: http://h/, secret: {from: env:S, until: soon}}
      i: [null]
      j*k*: {forward: http://h/, secret: env:S}
      k: {forward: "http://h/%zz hunter2", secret: env:S}
      l: {timeout: fast}
`), actionOptions())
	if err == nil {
		t.Fatal("accepted")
	}
	must := `must be whsec_ and the base64 of 24 to 64 random bytes; make one with: echo "whsec_$(openssl rand -base64 32)"`
	want := strings.Join([]string{
		`v.yaml:6:10: an action needs forward: the URL that gets the event`,
		`v.yaml:6:11: unknown key "forwards": did you mean "forward"?`,
		`v.yaml:7:21: write the URL in full, like http://fulfilment.internal/hooks`,
		`v.yaml:7:74: write the URL in full, like http://fulfilment.internal/hooks`,
		`v.yaml:8:20: no user and password in the URL: they would be in the log and the results; sign the requests with a secret instead`,
		`v.yaml:9:20: the part after # is never sent: remove it`,
		`v.yaml:9:45: a timeout of more than 1m0s: a target that takes so long should accept the event first and work on it afterwards`,
		`v.yaml:10:62: http://h/ gets these events already: remove one (a query does not make it another target)`,
		`v.yaml:11:40: secret env:NONE: the environment variable NONE is not set or empty`,
		`v.yaml:11:80: secret env:SHORT: ` + must,
		`v.yaml:11:121: secret env:TEXT: ` + must,
		`v.yaml:12:39: a secret is a reference, env:NAME or file:/path; never write the secret itself here`,
		`v.yaml:13:60: until: "soon" is neither a day (2026-12-31) nor a time (2026-12-31T18:00:00Z)`,
		`v.yaml:14:7: an item of this list is empty`,
		`v.yaml:15:7: "j*k*": a pattern has one *`,
		`v.yaml:16:20: not a URL: write it like http://fulfilment.internal/hooks`,
		`v.yaml:17:10: an action needs forward: the URL that gets the event`,
		`v.yaml:17:20: "fast" is not a duration: write it like 30s, 5m or 72h`,
	}, "\n")
	if got := err.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a secret is in the message")
	}
}
