package analytics_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
)

// The engine has no TLS of its own: a server with TLS stands before its HTTP interface.
func TestTLSOverHTTP(t *testing.T) {
	testkit.NeedsOwnEngine(t)
	t.Parallel()
	e := testkit.Engine(t)
	authority, stranger := testkit.NewAuthority(t), testkit.NewAuthority(t)
	target, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	serve := func(mutual bool) string {
		server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(target))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, []string{"127.0.0.1"}).Load(t)}}
		if mutual {
			server.TLS.ClientAuth, server.TLS.ClientCAs = tls.RequireAndVerifyClientCert, authority.Pool()
		}
		server.StartTLS()
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "https://")
	}
	plain, mutual := serve(false), serve(true)
	own, foreign := authority.Issue(t, []string{"hookline"}), stranger.Issue(t, []string{"hookline"})
	for _, test := range []struct {
		name    string
		options analytics.Options
		want    string // of the error; empty: it works
	}{
		{"right authority", analytics.Options{DSN: analytics.DSN("https://migrator@" + plain + "/default?secure=true"), CA: authority.File}, ""},
		{"wrong authority", analytics.Options{DSN: analytics.DSN("https://migrator@" + plain + "/default?secure=true"), CA: stranger.File}, "unknown authority"},
		{"the system's authorities", analytics.Options{DSN: analytics.DSN("https://migrator@" + plain + "/default?secure=true")}, "unknown authority"},
		{"not verified, on demand", analytics.Options{DSN: analytics.DSN("https://migrator@" + plain + "/default?secure=true&skip_verify=true")}, ""},
		{"certificate", analytics.Options{DSN: analytics.DSN("https://migrator@" + mutual + "/default?secure=true"), CA: authority.File, Cert: own.Cert, Key: own.Key}, ""},
		{"no certificate", analytics.Options{DSN: analytics.DSN("https://migrator@" + mutual + "/default?secure=true"), CA: authority.File}, "certificate required"},
		{"a stranger's certificate", analytics.Options{DSN: analytics.DSN("https://migrator@" + mutual + "/default?secure=true"), CA: authority.File, Cert: foreign.Cert, Key: foreign.Key}, "tls"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.options.Timeout, test.options.Password = 10*time.Second, secret.Ref("file:"+e.PasswordFile("migrator"))
			db, err := analytics.Open(t.Context(), test.options)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			err = db.Ping(t.Context())
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// ClickHouse's native protocol begins after the same handshake: a listener that only shakes hands sees our certificate.
func TestTLSOverTheNativeProtocol(t *testing.T) {
	t.Parallel()
	authority := testkit.NewAuthority(t)
	own := authority.Issue(t, []string{"hookline"})
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{authority.Issue(t, []string{"127.0.0.1"}).Load(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	seen := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if err := conn.(*tls.Conn).Handshake(); err != nil {
			seen <- err.Error()
			return
		}
		seen <- conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}()
	db, err := analytics.Open(t.Context(), analytics.Options{
		DSN: analytics.DSN("clickhouse://" + listener.Addr().String() + "/default?secure=true"), CA: authority.File, Cert: own.Cert, Key: own.Key, Timeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(t.Context()); err == nil {
		t.Error("who hangs up after the handshake passes for ClickHouse")
	}
	if got := <-seen; got != "hookline" {
		t.Errorf("the server saw %q", got)
	}
}

func TestOptionsOfTLSThatDoNotFit(t *testing.T) {
	pair := testkit.NewAuthority(t).Issue(t, []string{"hookline"})
	for _, test := range []struct {
		options analytics.Options
		want    string
	}{
		{analytics.Options{DSN: "clickhouse://localhost:9000/hookline", CA: pair.Cert}, "secure=true"},
		{analytics.Options{DSN: "clickhouse://localhost:9440/hookline?secure=true", Cert: pair.Cert}, "--clickhouse-cert and --clickhouse-key go together"},
		{analytics.Options{DSN: "clickhouse://localhost:9440/hookline?secure=true", CA: "/not/there"}, "--clickhouse-ca"},
		{analytics.Options{DSN: "clickhouse://localhost:9440/hookline?secure=true", CA: pair.Key}, "no certificate"},
		{analytics.Options{DSN: "clickhouse://localhost:9000/hookline", Password: "env:HOOKLINE_TEST_NOT_SET"}, "--clickhouse-password"},
		{analytics.Options{DSN: "clickhouse://localhost:9000/hookline", Password: "hunter2"}, "is a reference"},
	} {
		if _, err := test.options.Driver(); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}

func TestADSNThatHoldsAPassword(t *testing.T) {
	for dsn, want := range map[analytics.DSN]bool{
		"clickhouse://u:p@h/d": true, "clickhouse://h/d?password=p": true, "clickhouse://u@h/d": false, "http://h": false, "::": false,
	} {
		if dsn.HasPassword() != want {
			t.Errorf("%s: want %v", dsn, want)
		}
	}
}

// A listener that takes no TLS must not make us wait for good.
func TestTLSWhereThereIsNone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(strings.Replace(server.URL, "http://", "https://", 1) + "/default?secure=true"), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	started := time.Now()
	err = db.Ping(t.Context())
	var timeout net.Error
	if err == nil || time.Since(started) > 5*time.Second || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("got %v after %v", err, time.Since(started))
	}
}
