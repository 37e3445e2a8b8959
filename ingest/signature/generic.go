package signature

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// templateNote says what the configurable schemes over a template have in common.
const templateNote = "header names the header of the signature, or at says where it stands instead: query:NAME, form:NAME or " +
	"body:PATH. A template holds " + templateFields + "; a field may end in |lower or |upper; a part in [brackets] is left out " +
	"where its field is not there. The signature may be a list, at separator (a comma unless set): then each item with the prefix " +
	"is a signature, so that several may be sent while a secret is rotated; a prefix of \"*|\" is any label until the bar. " +
	"timestamp names a header, a place as in at, \"t=\" (an item of the list) or first (the first item, without a label), in " +
	"seconds, in milliseconds or as RFC 3339; it must be signed, and its window is 5m unless tolerance is set. A time that is " +
	"signed but not to be checked is {header:NAME} or {item:NAME}. Without {body} the proof is only of the fields that are named."

func templateOptions() []string {
	return []string{
		"header", "at", "separator", "algorithm", "encoding", "prefix", "template", "timestamp", "tolerance", "url", "secret_as",
	}
}

// genericRules are the configurable schemes, so that no vendor is left out: a digest or a public-key signature over
// whatever a template says.
func genericRules() []rule {
	hmacRule := rule{
		scheme:    "hmac",
		names:     []headerNames{{signature: "X-Signature"}},
		list:      ",",
		template:  "{body}",
		algorithm: hmacSHA256(),
		encoding:  hexLower(),
		secret:    textSecret("the secret shared with the vendor"),
		options:   templateOptions(),
		note:      "An HMAC. algorithm: md5 (weak), sha1, sha256, sha384, sha512, sha3-256, sha3-512. " + templateNote,
		source:    "https://www.rfc-editor.org/rfc/rfc2104",
		configure: configureHMAC,
	}
	hash := hmacRule
	hash.scheme = "hash"
	hash.template = "{body}{secret}"
	hash.algorithm = plainHash(digests()[2])
	hash.note = "A plain digest of a template that holds {secret}. algorithm: as of hmac; md5 and sha1 are weak, as collisions of " +
		"both can be made. " + templateNote
	hash.source = "https://csrc.nist.gov/pubs/fips/180-4/upd1/final"
	hash.configure = configureHash
	return append([]rule{hmacRule, hash}, publicKeyRules()...)
}

func configureHMAC(r *rule, sig vendors.Signature) error {
	d, err := digestNamed(cmp.Or(sig.Algorithm, "sha256"))
	r.algorithm = hmacOf("HMAC-"+d.label, d.make)
	err = errors.Join(err, configureTemplate(r, sig))
	if d.name == "md5" {
		r.proof = schemas.ProofWeak
	}
	return err
}

func configureHash(r *rule, sig vendors.Signature) error {
	d, err := digestNamed(cmp.Or(sig.Algorithm, "sha256"))
	r.algorithm = plainHash(d)
	err = errors.Join(err, configureTemplate(r, sig))
	if d.broken {
		r.proof = schemas.ProofWeak
	}
	return err
}

// configureTemplate applies the options that all schemes over a template have.
func configureTemplate(r *rule, sig vendors.Signature) error {
	w := headerNames{signature: sig.Header, timestamp: sig.Timestamp, prefix: sig.Prefix}
	var bad, err error
	if w.at, err = placeOf(sig); err != nil {
		bad = errors.Join(bad, err)
	}
	if label, ok := strings.CutPrefix(sig.Prefix, "*"); ok && label != "" {
		w.prefix, w.anyLabel = "", label
	}
	r.template = cmp.Or(sig.Template, r.template)
	r.encoding, err = encodingNamed(cmp.Or(sig.Encoding, r.encoding.name))
	bad = errors.Join(bad, err)
	r.secret, err = secretAs(sig.SecretAs, strings.TrimSuffix(r.secret.about, ", as text"))
	bad = errors.Join(bad, err)
	r.list = cmp.Or(sig.Separator, ",")
	if sig.Separator == "" && strings.Contains(sig.Prefix, ",") {
		r.list = ""
	}
	if strings.Trim(sig.Separator, " ,;:|&.") != "" {
		bad = errors.Join(bad, fmt.Errorf("separator %q: it is one or more of: space , ; : | & .", sig.Separator))
	}
	bad = errors.Join(bad, provenBy(r), genericTime(r, &w, sig))
	r.names = []headerNames{w}
	return bad
}

// placeOf reads where the signature stands. nil is the header.
func placeOf(sig vendors.Signature) (*place, error) {
	switch {
	case sig.At == "" && sig.Header == "":
		return nil, errors.New("header: name the header that carries the signature, or write at: query:NAME, form:NAME or body:PATH")
	case sig.At == "":
		return nil, nil
	case sig.Header != "":
		return nil, errors.New("at: the signature stands in the header, or elsewhere, not both")
	}
	return otherPlace("at", sig.At)
}

func otherPlace(option, text string) (*place, error) {
	p, ok, err := parsePlace(text)
	if err == nil && (!ok || p.kind == inHeader || p.kind == inList) {
		err = errors.New("want query:NAME, form:NAME or body:PATH")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %q: %w", option, text, err)
	}
	return &p, nil
}

// provenBy sets what a signature over the template vouches for.
func provenBy(r *rule) error {
	switch {
	case !strings.Contains(r.template, "{"):
		return errors.New("template: signs nothing of the delivery; it needs at least {body}")
	case strings.Contains(r.template, "{body}"):
	case strings.Contains(r.template, "{body:") || strings.Contains(r.template, "{form:"):
		r.proof = schemas.ProofFields
	default:
		r.proof = schemas.ProofWeak
	}
	if holds := strings.Contains(r.template, "{secret}"); holds && r.scheme != "hash" {
		return errors.New("template: {secret} is for scheme: hash")
	} else if !holds && r.scheme == "hash" {
		return errors.New("template: a plain digest proves nothing unless {secret} is in it")
	}
	return nil
}

// genericTime sees to it that a time is checked if, and only if, it is signed.
func genericTime(r *rule, w *headerNames, sig vendors.Signature) error {
	signed := strings.Contains(r.template, "{timestamp}")
	switch {
	case signed && sig.Timestamp == "":
		return errors.New("timestamp: name the header that carries the {timestamp} of the template")
	case !signed && sig.Timestamp != "":
		return errors.New("timestamp: the template does not sign {timestamp}, so it would prove nothing")
	case !signed && sig.Tolerance != 0:
		return errors.New("tolerance: the template does not sign {timestamp}")
	case !signed:
		return nil
	}
	r.clock, r.tolerance = anyClock(), 5*time.Minute
	if w.inList() && r.list == "" {
		return errors.New("separator: say what stands between the timestamp and the signature")
	}
	if strings.Contains(sig.Timestamp, ":") {
		w.timestamp = ""
		var err error
		w.timeAt, err = otherPlace("timestamp", sig.Timestamp)
		return err
	}
	return nil
}
