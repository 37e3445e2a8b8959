package service

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A deployed admin listener answers probes and scrapes by whatever name a cluster has for it, profiles do not.
func TestDeployedAdminListener(t *testing.T) {
	admin := NewAdmin(func(context.Context) error { return nil }).Handler(&net.TCPAddr{IP: net.IPv4zero, Port: 9081}, []string{"ingest.internal"})
	for _, test := range []struct {
		name, path, host string
		header           map[string]string
		want             int
	}{
		{"kubelet", "/readyz", "10.1.2.3:9081", nil, 200},
		{"Prometheus by pod", "/metrics", "10.1.2.3:9081", nil, 200},
		{"Prometheus by service", "/metrics", "ingest.hookline.svc:9081", nil, 200},
		{"a page of another site", "/metrics", "10.1.2.3:9081", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a page of another origin", "/readyz", "10.1.2.3:9081", map[string]string{"Origin": "https://evil.example"}, 403},
		{"profile by service", "/debug/pprof/cmdline", "ingest.hookline.svc:9081", nil, 403},
		{"profile by pod", "/debug/pprof/cmdline", "10.1.2.3:9081", nil, 403},
		{"profile by forwarded port", "/debug/pprof/cmdline", "localhost:9081", nil, 200},
		{"profile by a name that is allowed", "/debug/pprof/cmdline", "Ingest.internal:9081", nil, 200},
		{"profile by a link", "/debug/pprof/cmdline", "localhost:9081",
			map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+test.host+test.path, nil)
		for name, value := range test.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d", test.name, w.Code, test.want)
		}
	}
}

// A page that is served on an address of the network answers by that address, and by the names in its options.
func TestLocalOnlyOnTheNetwork(t *testing.T) {
	page := LocalOnly(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), &net.TCPAddr{IP: net.IPv6zero, Port: 3000}, []string{"boards.example.com"})
	for host, want := range map[string]int{
		"192.168.1.5:3000": 200, "[2001:db8::1]:3000": 200, "[2001:db8::1]": 200, "boards.example.com": 200, "boards.example.com.": 200,
		"evil.example": 403, "boards.example.com.evil.example": 403, "": 200,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}
