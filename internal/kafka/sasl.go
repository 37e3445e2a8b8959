package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/hookline-io/hookline/internal/secret"
)

// Mechanism is how a client logs in to a broker.
type Mechanism string

// The mechanisms; None and "" are no login at all.
const (
	None        Mechanism = "none"
	Plain       Mechanism = "plain"
	ScramSHA256 Mechanism = "scram-sha-256"
	ScramSHA512 Mechanism = "scram-sha-512"
	OAuthBearer Mechanism = "oauthbearer"
)

// mechanism returns nil where there is no login.
func (o SecurityOptions) mechanism() (sasl.Mechanism, error) {
	if err := o.checkFlags(); err != nil {
		return nil, err
	}
	switch o.SASL {
	case Plain:
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			password, err := o.Password.Read()
			return plain.Auth{User: o.User, Pass: string(password.Reveal())}, err
		}), nil
	case ScramSHA256, ScramSHA512:
		login := func(context.Context) (scram.Auth, error) {
			password, err := o.Password.Read()
			return scram.Auth{User: o.User, Pass: string(password.Reveal())}, err
		}
		if o.SASL == ScramSHA256 {
			return scram.Sha256(login), nil
		}
		return scram.Sha512(login), nil
	case OAuthBearer:
		token := func() (string, error) {
			value, err := o.Token.Read()
			return string(value.Reveal()), err
		}
		if o.TokenURL != "" {
			token = o.grants()
		}
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			text, err := token()
			return oauth.Auth{Token: text}, err
		}), nil
	}
	return nil, nil
}

// checkFlags returns every mistake in the flags of the login.
func (o SecurityOptions) checkFlags() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	needs := func(flag string, missing bool) {
		if missing {
			fail("--kafka-sasl=%s needs %s", o.SASL, flag)
		}
	}
	switch o.SASL {
	case "", None:
		if o.User != "" || o.Password != "" || o.Token != "" || o.TokenURL != "" {
			fail("--kafka-user, --kafka-password, --kafka-token and --kafka-token-url need --kafka-sasl, which says how to log in")
		}
	case Plain, ScramSHA256, ScramSHA512:
		needs("--kafka-user", o.User == "")
		needs("--kafka-password", o.Password == "")
	case OAuthBearer:
		if (o.Token == "") == (o.TokenURL == "") {
			fail("--kafka-sasl=%s needs one of --kafka-token and --kafka-token-url", o.SASL)
		}
		if o.TokenURL != "" {
			needs("--kafka-user, the client ID, for --kafka-token-url", o.User == "")
			needs("--kafka-password, the client secret, for --kafka-token-url", o.Password == "")
			errs = append(errs, checkTokenURL(o.TokenURL))
		}
	default:
		fail("--kafka-sasl=%s is not known", o.SASL)
	}
	for _, ref := range []struct {
		flag string
		ref  secret.Ref
	}{{"password", o.Password}, {"token", o.Token}} {
		if ref.ref == "" {
			continue
		}
		if _, err := ref.ref.Read(); err != nil {
			fail("--kafka-%s: %w", ref.flag, err)
		}
	}
	return errors.Join(errs...)
}

// checkTokenURL refuses to send the client secret unencrypted (RFC 6749, section 3.2), but to this machine.
func checkTokenURL(text string) error {
	u, err := url.Parse(text)
	if err == nil && u.Host != "" {
		ip := net.ParseIP(u.Hostname())
		if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
			return nil
		}
	}
	return errors.New("--kafka-token-url: want https://host/path: the client secret goes there")
}

// grants returns tokens of the client-credentials grant (RFC 6749, section 4.4), each until shortly before it expires.
func (o SecurityOptions) grants() func() (string, error) {
	source := oauth2.ReuseTokenSourceWithExpiry(nil, grant{o}, time.Minute)
	return func() (string, error) {
		token, err := source.Token()
		if err != nil {
			return "", &tokenError{err}
		}
		return token.AccessToken, nil
	}
}

// tokenError is a failure to get a token, before any broker was asked.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "get a token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// grant asks for a token with the client's secret, which is read each time.
type grant struct{ options SecurityOptions }

// Token implements oauth2.TokenSource.
func (g grant) Token() (*oauth2.Token, error) {
	o := g.options
	clientSecret, err := o.Password.Read()
	if err != nil {
		return nil, err
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Timeout: 10 * time.Second})
	config := clientcredentials.Config{ClientID: o.User, ClientSecret: string(clientSecret.Reveal()), TokenURL: o.TokenURL, Scopes: o.Scopes}
	return config.Token(ctx)
}
