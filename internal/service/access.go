package service

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// LocalOnly guards a listener that asks for no password against web pages: any page that somebody opens on a machine
// can have the browser send requests to that machine's own ports. It refuses, with 403:
//
//   - a Host that is not this machine's: a page can have its own name resolve to 127.0.0.1 (DNS rebinding). A listener
//     on a loopback address answers to localhost and loopback addresses, any other to IP addresses, which nobody can
//     rebind; both answer to hosts;
//   - a request of another origin's page, by Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/) and Origin. Following
//     a link to a page is allowed: its sender cannot read the answer.
//
// Requests of programs carry neither of the latter headers. bound is the address of the listener.
func LocalOnly(next http.Handler, bound net.Addr, hosts []string) http.Handler {
	known := loopbackHost
	if !loopbackHost(bound.String()) {
		known = func(host string) bool { return hostAddr(host).IsValid() }
	}
	return refusing(next, func(r *http.Request) error {
		return errors.Join(checkHost(r, known, hosts), checkSite(r, true))
	})
}

// refusing answers 403 with the error of check.
func refusing(next http.Handler, check func(*http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := check(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func checkHost(r *http.Request, known func(string) bool, hosts []string) error {
	// A browser always names a host. Health checks of HTTP/1.0 name none, such as HAProxy's.
	if r.Host == "" || known(r.Host) || slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, hostname(r.Host)) }) {
		return nil
	}
	return fmt.Errorf("refused: the host %.100q is not one of this listener's; ask by IP address, or allow the name with a flag", r.Host)
}

// checkSite refuses what a page of another origin sends. follow allows a link to be followed.
func checkSite(r *http.Request, follow bool) error {
	refused := errors.New("refused: a web page of another origin sent this request")
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		link := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		if !follow || !link {
			return refused
		}
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Host) {
			return refused
		}
	}
	return nil
}

// hostname is a Host header or a listener's address without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}

func hostAddr(host string) netip.Addr {
	addr, _ := netip.ParseAddr(hostname(host)) // the zero Addr for a name
	return addr.Unmap()
}

func loopbackHost(host string) bool {
	return strings.EqualFold(hostname(host), "localhost") || hostAddr(host).IsLoopback()
}
