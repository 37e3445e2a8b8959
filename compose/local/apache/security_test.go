package apache_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/hookline-io/hookline/compose/local/apache"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
)

// demanding starts a node that asks for logins at one address and for certificates at another.
func demanding(t *testing.T, authority *testkit.Authority) (open, sasl, mtls kafka.Options) {
	t.Helper()
	onlyOnApache(t)
	pair := authority.Issue(t, []string{"127.0.0.1"})
	cert, err := os.ReadFile(pair.Cert)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(t.TempDir(), "store.pem")
	if err := os.WriteFile(store, append(key, cert...), 0o600); err != nil {
		t.Fatal(err)
	}
	stores := func(name string) string {
		prefix := "listener.name." + name + ".ssl."
		return prefix + "keystore.type=PEM\n" + prefix + "keystore.location=" + store + "\n" +
			prefix + "truststore.type=PEM\n" + prefix + "truststore.location=" + authority.File + "\n"
	}
	const login = "listener.name.login."
	const security = "org.apache.kafka.common.security."
	listeners := []apache.Listener{
		{Name: "LOGIN", Address: testkit.FreeAddress(t), Protocol: "SASL_SSL", Properties: stores("login") +
			"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER\n" +
			login + "plain.sasl.jaas.config=" + security + `plain.PlainLoginModule required user_alice="right";` + "\n" +
			login + "scram-sha-256.sasl.jaas.config=" + security + "scram.ScramLoginModule required;\n" +
			login + "scram-sha-512.sasl.jaas.config=" + security + "scram.ScramLoginModule required;\n" +
			login + "oauthbearer.sasl.jaas.config=" + security + "oauthbearer.OAuthBearerLoginModule required;\n"},
		{Name: "MUTUAL", Address: testkit.FreeAddress(t), Protocol: "SSL", Properties: stores("mutual") + "listener.name.mutual.ssl.client.auth=required"},
	}
	c, err := apache.Start(t.Context(), apache.Options{
		DataDir: t.TempDir(), Listen: "127.0.0.1:0", Nodes: 1, Listeners: listeners, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	at := func(address string) kafka.Options {
		return kafka.Options{Brokers: []string{address}, TopicPrefix: "secure"}
	}
	return at(c.Nodes[0].Addr), at(listeners[0].Address), at(listeners[1].Address)
}

func reach(t *testing.T, o kafka.Options) error {
	t.Helper()
	c := client(t, o)
	if err := o.Reach(within(t, patience), c); err != nil {
		return err
	}
	_, err := kadm.NewClient(c).ListTopics(within(t, patience))
	return err
}

func TestApacheKafkaDemandsTLSAndALogin(t *testing.T) {
	authority, stranger := testkit.NewAuthority(t), testkit.NewAuthority(t)
	open, sasl, mtls := demanding(t, authority)
	admin := kadm.NewClient(client(t, open))
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
		altered, err := admin.AlterUserSCRAMs(within(t, patience), nil, []kadm.UpsertSCRAM{
			{User: "alice", Mechanism: mechanism, Iterations: 4096, Password: "right"},
		})
		if err = errors.Join(err, altered.Error()); err != nil {
			t.Fatal(err)
		}
	}
	own, foreign := authority.Issue(t, []string{"hookline"}), stranger.Issue(t, []string{"hookline"})
	for _, test := range []struct {
		name    string
		options kafka.Options
		change  func(*kafka.Options)
		refusal string // empty: it works
	}{
		{"plain", sasl, login(t, authority, kafka.Plain, "right"), ""},
		{"plain, wrong password", sasl, login(t, authority, kafka.Plain, "wrong"), "is the password of user"},
		{"scram-sha-256", sasl, login(t, authority, kafka.ScramSHA256, "right"), ""},
		{"scram-sha-256, wrong password", sasl, login(t, authority, kafka.ScramSHA256, "wrong"), "is the password of user"},
		{"scram-sha-512", sasl, login(t, authority, kafka.ScramSHA512, "right"), ""},
		{"scram-sha-512, wrong password", sasl, login(t, authority, kafka.ScramSHA512, "wrong"), "is the password of user"},
		{"oauthbearer", sasl, token(t, authority, time.Now().Add(time.Hour)), ""},
		{"oauthbearer, expired", sasl, token(t, authority, time.Now().Add(-time.Hour)), "token has not expired"},
		{"no login", sasl, func(o *kafka.Options) { o.CA = authority.File }, "--kafka-sasl"},
		{"no TLS", sasl, func(*kafka.Options) {}, "--kafka-tls"},
		{"wrong authority", sasl, login(t, stranger, kafka.Plain, "right"), stranger.File},
		{"TLS where there is none", open, func(o *kafka.Options) { o.CA = authority.File }, "no TLS"},
		{"certificate", mtls, func(o *kafka.Options) { o.CA, o.Cert, o.Key = authority.File, own.Cert, own.Key }, ""},
		{"no certificate", mtls, func(o *kafka.Options) { o.CA = authority.File }, "--kafka-cert"},
		{"a stranger's certificate", mtls, func(o *kafka.Options) { o.CA, o.Cert, o.Key = authority.File, foreign.Cert, foreign.Key }, "--kafka-cert"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.change(&test.options)
			started := time.Now()
			err := reach(t, test.options)
			_, refused := errors.AsType[*kafka.Refusal](err)
			switch {
			case test.refusal == "" && err != nil:
				t.Fatal(err)
			case test.refusal == "":
			case !refused || !strings.Contains(err.Error(), test.refusal):
				t.Errorf("got %v, want a refusal with %q", err, test.refusal)
			case time.Since(started) > 10*time.Second:
				t.Errorf("it took %v to say so", time.Since(started))
			default:
				t.Logf("%v: %v", time.Since(started).Round(time.Millisecond), err)
			}
		})
	}
}

func keep(t *testing.T, text string) secret.Ref {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret.Ref("file:" + path)
}

func login(t *testing.T, a *testkit.Authority, m kafka.Mechanism, password string) func(*kafka.Options) {
	ref := keep(t, password)
	return func(o *kafka.Options) { o.CA, o.SASL, o.User, o.Password = a.File, m, "alice", ref }
}

// token is one that the node takes without a signature, as Kafka does where no issuer is configured.
func token(t *testing.T, a *testkit.Authority, expires time.Time) func(*kafka.Options) {
	part := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"sub":"alice","iat":%d,"exp":%d}`, expires.Add(-2*time.Hour).Unix(), expires.Unix())
	ref := keep(t, part([]byte(`{"alg":"none"}`))+"."+part([]byte(claims))+".")
	return func(o *kafka.Options) { o.CA, o.SASL, o.Token = a.File, kafka.OAuthBearer, ref }
}

func TestApacheKafkaTellsItsTime(t *testing.T) {
	onlyOnApache(t)
	c, err := apache.Start(t.Context(), apache.Options{DataDir: t.TempDir(), Listen: "127.0.0.1:0", Nodes: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	before := time.Now().Truncate(time.Millisecond)
	at, err := kafka.Clock(within(t, patience), client(t, kafka.Options{Brokers: c.Addrs()}))
	if err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("got %v (%v), asked after %v", at, err, before)
	}
}
