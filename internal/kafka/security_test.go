package kafka_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
)

const topic = "t"

// soon is how long a refusal may take.
const soon = 5 * time.Second

func cluster(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, kafka.Options) {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, kafka.Options{Brokers: c.ListenAddrs()}
}

// use puts a record on the topic.
func use(t *testing.T, o kafka.Options) error {
	t.Helper()
	client, err := o.NewClient(slog.New(slog.DiscardHandler), nil, kafka.ProducerOptions()...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := o.CheckAccess(t.Context(), slog.New(slog.DiscardHandler), client); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr()
}

// refused fails the test unless err is a refusal whose text has the words, within seconds.
func refused(t *testing.T, o kafka.Options, words ...string) {
	t.Helper()
	start := time.Now()
	err := use(t, o)
	if _, ok := errors.AsType[*kafka.Refusal](err); !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if took := time.Since(start); took > soon {
		t.Errorf("it took %v to say so", took)
	}
}

func keep(t *testing.T, text string) secret.Ref {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret.Ref("file:" + path)
}

func TestSASL(t *testing.T) {
	for _, m := range []kafka.Mechanism{kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512} {
		t.Run(string(m), func(t *testing.T) {
			_, o := cluster(t, kfake.EnableSASL(), kfake.Superuser(strings.ToUpper(string(m)), "alice", "right"))
			refused(t, o, "--kafka-sasl")
			o.SASL, o.User, o.Password = m, "alice", keep(t, "right")
			if err := use(t, o); err != nil {
				t.Fatal(err)
			}
			o.Password = keep(t, "wrong horse")
			refused(t, o, string(o.Password), "alice", string(m))
			o.User, o.Password = "bob", keep(t, "right")
			refused(t, o, "bob")
		})
	}
}

func TestAMechanismThatBrokersDoNotOffer(t *testing.T) {
	_, o := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "right"))
	o.SASL, o.Token = kafka.OAuthBearer, keep(t, "token")
	refused(t, o, "do not offer oauthbearer")
}

func TestAPasswordThatIsReplacedNeedsNoRestart(t *testing.T) {
	_, o := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "right"))
	o.SASL, o.User, o.Password = kafka.Plain, "alice", keep(t, "old")
	client, err := o.NewClient(slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := o.Ping(t.Context(), client); err == nil {
		t.Fatal("the old password is taken")
	}
	path := strings.TrimPrefix(string(o.Password), "file:")
	if err := os.WriteFile(path, []byte("right"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.Reach(t.Context(), client); err != nil {
		t.Fatal(err)
	}
}

func TestTLS(t *testing.T) {
	authority, stranger := testkit.NewAuthority(t), testkit.NewAuthority(t)
	local := []string{"127.0.0.1"}
	serve := func(t *testing.T, pair testkit.Pair, clients *testkit.Authority) kafka.Options {
		t.Helper()
		config := &tls.Config{Certificates: []tls.Certificate{pair.Load(t)}}
		if clients != nil {
			config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, clients.Pool()
		}
		_, o := cluster(t, kfake.TLS(config))
		return o
	}
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	client := authority.Issue(t, []string{"hookline"})
	foreign := stranger.Issue(t, []string{"hookline"})

	for _, test := range []struct {
		name    string
		server  testkit.Pair
		clients *testkit.Authority
		change  func(*kafka.Options)
		refusal []string // none: it works
	}{
		{name: "right authority", change: func(o *kafka.Options) { o.CA = authority.File }},
		{name: "wrong authority", change: func(o *kafka.Options) { o.CA = stranger.File }, refusal: []string{stranger.File, "--kafka-ca"}},
		{name: "the system's authorities", change: func(o *kafka.Options) { o.TLS = true }, refusal: []string{"name the file", "--kafka-ca"}},
		{name: "no TLS", change: func(*kafka.Options) {}, refusal: []string{"--kafka-tls"}},
		{name: "another name", server: authority.Issue(t, []string{"kafka.example.com"}), change: func(o *kafka.Options) { o.CA = authority.File },
			refusal: []string{"127.0.0.1", "a name that its certificate has"}},
		{name: "expired", server: authority.Issue(t, local, expired), change: func(o *kafka.Options) { o.CA = authority.File }, refusal: []string{"Renew"}},
		{name: "mTLS", clients: authority, change: func(o *kafka.Options) { o.CA, o.Cert, o.Key = authority.File, client.Cert, client.Key }},
		{name: "mTLS without a certificate", clients: authority, change: func(o *kafka.Options) { o.CA = authority.File }, refusal: []string{"--kafka-cert"}},
		{name: "mTLS with a stranger's certificate", clients: authority, change: func(o *kafka.Options) { o.CA, o.Cert, o.Key = authority.File, foreign.Cert, foreign.Key },
			refusal: []string{"--kafka-cert"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.server.Cert == "" {
				test.server = authority.Issue(t, local)
			}
			o := serve(t, test.server, test.clients)
			test.change(&o)
			if test.refusal != nil {
				refused(t, o, test.refusal...)
			} else if err := use(t, o); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("TLS and SASL", func(t *testing.T) {
		config := &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, local).Load(t)}}
		_, o := cluster(t, kfake.TLS(config), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "alice", "right"))
		o.CA, o.SASL, o.User, o.Password = authority.File, kafka.ScramSHA512, "alice", keep(t, "right")
		if err := use(t, o); err != nil {
			t.Fatal(err)
		}
	})
}

// kfake hangs up where Apache Kafka says what is wrong: here it says so, too.
func TestWhatABrokerSaysOfALogin(t *testing.T) {
	c, o := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "right"))
	o.SASL, o.User, o.Password = kafka.Plain, "alice", keep(t, "wrong")
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	refused(t, o, "SASL_AUTHENTICATION_FAILED", "password of user \"alice\"")
}

func TestNoBroker(t *testing.T) {
	o := kafka.Options{Brokers: []string{"127.0.0.1:1"}}
	client, err := o.NewClient(slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	start := time.Now()
	if err := o.CheckAccess(t.Context(), slog.New(slog.DiscardHandler), client); err != nil || time.Since(start) > soon {
		t.Errorf("a service does not wait for its broker: %v after %v", err, time.Since(start))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err = o.Reach(ctx, client)
	if _, ok := errors.AsType[*kafka.Refusal](err); ok || err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

func TestTokensOfClientCredentials(t *testing.T) {
	var mu sync.Mutex
	var asked, shown []string
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, password, _ := r.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, id+" "+r.FormValue("grant_type")+" "+r.FormValue("scope"))
		if password != "right" {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"granted","token_type":"bearer","expires_in":3600}`)
	}))
	defer idp.Close()
	c, o := cluster(t)
	c.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return req.ResponseKind(), nil, true
	})
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		shown = append(shown, string(req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes))
		return req.ResponseKind(), nil, true
	})
	o.SASL, o.TokenURL, o.Scopes = kafka.OAuthBearer, idp.URL, []string{"kafka"}
	o.User, o.Password = "hookline", keep(t, "right")
	if err := use(t, o); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	if len(asked) != 1 || asked[0] != "hookline client_credentials kafka" {
		t.Errorf("asked for tokens %q, want one for all connections", asked)
	}
	if len(shown) == 0 || !strings.Contains(shown[0], "auth=Bearer granted\x01") {
		t.Errorf("showed %q", shown)
	}
	mu.Unlock()
	o.Password = keep(t, "wrong")
	refused(t, o, "--kafka-token-url")
}

func TestFlagsThatDoNotFit(t *testing.T) {
	password := keep(t, "right")
	for _, test := range []struct {
		o    kafka.SecurityOptions
		want string
	}{
		{kafka.SecurityOptions{User: "alice"}, "need --kafka-sasl"},
		{kafka.SecurityOptions{SASL: kafka.Plain, Password: password}, "needs --kafka-user"},
		{kafka.SecurityOptions{SASL: kafka.ScramSHA256, User: "alice"}, "needs --kafka-password"},
		{kafka.SecurityOptions{SASL: kafka.Plain, User: "alice", Password: "env:HOOKLINE_TEST_NOT_SET"}, "HOOKLINE_TEST_NOT_SET is not set"},
		{kafka.SecurityOptions{SASL: kafka.Plain, User: "alice", Password: "file:/not/there"}, "--kafka-password: secret file:/not/there"},
		{kafka.SecurityOptions{SASL: kafka.OAuthBearer}, "one of --kafka-token and"},
		{kafka.SecurityOptions{SASL: kafka.OAuthBearer, Token: password, TokenURL: "https://idp"}, "one of --kafka-token and"},
		{kafka.SecurityOptions{SASL: kafka.OAuthBearer, TokenURL: "http://idp/token", User: "hookline", Password: password}, "want https"},
		{kafka.SecurityOptions{SASL: "gssapi"}, "not known"},
		{kafka.SecurityOptions{TLS: true, Cert: "x"}, "go together"},
		{kafka.SecurityOptions{CA: strings.TrimPrefix(string(password), "file:")}, "no certificate in PEM form"},
		{kafka.SecurityOptions{CA: "/not/there"}, "--kafka-ca: "},
		{kafka.SecurityOptions{Cert: "/not/there", Key: "/not/there"}, "--kafka-cert, --kafka-key: "},
	} {
		client, err := kafka.Options{SecurityOptions: test.o}.NewClient(slog.New(slog.DiscardHandler), nil)
		if err == nil {
			client.Close()
			t.Errorf("%+v is taken", test.o)
		} else if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "right") {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}
