package vendors_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/schemas/vendors"
)

func parseLimits(limits string) (vendors.Limits, error) {
	src := "vendors:\n  acme:\n    signature: {scheme: hub}\n    limits:\n" + limits
	config, err := vendors.Parse("vendors.yaml", []byte(src), vendors.Options{WithoutSecrets: true})
	if err != nil {
		return vendors.Limits{}, err
	}
	return config.Vendors["acme"].Limits, nil
}

func TestLimits(t *testing.T) {
	for _, tc := range []struct {
		yaml string
		want vendors.Limits
	}{
		{"      rate: 20\n", vendors.Limits{Rate: 20, Burst: 200}},
		{"      rate: 20\n      burst: 1\n", vendors.Limits{Rate: 20, Burst: 1}},
		{"      allow: 203.0.113.7\n", vendors.Limits{Allow: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}}},
		{"      allow: [203.0.113.0/24, '2001:db8::/32', '::ffff:192.0.2.1']\n", vendors.Limits{Allow: []netip.Prefix{
			netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.0.2.1/32"),
		}}},
	} {
		got, err := parseLimits(tc.yaml)
		if err != nil || got.Rate != tc.want.Rate || got.Burst != tc.want.Burst || !slices.Equal(got.Allow, tc.want.Allow) {
			t.Errorf("%q: got %+v, %v, want %+v", tc.yaml, got, err, tc.want)
		}
	}
}

func TestLimitsMistakes(t *testing.T) {
	for _, tc := range []struct{ yaml, want string }{
		{"      rate: 0\n", "vendors.yaml:5:13: rate must be at least 1"},
		{"      rate: 1.5\n", "vendors.yaml:5:13: must be a whole number"},
		{"      rate: 5\n      burst: -1\n", "vendors.yaml:6:14: burst must be at least 1"},
		{"      burst: 5\n", "vendors.yaml:5:14: burst means nothing without rate"},
		{"      allow: [203.0.113.7/24]\n", "vendors.yaml:5:15: \"203.0.113.7/24\" has bits beside its mask: write 203.0.113.0/24"},
		{"      allow:\n        - 203.0.113.0/24\n        - example.com\n", "vendors.yaml:7:11: \"example.com\" is neither an address"},
		{"      allow: ['::ffff:203.0.113.0/120']\n", "vendors.yaml:5:15: \"::ffff:203.0.113.0/120\": write an IPv4 range as such"},
		{"      rates: 5\n", `vendors.yaml:5:7: unknown key "rates": did you mean "rate"?`},
	} {
		if _, err := parseLimits(tc.yaml); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want %q in it", tc.yaml, err, tc.want)
		}
	}
}

func TestReservedName(t *testing.T) {
	src := "vendors:\n  unknown:\n    signature: {scheme: hub}\n"
	_, err := vendors.Parse("vendors.yaml", []byte(src), vendors.Options{WithoutSecrets: true})
	if err == nil || !strings.Contains(err.Error(), `vendors.yaml:2:3: "unknown" is what`) {
		t.Errorf("got %v", err)
	}
}
