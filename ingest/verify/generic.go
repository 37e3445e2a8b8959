package verify

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// genericRules is the configurable scheme, so that no vendor is left out: an HMAC over whatever a template says.
func genericRules() []rule {
	return []rule{{
		scheme:    "hmac",
		wires:     []wire{{signature: "X-Signature"}},
		template:  "{body}",
		algorithm: hmacSHA256(),
		encoding:  hexLower(),
		secret:    textSecret("the secret shared with the vendor"),
		options:   []string{"header", "algorithm", "encoding", "prefix", "template", "timestamp", "tolerance", "url", "secret_as"},
		note: "header is required; the rest has the defaults shown. A template may hold {body}, {timestamp}, {method}, " +
			"{url} and {header:NAME}. timestamp names a header, or, as \"t=\", an item of the signature's own, which is " +
			"then a comma-separated list; it may be written in seconds, in milliseconds or as RFC 3339. With a " +
			"timestamp the default tolerance is 5m. Without {body} the proof is weak.",
		source:    "https://www.rfc-editor.org/rfc/rfc2104",
		configure: configureGeneric,
	}}
}

func configureGeneric(r *rule, sig vendors.Signature) error {
	if sig.Header == "" {
		return errors.New("header: name the header that carries the signature")
	}
	r.template = cmp.Or(sig.Template, r.template)
	r.wires = []wire{{signature: sig.Header, timestamp: sig.Timestamp, prefix: sig.Prefix}}
	var bad, err error
	r.algorithm, err = hmacNamed(cmp.Or(sig.Algorithm, "sha256"))
	bad = errors.Join(bad, err)
	r.encoding, err = encodingNamed(cmp.Or(sig.Encoding, "hex"))
	bad = errors.Join(bad, err)
	r.secret, err = secretAs(sig.SecretAs, "the secret shared with the vendor")
	bad = errors.Join(bad, err)
	if !strings.Contains(r.template, "{body}") {
		r.proof = schemas.ProofWeak
	}
	if !strings.Contains(r.template, "{") {
		bad = errors.Join(bad, errors.New("template: signs nothing of the delivery; it needs at least {body}"))
	}
	return errors.Join(bad, genericTime(r, sig))
}

// genericTime sees to it that a time is checked if, and only if, it is signed.
func genericTime(r *rule, sig vendors.Signature) error {
	signed := strings.Contains(r.template, "{timestamp}")
	switch {
	case signed && sig.Timestamp == "":
		return errors.New("timestamp: name the header that carries the {timestamp} of the template")
	case !signed && sig.Timestamp != "":
		return errors.New("timestamp: the template does not sign {timestamp}, so it would prove nothing")
	case !signed && sig.Tolerance != 0:
		return errors.New("tolerance: the template does not sign {timestamp}")
	case signed:
		r.clock, r.tolerance = anyClock(), 5*time.Minute
		if strings.HasSuffix(sig.Timestamp, "=") {
			r.list = ","
		}
	}
	return nil
}
