package signature

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// tokenNote is what to know of a sender that shows a secret instead of signing with one.
const tokenNote = "The sender shows the secret itself, which covers nothing of the body: anyone who sees one delivery can send others. " +
	"Confirm money through the vendor's API, and take deliveries only from the vendor's addresses where it names them."

// tokenRules are static secrets: in a header, as HTTP Basic and as Bearer.
func tokenRules() []rule {
	tokenRule := rule{
		scheme:    "token",
		names:     []headerNames{{signature: "Authorization"}},
		algorithm: token(),
		encoding:  encoding{name: "text"},
		proof:     schemas.ProofWeak,
		secret:    textSecret("the token that the vendor sends"),
		options:   []string{"header", "at", "prefix"},
		note: tokenNote + " header names where it stands (Authorization unless set), or at: query:NAME, form:NAME or body:PATH; " +
			"prefix is what stands before it.",
		source:    "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2",
		configure: configureToken,
	}
	bearer := tokenRule
	bearer.scheme = "bearer"
	bearer.names = []headerNames{{signature: "Authorization", prefix: "Bearer "}}
	bearer.options = nil
	bearer.note = tokenNote
	bearer.source = "https://www.rfc-editor.org/rfc/rfc6750#section-2.1"
	bearer.configure = nil
	basic := bearer
	basic.scheme = "basic"
	basic.names = []headerNames{{signature: "Authorization", prefix: "Basic "}}
	basic.secret = secretForm{about: "the user and the password that the vendor logs in with, as user:password", decode: basicCredentials}
	basic.refusal = http.StatusUnauthorized // some senders show their password only once they are asked for it
	basic.source = "https://www.rfc-editor.org/rfc/rfc7617#section-2"
	return []rule{tokenRule, bearer, basic}
}

func configureToken(r *rule, sig vendors.Signature) error {
	w := headerNames{signature: cmp.Or(sig.Header, "Authorization"), prefix: sig.Prefix}
	if sig.At != "" {
		var err error
		if w.at, err = placeOf(sig); err != nil {
			return err
		}
		w.signature = ""
	}
	r.names = []headerNames{w}
	return nil
}

// basicCredentials returns what stands after "Basic " for user:password.
func basicCredentials(secret []byte) ([]byte, error) {
	secret = bytes.TrimRight(secret, "\r\n")
	if user, password, ok := strings.Cut(string(secret), ":"); !ok || user+password == "" {
		return nil, errors.New("is not user:password")
	}
	return base64.StdEncoding.AppendEncode(nil, secret), nil
}
