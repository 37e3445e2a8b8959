package forward

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestGuard(t *testing.T) {
	for addr, refused := range map[string]bool{
		// This machine.
		"127.0.0.1": true, "127.255.255.254": true, "::1": true, "0.0.0.0": true, "0.1.2.3": true, "::": true,
		"::ffff:127.0.0.1": true, "::127.0.0.1": true, "64:ff9b::7f00:1": true, "2002:7f00:1::1": true,
		"::ffff:0:127.0.0.1": true, "64:ff9b:1::7f00:1": true, "64:ff9b:1:7f00:0:100::": true, "64:ff9b:1::808:808": true,
		"2001:0:808:808::80ff:fffe": true, "2001:0:7f00:1::f7f7:f7f7": true, "2001:db8::5efe:127.0.0.1": true, "2001:db8::200:5efe:169.254.169.254": true,
		// Link-local, and metadata there.
		"169.254.169.254": true, "169.254.170.2": true, "169.254.0.1": true, "fe80::1": true, "fe80::a9fe:a9fe%eth0": true, "febf::1": true,
		"::ffff:169.254.169.254": true, "64:ff9b::a9fe:a9fe": true, "2002:a9fe:a9fe::": true, "::169.254.169.254": true,
		// Metadata elsewhere.
		"fd00:ec2::254": true, "fd00:ec2::23": true, "fd20:ce::254": true, "168.63.129.16": true, "100.100.100.200": true,
		"192.0.0.192": true, "fd00:42::42": true, "::ffff:100.100.100.200": true,
		// Not one machine.
		"224.0.0.1": true, "239.1.1.1": true, "255.255.255.255": true, "ff02::1": true,
		// What actions are for.
		"10.0.0.7": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fd12:3456::1": false,
		"100.64.0.1": false, "8.8.8.8": false, "2001:4860:4860::8888": false, "::ffff:10.0.0.7": false, "64:ff9b::808:808": false, "2002:808:808::1": false,
		"::ffff:0:8.8.8.8": false, "2001:0:808:808::f7f7:f7f7": false, "2001:db8::5efe:8.8.8.8": false, "2001:db8::5eff:127.0.0.1": false,
		"168.63.129.17": false, "169.253.0.1": false,
	} {
		err := guard{}.check(netip.MustParseAddr(addr))
		if (err != nil) != refused {
			t.Errorf("%s: %v", addr, err)
		}
		if err != nil && !errors.Is(err, errRefused) {
			t.Errorf("%s: %v is not errRefused", addr, err)
		}
	}
	allow := guard{allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fe80::/10")}}
	for addr, refused := range map[string]bool{"127.0.0.1": false, "::ffff:127.0.0.1": false, "fe80::1%eth0": false, "::1": true, "169.254.169.254": true} {
		if err := allow.check(netip.MustParseAddr(addr)); (err != nil) != refused {
			t.Errorf("allowed: %s: %v", addr, err)
		}
	}
	err := guard{}.check(netip.MustParseAddr("169.254.169.254"))
	if !strings.Contains(err.Error(), "--actions-allow=169.254.169.254/32") {
		t.Errorf("%v does not say what to do", err)
	}
}

// TestGuardDials goes through the real dialer: a name, a redirect, an address in odd spelling.
func TestGuardDials(t *testing.T) {
	var reached, secrets atomic.Int64
	metadata := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { secrets.Add(1) }))
	defer metadata.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, metadata.URL, http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	event := schemas.Event{ID: "1", Vendor: "acme", Data: []byte("{}")}
	send := func(g guard, target string) answer {
		return newForwarder(g, 1).send(t.Context(), &event, vendors.Action{Forward: target, Target: target, Timeout: 5 * time.Second})
	}
	for _, target := range []string{server.URL, "http://localhost:" + u.Port(), "http://[::ffff:127.0.0.1]:" + u.Port(), "http://0.0.0.0:" + u.Port()} {
		if ans := send(guard{}, target); !errors.Is(ans.err, errRefused) || judge(ans.status, ans.err) != never {
			t.Errorf("%s: %v", target, ans.err)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Fatalf("%d requests got through", n)
	}
	local := guard{allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	if ans := send(local, server.URL); ans.err != nil || ans.status != 200 {
		t.Errorf("allowed: %+v", ans)
	}
	if ans := send(local, server.URL+"/redirect"); judge(ans.status, ans.err) != never || ans.status != http.StatusTemporaryRedirect {
		t.Errorf("redirect: %+v", ans)
	}
	if secrets.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestGuardChecksConfig(t *testing.T) {
	config := parse(t, `vendors: {acme: {preset: stripe, actions: {
		a: [{forward: "http://localhost:80/"}, {forward: "http://LOCALHOST./x"}, {forward: "http://10.0.0.7/"}],
		b: {forward: "http://169.254.169.254/latest"}, c: {forward: "https://[fd00:ec2::254]/"}, d: {forward: "http://fulfilment.internal/"}}}}`)
	err := guard{}.checkConfig(config)
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"vendors: acme: actions: a: forward http://localhost:80/: ", "a: forward http://LOCALHOST./x: ", "b: forward http://169.254.169.254/latest: ", "c: forward https://[fd00:ec2::254]/: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %s in\n%v", want, err)
		}
	}
	if err := (guard{allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fd00:ec2::254/128")}}).checkConfig(config); err != nil {
		t.Error(err)
	}
}

// TestFlags reads the options as the command line does.
func TestFlags(t *testing.T) {
	var cli struct {
		Options `embed:"" prefix:"actions-"`
	}
	parser, err := kong.New(&cli, kong.DefaultEnvars("HOOKLINE"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--actions-allow=127.0.0.0/8,fe80::/10", "--actions-concurrency=2"}); err != nil {
		t.Fatal(err)
	}
	if len(cli.Allow) != 2 || cli.Allow[1] != netip.MustParsePrefix("fe80::/10") || cli.Attempts != 8 || cli.check() != nil {
		t.Errorf("%+v, %v", cli.Options, cli.check())
	}
	if _, err := parser.Parse([]string{"--actions-allow=127.0.0.1"}); err == nil {
		t.Error("an address was taken for a network")
	}
	for _, wrong := range []func(*Options){
		func(o *Options) { o.Group = "" }, func(o *Options) { o.Concurrency = 0 }, func(o *Options) { o.Queue = -1 },
		func(o *Options) { o.Attempts = 0 }, func(o *Options) { o.RetryDelay = 0 },
	} {
		o := cli.Options
		if wrong(&o); o.check() == nil || !strings.Contains(o.check().Error(), "--actions-") {
			t.Errorf("%+v: %v", o, o.check())
		}
	}
}
