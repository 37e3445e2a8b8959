package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

// claims are those registered claims of a token that are looked at (RFC 7519, section 4.1).
type claims struct {
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	Expires  *float64 `json:"exp"`
	NotUntil *float64 `json:"nbf"`
}

// audience is one text or a list of them.
type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// token parses the token of c, whose header alone is looked at before its signature is checked.
func (o *jwsOptions) token(c *content) (*jose.JSONWebSignature, error) {
	text, ok := strings.CutPrefix(c.signatures, c.prefix)
	header, _, dots := strings.Cut(text, ".")
	if !ok || !dots || len(header) > maxJWSHeader || strings.ContainsAny(text, " \t\r\n") {
		return nil, &Error{Reason: ReasonMalformed, Detail: "want a compact JWS"}
	}
	var token *jose.JSONWebSignature
	var err error
	if o.binds == detachedBody {
		token, err = jose.ParseDetached(text, c.r.Body, o.algorithms)
	} else {
		token, err = jose.ParseSignedCompact(text, o.algorithms)
	}
	if err != nil || len(token.Signatures) != 1 {
		return nil, &Error{Reason: ReasonMalformed, Detail: fmt.Sprintf("want a compact JWS, signed with one of %s", o.names())}
	}
	return token, nil
}

func (o *jwsOptions) names() string {
	var names []string
	for _, a := range o.algorithms {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// accepts checks what a proven token claims.
func (o *jwsOptions) accepts(c *content, payload []byte) error {
	if o.binds == detachedBody {
		return nil
	}
	var got claims
	if err := jsonscan.Check(jsonscan.View(payload)); err != nil || json.Unmarshal(payload, &got) != nil {
		return &Error{Reason: ReasonMalformed, Detail: "the token's payload is no JSON object of claims"}
	}
	now := float64(c.r.Now.UnixMilli()) / 1000
	leeway := jwsLeeway.Seconds()
	switch {
	case got.Expires != nil && now > *got.Expires+leeway:
		return &Error{Reason: ReasonStale, Detail: "the token has expired"}
	case got.NotUntil != nil && now < *got.NotUntil-leeway:
		return &Error{Reason: ReasonStale, Detail: "the token is not valid yet"}
	case len(o.issuers) > 0 && !slices.Contains(o.issuers, got.Issuer):
		return &Error{Reason: ReasonMismatch, Detail: "the token is of another issuer"}
	}
	if o.audience != "" {
		want := o.audience
		if want == audienceURL {
			want, _, _ = strings.Cut(c.url, "?")
		}
		if !slices.Contains(got.Audience, want) {
			return &Error{Reason: ReasonMismatch, Detail: "the token is for another audience"}
		}
	}
	object := jsonscan.Value(strings.Trim(string(payload), " \t\r\n"))
	for _, claim := range o.claims {
		value, times := object.Member(claim[0])
		text := value.Text()
		if value.Kind() != jsonscan.Text {
			text = string(value)
		}
		if times != 1 || text != claim[1] {
			return &Error{Reason: ReasonMismatch, Detail: "the token's claim " + claim[0] + " is another"}
		}
	}
	if name, ok := strings.CutPrefix(o.binds, bindsClaim); ok {
		sum := sha256.Sum256(c.r.Body)
		value, times := object.Member(name)
		if times != 1 || subtle.ConstantTimeCompare([]byte(value.Text()), hex.AppendEncode(nil, sum[:])) == 0 {
			return &Error{Reason: ReasonMismatch, Detail: "the token is not for this body"}
		}
	}
	return nil
}

// payload is what a token of ours says: the event itself where it stands in the body, else claims about it.
func (o *jwsOptions) payload(c *content) []byte {
	if o.binds == detachedBody || o.whole {
		return c.r.Body
	}
	own := map[string]any{"iat": c.r.Now.Unix(), "exp": c.r.Now.Add(5 * time.Minute).Unix()}
	if len(o.issuers) > 0 {
		own["iss"] = o.issuers[0]
	}
	if own["aud"] = o.audience; o.audience == audienceURL {
		own["aud"], _, _ = strings.Cut(c.url, "?")
	}
	for _, claim := range o.claims {
		own[claim[0]] = claim[1]
	}
	if name, ok := strings.CutPrefix(o.binds, bindsClaim); ok {
		sum := sha256.Sum256(c.r.Body)
		own[name] = hex.EncodeToString(sum[:])
	}
	text, _ := json.Marshal(own) // cannot fail for these
	return text
}

// jwsToSign knows our URL where it is the audience.
func jwsToSign(s *scheme, c *content) error {
	if s.jws.audience == audienceURL {
		c.url = publicURL(s.url, c.r.URL)
	}
	return nil
}
