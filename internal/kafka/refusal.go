package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/oauth2"
)

// Refusal is a failure to get into the cluster that waiting does not cure: a person must act.
type Refusal struct {
	Fix string // what to do
	Err error
}

// Error implements error.
func (r *Refusal) Error() string {
	return fmt.Sprintf("Kafka does not let us in: %s. %s", strings.TrimRight(r.Err.Error(), ".?"), r.Fix)
}

// Unwrap returns the client's error.
func (r *Refusal) Unwrap() error { return r.Err }

// Ping returns nil if a broker answers. Its error is a *Refusal, or says that no broker can be reached.
func (o Options) Ping(ctx context.Context, client *kgo.Client) error {
	return o.explain(client.Ping(ctx))
}

// explain makes a *Refusal of what waiting does not cure. It keeps nil.
func (o Options) explain(err error) error {
	if err == nil {
		return nil
	}
	if fix := o.fix(err); fix != "" {
		return &Refusal{fix, err}
	}
	return fmt.Errorf("reach Kafka at %s: %w", strings.Join(o.Brokers, ", "), err)
}

// fix says what to do about err, and nothing where it may go away by itself. A connection that the broker closed
// without a word is among the former: it is how most brokers answer who speaks to them in the wrong way.
func (o Options) fix(err error) string {
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return o.checkLogin()
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return fmt.Sprintf("The brokers do not offer %s: choose another --kafka-sasl, or the port at which they do.", o.SASL)
	case errors.Is(err, kerr.IllegalSaslState):
		return "The brokers at this port want no login, or another one: check --kafka-sasl and the port in --kafka-brokers."
	case errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.TopicAuthorizationFailed),
		errors.Is(err, kerr.GroupAuthorizationFailed):
		return "We are known, and not allowed to: give this user the right in Kafka's ACLs."
	}
	if _, ok := errors.AsType[*tokenError](err); ok {
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response.StatusCode < 500 {
			return "Check --kafka-token-url, --kafka-scopes, the client ID in --kafka-user and the client secret that --kafka-password names."
		}
		return ""
	}
	if fix := o.certificates().Advice(err, "--kafka-", "the broker"); fix != "" {
		return fix
	}
	// kgo looks for a TLS alert where a length should be, and has no type for what it says then.
	if strings.Contains(err.Error(), "tls alert record") {
		return "The broker speaks TLS at this port: use --kafka-tls, with --kafka-ca where its authority is not the system's."
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return o.fixHangup()
	}
	// A token is refused in words of the mechanism (RFC 7628, section 3.2.2), for which kgo has no type.
	if o.SASL == OAuthBearer && strings.Contains(err.Error(), "oauth response") {
		return o.checkLogin()
	}
	return ""
}

func (o Options) checkLogin() string {
	if o.SASL == OAuthBearer {
		return "Check that the token has not expired, and is meant for these brokers."
	}
	return fmt.Sprintf("Check that %s is the password of user %q for --kafka-sasl=%s.", o.Password, o.User, o.SASL)
}

// fixHangup says what most likely makes a broker close the connection without a word.
func (o Options) fixHangup() string {
	switch {
	case o.SASL != "" && o.SASL != None:
		return "The broker closed the connection while we logged in. " + o.checkLogin()
	case !o.Encrypted():
		return "The broker closed the connection during the handshake: it wants TLS (--kafka-tls), a login (--kafka-sasl), or both."
	default:
		return "The broker closed the connection during the handshake: it wants a login (--kafka-sasl), or speaks no TLS at this port."
	}
}

const (
	patience = 15 * time.Second // of commands that cannot do without the cluster
	again    = 300 * time.Millisecond
	steady   = 3 // hang-ups in a row that make a refusal: a broker that is stopping hangs up, too
)

// ask pings, and again where the broker hung up.
func (o Options) ask(ctx context.Context, client *kgo.Client) (err error) {
	for try := 0; try < steady; try++ {
		if try > 0 {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(again):
			}
		}
		if err = o.Ping(ctx, client); !errors.Is(err, io.EOF) {
			break
		}
	}
	return err
}

// Reach returns once a broker answers, with an error that says what to do if it refuses us or none answers for a
// while. It is for commands that cannot do without.
func (o Options) Reach(ctx context.Context, client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		err := o.ask(ctx, client)
		if _, refused := errors.AsType[*Refusal](err); err == nil || refused {
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err // that the time is up says nothing
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w. Check --kafka-brokers, and that the brokers run", last)
		case <-time.After(again):
		}
	}
}

// CheckAccess returns an error if the cluster refuses us, within seconds: a service that started anyway would never get to
// work. That no broker answers is none: a service can wait for them.
func (o Options) CheckAccess(ctx context.Context, log *slog.Logger, client *kgo.Client) error {
	if o.Readable() {
		log.Warn("who can read the connection to Kafka can read our login: use --kafka-tls", "sasl", o.SASL)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := o.ask(ctx, client)
	if refusal, refused := errors.AsType[*Refusal](err); refused {
		return refusal
	}
	if err != nil {
		log.Warn("Kafka does not answer yet", "err", err)
	}
	return nil
}
