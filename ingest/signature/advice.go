package signature

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// shortSecret is how many bytes a secret has at least that cannot be guessed: 128 bits, as RFC 2104 has it for the
// smallest hash.
const shortSecret = 16

// Advice lists what works and is weaker than it need be, one line each: signatures that vouch for little, secrets that can
// be guessed or are shared, URLs that are believed. publicURL is the one of all vendors, if there is one.
func Advice(config *vendors.Config, publicURL string) []string {
	var lines []string
	names := slices.Sorted(maps.Keys(config.Vendors))
	for i, name := range names {
		vendor := config.Vendors[name]
		facts, err := DescribeSignature(vendor.Signature)
		if err != nil {
			continue // New says so
		}
		say := func(format string, args ...any) { lines = append(lines, name+": "+fmt.Sprintf(format, args...)) }
		if text := facts.weakness(vendor); text != "" {
			say("%s", text)
		}
		if facts.SignsURL && vendor.Signature.URL == "" && publicURL == "" {
			say("the URL is signed, and what the request says of its own host is believed: set signature.url, or ingest's --public-url")
		}
		for _, key := range vendor.Keys {
			if len(key.Secret.Reveal()) < shortSecret {
				say("secret %s is shorter than %d bytes and can be guessed: have the vendor make a longer one", key.ID, shortSecret)
			}
			for _, other := range names[:i] {
				if sharesSecret(config.Vendors[other], key) {
					say("secret %s is that of %s too: who may send for one may send for both", key.ID, other)
				}
			}
		}
	}
	return lines
}

// weakness says what of an event the signature does not vouch for.
func (f *Facts) weakness(vendor *vendors.Vendor) string {
	if f.Proof != schemas.ProofBody {
		return "the signature vouches for less than the body: " + f.Note
	}
	var unsigned []string
	proof := f.EventProof(vendor, f.Proof)
	for _, fact := range []struct{ mark, name string }{{schemas.UnsignedID, "ID"}, {schemas.UnsignedType, "type"},
		{schemas.UnsignedTime, "time"}} {
		if proof.Lacks(fact.mark) {
			unsigned = append(unsigned, fact.name)
		}
	}
	if len(unsigned) == 0 {
		return ""
	}
	return fmt.Sprintf("an event's %s may stand in a header that is not signed: key its sales by the body, and decide on what stands there",
		strings.Join(unsigned, " and "))
}

func sharesSecret(vendor *vendors.Vendor, key vendors.Key) bool {
	return slices.ContainsFunc(vendor.Keys, func(k vendors.Key) bool {
		return bytes.Equal(k.Secret.Reveal(), key.Secret.Reveal())
	})
}
