// Package engine runs ClickHouse's engine, libchdb, in this process and serves ClickHouse's HTTP interface
// from it, for the stack with no Docker, for tests and for CI. What it serves is the real engine over real
// tables in a folder; what it does not have of a server are users, sessions, external tables and the native
// protocol. See https://clickhouse.com/docs/interfaces/http for the interface.
//
// Each request gets a connection of its own: a long query blocks no other, and settings do not leak. Results
// are held in memory until they are complete, so that a query that fails always has an error status.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/internal/secret"
)

// Options say where the engine keeps its tables and who may use it.
type Options struct {
	DataDir   string         // created if missing; one engine at a time
	Listen    string         // host:port; port 0 picks one
	User      string         // default: "default"
	Password  secret.Value   // default: none
	Memory    uint64         // bytes that the engine may use, all queries together; default 3 GiB
	Users     string         // ClickHouse's users.xml; whoever connects is its user default. Default: one who may do everything
	Library   string         // path of libchdb; default: fetched, see compose/local/packages
	StopGrace time.Duration  // how long running queries may go on once ctx ends; default 5 s
	Ready     func(net.Addr) // called once the engine serves requests
	Log       *slog.Logger
}

const (
	defaultMemory = 3 << 30
	defaultGrace  = 5 * time.Second
)

// Run serves until ctx ends and then stops within the grace period. Data of an INSERT that was answered
// survives whatever ends the process.
func Run(ctx context.Context, o Options) error {
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.StopGrace == 0 {
		o.StopGrace = defaultGrace
	}
	started := time.Now()
	// Listening first makes a port in use an error at once.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen for the engine: %w", err)
	}
	defer func() { _ = listener.Close() }()
	store, err := o.open(ctx)
	if err != nil {
		return err
	}
	queries, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	handler := newHandler(store, &o, o.Log)
	server := &http.Server{
		Handler:           handler.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return queries },
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	o.Log.Info("engine ready", "address", listener.Addr().String(), "version", store.lib.version(), "took", time.Since(started).Round(time.Millisecond))
	if o.Ready != nil {
		o.Ready(listener.Addr())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve the engine: %w", err)
	case <-ctx.Done():
	}
	killer := time.AfterFunc(o.StopGrace/2, kill)
	defer killer.Stop()
	return errors.Join(handler.drain(o.StopGrace), stop(server), store.close())
}

func (o *Options) open(ctx context.Context) (*store, error) {
	path := o.Library
	if path == "" {
		dir, err := packages.Ensure(ctx, o.Log)
		if err != nil {
			return nil, err
		}
		path = dir.LibChdb()
	}
	lib, err := loadLibrary(path)
	if err != nil {
		return nil, err
	}
	return openStore(lib, o.DataDir, settings{Memory: o.Memory, MarkCache: o.Memory / 16, Users: o.Users})
}

// lastWords is how long a response may take to leave once its query is done.
const lastWords = 500 * time.Millisecond

// stop ends a server whose handlers have all returned. Shutdown lets responses leave; it would also wait, for
// seconds, for connections on which no request has come yet.
func stop(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}
