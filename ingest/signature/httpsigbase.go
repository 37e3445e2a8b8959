package signature

import (
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

func dictionary(c *content, header string) (*httpsfv.Dictionary, error) {
	text, err := one(c.r.Header, header)
	if err != nil {
		return nil, err
	}
	d, err := httpsfv.UnmarshalDictionary([]string{text})
	if err != nil {
		return nil, &Error{Reason: ReasonMalformed, Detail: header + " is no dictionary (RFC 9651)"}
	}
	return d, nil
}

// checkDigest holds the body against Content-Digest (RFC 9530): each digest that is known, and at least one.
func checkDigest(c *content) error {
	digests, err := dictionary(c, contentDigest)
	if err != nil {
		return err
	}
	known := 0
	for _, name := range digests.Names() {
		var want []byte
		switch name {
		case "sha-256":
			sum := sha256.Sum256(c.r.Body)
			want = sum[:]
		case "sha-512":
			sum := sha512.Sum512(c.r.Body)
			want = sum[:]
		default:
			continue
		}
		known++
		member, _ := digests.Get(name)
		item, _ := member.(httpsfv.Item)
		got, _ := item.Value.([]byte)
		if subtle.ConstantTimeCompare(want, got) == 0 {
			return &Error{Reason: ReasonMismatch, Detail: contentDigest + " is not the body's"}
		}
	}
	if known == 0 {
		return &Error{Reason: ReasonMalformed, Detail: "want sha-256 or sha-512 in " + contentDigest}
	}
	return nil
}

// signatureBase is what is signed (RFC 9421, section 2.5).
func signatureBase(c *content, input *httpsfv.InnerList) (string, error) {
	if len(input.Items) > maxComponents {
		return "", &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("more than %d components are covered", maxComponents)}
	}
	var b strings.Builder
	var seen []string
	for _, item := range input.Items {
		name, ok := item.Value.(string)
		if !ok || len(item.Params.Names()) > 0 || slices.Contains(seen, name) {
			return "", &Error{Reason: ReasonMalformed, Detail: "a component that is no name, has parameters, or is covered twice"}
		}
		seen = append(seen, name)
		value, err := component(c, name)
		if err != nil {
			return "", err
		}
		b.WriteString(strconv.Quote(name) + ": " + value + "\n")
	}
	params, err := httpsfv.Marshal(httpsfv.List{*input})
	if err != nil {
		return "", &Error{Reason: ReasonMalformed, Detail: signatureInput + " cannot be read"}
	}
	b.WriteString(`"@signature-params": ` + params)
	return b.String(), nil
}

// component returns the value of what a signature covers (RFC 9421, section 2).
func component(c *content, name string) (string, error) {
	scheme, rest, _ := strings.Cut(c.url, "://")
	authority, target := rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, target = rest[:i], rest[i:]
	}
	path, query, _ := strings.Cut(target, "?")
	switch name {
	case "@method":
		return c.r.Method, nil
	case "@target-uri":
		return c.url, nil
	case "@scheme":
		return strings.ToLower(scheme), nil
	case "@authority", "host":
		authority = strings.ToLower(authority)
		return strings.TrimSuffix(authority, map[string]string{"https": ":443", "http": ":80"}[scheme]), nil
	case "@request-target":
		return target, nil
	case "@path":
		return cmp.Or(path, "/"), nil
	case "@query":
		return "?" + query, nil
	case "content-length": // which net/http takes from the headers
		return strconv.Itoa(len(c.r.Body)), nil
	}
	if strings.HasPrefix(name, "@") || strings.ContainsAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") {
		return "", &Error{Reason: ReasonMalformed, Detail: "a component that is not known here is covered"}
	}
	p, _, err := parsePlace("header:" + name)
	if err != nil {
		return "", &Error{Reason: ReasonMalformed, Detail: "a component without a name is covered"}
	}
	values := c.r.Header[p.name]
	if len(values) == 0 {
		return "", &Error{Reason: ReasonMissing, Detail: "no " + p.String() + ", which is signed"}
	}
	trimmed := make([]string, len(values))
	for i, value := range values {
		if trimmed[i] = strings.Trim(value, " \t"); strings.ContainsAny(value, "\r\n") {
			return "", &Error{Reason: ReasonMalformed, Detail: p.String() + " has a line break"}
		}
	}
	return strings.Join(trimmed, ", "), nil
}
