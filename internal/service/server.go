package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// AdminOptions are the flags of the admin listener.
type AdminOptions struct {
	Listen string   `default:"${admin_listen}" help:"Address of the admin listener: /livez, /readyz, /metrics, /debug/pprof. Keep it away from the internet."`
	Hosts  []string `placeholder:"NAME" help:"Host names that the admin listener answers to besides this machine's own; see docs/security.md."`
}

// Admin is the operator's side of a service: liveness, readiness, metrics and profiles.
type Admin struct {
	Registry *prometheus.Registry
	ready    func(context.Context) error
}

// NewAdmin returns an Admin whose /readyz answers 200 while ready returns nil, and otherwise 503 with its error.
func NewAdmin(ready func(context.Context) error) *Admin {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Admin{Registry: reg, ready: ready}
}

// Handler serves the admin pages to a listener that is bound to that address.
//
// On a loopback address all of them are for this machine, see LocalOnly. On any other address probes and scrapes come by
// whatever name or address a cluster has for the service, so health and metrics answer to any; profiles, which take
// processor time and show the inside, answer to hosts and to a forwarded port (kubectl port-forward), whose Host is localhost.
func (a *Admin) Handler(bound net.Addr, hosts []string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := a.ready(ctx); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.Registry, promhttp.HandlerOpts{}))
	mux.Handle("/debug/pprof/", refusing(profiles(), func(r *http.Request) error {
		return errors.Join(checkHost(r, loopbackHost, hosts), checkSite(r, false))
	}))
	if loopbackHost(bound.String()) {
		return LocalOnly(mux, bound, hosts)
	}
	return refusing(mux, func(r *http.Request) error { return checkSite(r, true) })
}

func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// Serve answers on ln until ctx is done.
func (a *Admin) Serve(ctx context.Context, ln net.Listener, hosts []string) error {
	const readHeader, grace = 5 * time.Second, time.Second
	return Serve(ctx, &http.Server{Handler: a.Handler(ln.Addr(), hosts), ReadHeaderTimeout: readHeader}, ln, grace)
}

// Serve runs server on ln until ctx is done, then lets requests in flight finish for at most grace.
func Serve(ctx context.Context, server *http.Server, ln net.Listener, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		return errors.Join(fmt.Errorf("drain %s within %s: %w", ln.Addr(), grace, err), server.Close())
	}
	return nil
}

// Listen opens a TCP listener; what names it in the error, which says how to choose another address.
func Listen(what, address, flag string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s cannot listen on %s (choose another address with %s): %w", what, address, flag, err)
	}
	return ln, nil
}
