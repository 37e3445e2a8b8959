package preview

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hookline-io/hookline/dashboards"
)

// Command is "hookline preview".
type Command struct {
	Listen        string        `default:"127.0.0.1:3000" help:"Address of the page. It asks for no password: keep it on this machine or behind a proxy that does."`
	ClickhouseDSN string        `name:"clickhouse-dsn" default:"http://127.0.0.1:8123/hookline" help:"ClickHouse to read from: clickhouse://user:password@host:9000/hookline or http://host:8123/hookline. The user needs to read only."`
	PrometheusURL string        `name:"prometheus-url" placeholder:"URL" help:"Prometheus that watches ingest and the processor, for the board Pipeline. Without it, the panels that ask it say so."`
	Refresh       time.Duration `placeholder:"DURATION" help:"How often boards that refresh themselves do so; as often as in Grafana if it is not given, which is right for many readers."`
	Assets        string        `required:"" type:"existingdir" help:"Folder of npm packages (node_modules) that holds echarts 6."`
}

// Help shows how to use it.
func (Command) Help() string {
	return `    hookline preview --assets=node_modules --clickhouse-dsn=http://127.0.0.1:8123/hookline`
}

// Run serves the page until ctx ends.
func (c Command) Run(ctx context.Context, log *slog.Logger) error {
	boards, err := dashboards.Generate()
	if err != nil {
		return err
	}
	engine, err := Open(c.ClickhouseDSN)
	if err != nil {
		return err
	}
	var metrics *Metrics
	if c.PrometheusURL != "" {
		if metrics, err = OpenMetrics(c.PrometheusURL); err != nil {
			return err
		}
	}
	handler, err := Handler(Options{
		Boards: boards, Order: dashboards.UIDs(), Assets: c.Assets, Engine: engine, Metrics: metrics, Refresh: c.Refresh, Log: log,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("the preview cannot listen on %s (choose another with --listen): %w", c.Listen, err)
	}
	log.Info("preview of the boards", "url", "http://"+listener.Addr().String()+"/")
	return serve(ctx, listener, handler)
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	const (
		readHeader = 5 * time.Second
		idle       = 2 * time.Minute
		drain      = 5 * time.Second
	)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeader, IdleTimeout: idle}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve preview: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("stop preview: %w", err)
	}
	return nil
}
