package ingest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hookline-io/hookline/internal/service"
)

// serve answers vendors until ctx is done, then drains: not ready, then no new connections, and the
// deliveries in flight finish.
func (s *server) serve(ctx context.Context, ln net.Listener, o Options) error {
	httpServer := &http.Server{
		Handler:           s.handler(o.Limits),
		ReadHeaderTimeout: min(5*time.Second, o.ReadTimeout),
		ReadTimeout:       o.ReadTimeout,
		WriteTimeout:      o.ReadTimeout + o.EnqueueTimeout + 5*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		// HTTP/1.1 alone, also under TLS: the guard counts connections, each of one delivery at a time.
		ConnState:   s.guard.state,
		ConnContext: s.guard.context,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // what strangers send is not our error
	}
	// The listener closes only after load balancers had time to see that we are not ready.
	closing, closeNow := context.WithCancel(context.WithoutCancel(ctx))
	defer closeNow()
	stop := context.AfterFunc(ctx, func() {
		s.stopping.Store(true)
		time.AfterFunc(o.DrainDelay, closeNow)
	})
	defer stop()
	return service.Serve(closing, httpServer, ln, o.DrainTimeout)
}
