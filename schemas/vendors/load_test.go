package vendors_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// options are an environment of the test's own: two secrets, one file, a fixed day.
var options = vendors.Options{
	Schemes: []string{"hub", "stripe", "hmac"},
	Getenv: func(name string) string {
		return map[string]string{"A": "first secret", "B": "second secret"}[name]
	},
	ReadFile: func(name string) ([]byte, error) {
		switch name {
		case "/run/secrets/a":
			return []byte("secret in a file\r\n"), nil
		case "/run/secrets/empty":
			return []byte("\n"), nil
		}
		return nil, fs.ErrNotExist
	},
	Now: func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) },
}

func TestParse(t *testing.T) {
	config, err := vendors.Parse("vendors.yaml", []byte(`
vendors:
  shop:
    preset: stripe
    secrets: [env:A, {from: env:B, until: 2026-12-31}, {from: file:/run/secrets/a, until: 2027-01-01T00:00:00+01:00}]
    redelivery: last
    signature: {tolerance: 10m}
  own:
    signature: {scheme: hmac, header: X-Signature, prefix: "v1=", template: "{timestamp}.{body}", timestamp: X-Time}
    secrets: env:A
`), options)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(config.Vendors)); !slices.Equal(got, []string{"own", "shop"}) {
		t.Fatalf("vendors %v", got)
	}
	shop, own := config.Vendors["shop"], config.Vendors["own"]
	if shop.Name != "shop" || shop.Preset != "stripe" || shop.Redelivery != vendors.RedeliveryLast {
		t.Errorf("shop: %+v", shop)
	}
	if shop.Signature.Scheme != "stripe" || shop.Signature.Tolerance != 10*time.Minute {
		t.Errorf("shop's signature: %+v", shop.Signature)
	}
	wantUntil := []time.Time{{}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)}
	wantSecret := []string{"first secret", "second secret", "secret in a file"}
	for i, key := range shop.Keys {
		if got := string(key.Secret.Reveal()); got != wantSecret[i] || !key.Until.Equal(wantUntil[i]) || key.ID != key.Secret.ID() {
			t.Errorf("key %d: ID %s, until %v", i, key.ID, key.Until)
		}
	}
	if own.Redelivery != vendors.RedeliveryFirst || len(own.Keys) != 1 || own.Signature.Template != "{timestamp}.{body}" {
		t.Errorf("own: %+v", own)
	}
	if len(config.Warnings) != 0 {
		t.Errorf("warnings: %q", config.Warnings)
	}
}

// Windows editors put a byte order mark before a file, and end its lines with CR LF.
func TestByteOrderMark(t *testing.T) {
	config, err := vendors.Parse("vendors.yaml", []byte("\ufeffvendors:\r\n  a: {preset: stripe, secrets: [env:A]}\r\n"), options)
	if err != nil || config.Vendors["a"] == nil {
		t.Fatalf("%+v, %v", config, err)
	}
}

func TestWithoutSecrets(t *testing.T) {
	opt := options
	opt.WithoutSecrets = true
	opt.Getenv = func(string) string { t.Error("the environment was read"); return "" }
	config, err := vendors.Parse("vendors.yaml", []byte("vendors: {a: {preset: stripe, secrets: [env:NONE]}, b: {preset: hub}}"), opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Vendors["a"].Keys) != 0 {
		t.Error("keys were read")
	}
}

func TestWarnings(t *testing.T) {
	config, err := vendors.Parse("vendors.yaml", []byte(`
vendors:
  soon: {preset: stripe, secrets: [env:A, {from: env:B, until: 2026-11-24}]}
  over: {preset: stripe, secrets: [env:A, {from: env:B, until: 2026-11-22}]}
  gone: {preset: hub, secrets: {from: env:A, until: 2026-11-01}}
  long: {preset: stripe, secrets: [env:A, {from: env:B, until: 2026-11-26}]}
`), options)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"gone: secret env:A ended on 2026-11-02T00:00:00Z: remove it",
		"gone: no secret is live: every delivery will be refused",
		"over: secret env:B ended on 2026-11-23T00:00:00Z: remove it",
		"soon: secret env:B ends in 36h0m0s, and the vendor retries for 72h0m0s: deliveries signed with it may still come after that; end it later unless it has been out of use for so long",
	}
	if !slices.Equal(config.Warnings, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(config.Warnings, "\n"), strings.Join(want, "\n"))
	}
}

// TestEveryMistakeAtOnce reads a file with a mistake of every kind and compares all that is said about it.
// TestOddSecrets: what a secret has caught on its way is warned of, and nothing of it is shown.
func TestOddSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"topsecret": "", "top secret": "", `"topsecret`: "", "t": "", `"`: "", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": "",
		" topsecret": "begins with a blank", "\u00a0topsecret": "begins with a blank", "topsecret ": "ends with a blank", "topsecret\u200b": "ends with a blank",
		"topsecret\n": "ends with a line break", "topsecret\r\n": "ends with a line break", "\ufefftopsecret": "begins with a byte order mark",
		`"topsecret"`: "stands in quotes", "'topsecret'": "stands in quotes", "“topsecret”": "stands in quotes",
	} {
		odd := options
		odd.Getenv = func(string) string { return text }
		config, err := vendors.Parse("v.yaml", []byte("vendors: {a: {preset: stripe, secrets: env:A}}"), odd)
		if err != nil {
			t.Fatal(err)
		}
		warnings := strings.Join(config.Warnings, "\n")
		if (want == "") != (warnings == "") || !strings.Contains(warnings, want) || strings.Contains(warnings, "topsecret") {
			t.Errorf("%q: warned %q, want %q", text, warnings, want)
		}
	}
}

func TestEveryMistakeAtOnce(t *testing.T) {
	src, err := os.ReadFile(filepath.Join("testdata", "mistakes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = vendors.Parse("vendors.yaml", src, options)
	if err == nil {
		t.Fatal("accepted")
	}
	golden(t, filepath.Join("testdata", "mistakes.txt"), []byte(err.Error()+"\n"))
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		var problem *vendors.Problem
		if !errors.As(one, &problem) || problem.Line == 0 || problem.Column == 0 {
			t.Errorf("%v has no place", one)
		}
	}
}

func TestNotVendors(t *testing.T) {
	tests := map[string]struct{ src, want string }{
		"empty":                               {"", "v.yaml:1:1: the file is empty: it needs the key vendors"},
		"only a comment":                      {"# nothing\n", "v.yaml:1:1: the file is empty: it needs the key vendors"},
		"no vendors":                          {"vendors: {}\n", "v.yaml:1:1: no vendors: add at least one under the key vendors"},
		"null":                                {"vendors:\n", "v.yaml:1:1: no vendors: add at least one under the key vendors"},
		"a list":                              {"- a\n", "v.yaml:1:1: must be a mapping (key: value), found a list"},
		"wrong key":                           {"vendor: {}\n", `v.yaml:1:1: unknown key "vendor": did you mean "vendors"?`},
		"not YAML":                            {"vendors: [\n", "v.yaml:2:1: not YAML: while parsing a flow node: did not find expected node content"},
		"endless nesting":                     {"vendors: {a: {preset: stripe, secrets: env:A, sales: {x: {effect: sale, amount: " + strings.Repeat("{first: [", 20_000), "not YAML"},
		"two documents":                       {"vendors: {a: {preset: stripe, secrets: env:A}}\n---\nvendors: {}\n", "v.yaml:3:1: a second YAML document: put everything into the first"},
		"endless alias":                       {"vendors: {a: {preset: stripe, secrets: env:A, sales: {x: &x {effect: sale, unit: minor, currency: a, amount: &a {path: a, minus: *a}}}}}", "too many aliases"},
		"unknown alias":                       {"vendors: {a: {preset: *p, secrets: env:A}}", "v.yaml:1:23: not YAML: unknown anchor 'p' referenced"},
		"a zone that is none":                 {"vendors: {a: {preset: stripe, secrets: env:A, zone: Europe/Atlantis}}", `zone: "Europe/Atlantis" is no zone: write a name such as Europe/Berlin`},
		"the machine's zone":                  {"vendors: {a: {preset: stripe, secrets: env:A, zone: Local}}", "zone: write a name such as Europe/Berlin"},
		"a layout without a day":              {`vendors: {a: {preset: stripe, secrets: env:A, events: {time: {path: t, format: "%Y-%m"}}}}`, "a time needs a year, a month and a day"},
		"a layout of Go's":                    {`vendors: {a: {preset: stripe, secrets: env:A, events: {time: {path: t, format: "2006 %Y-%m-%d"}}}}`, `"2006 " between fields would be taken for a field`},
		"a layout with an unknown field":      {`vendors: {a: {preset: stripe, secrets: env:A, events: {time: {path: t, format: "%Y-%m-%d %Z"}}}}`, "there is no %Z"},
		"hours to 12 alone":                   {`vendors: {a: {preset: stripe, secrets: env:A, events: {time: {path: t, format: "%Y-%m-%d %I:%M"}}}}`, "goes with %p"},
		"a tag":                               {"vendors: {a: {preset: !!str stripe, secrets: env:A}}", "YAML that is not supported here"},
		"a preset's part that no longer fits": {"vendors: {a: {preset: adyen, secrets: env:A, events: {content: form}, signature: {scheme: hub}}}", "presets/adyen.yaml:16:9: each needs content: json"},
		"a preset's unknown scheme":           {"vendors: {a: {preset: slack, secrets: env:A}}", `presets/slack.yaml:10:21: unknown scheme "slack": use one of hmac, hub, stripe`},
		"the secret itself":                   {"vendors: {a: {preset: stripe, secrets: whsec_abc}}", "never write the secret itself here"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := vendors.Parse("v.yaml", []byte(tt.src), options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if strings.Contains(err.Error(), "whsec_abc") {
				t.Error("the secret is in the message")
			}
		})
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vendors.yaml")
	if _, err := vendors.Load(path, options); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v for a file that is not there", err)
	}
	if err := os.WriteFile(path, []byte("vendors: {a: {preset: stripe, secrets: env:A}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := vendors.Load(path, options)
	if err != nil || config.Vendors["a"] == nil {
		t.Fatalf("%+v, %v", config, err)
	}
}
