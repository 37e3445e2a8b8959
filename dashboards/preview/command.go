package preview

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/dashboards/preview/scrape"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/service"
)

// Command is "hookline preview".
type Command struct {
	Listen        string        `default:"127.0.0.1:3000" help:"Address of the page. It asks for no password: keep it on this machine or behind a proxy that does."`
	Hosts         []string      `placeholder:"NAME" help:"Host names that the page answers to besides this machine's own, such as that of a proxy; see docs/security.md."`
	ClickhouseDSN string        `name:"clickhouse-dsn" default:"clickhouse://grafana@127.0.0.1:9000/hookline" help:"ClickHouse to read from: clickhouse://user@host:9000/hookline or http://user@host:8123/hookline. The user needs to read only."`
	Password      secret.Ref    `name:"clickhouse-password" placeholder:"REF" help:"Where the user's password is kept: env:NAME or file:/path."`
	PrometheusURL string        `name:"prometheus-url" placeholder:"URL" help:"Prometheus that watches ingest and the processor, for the board Pipeline. Without it, the panels that ask it say so."`
	Scrape        []string      `placeholder:"URL" help:"Metrics to read where there is no Prometheus, such as http://127.0.0.1:8081/metrics of ingest; kept in memory for six hours. Not with --prometheus-url."`
	Refresh       time.Duration `placeholder:"DURATION" help:"How often boards that refresh themselves do so; as often as in Grafana if it is not given, which is right for many readers."`
	Assets        string        `required:"" type:"existingdir" help:"Folder of npm packages (node_modules) that holds echarts 6."`
}

// Help shows how to use it.
func (Command) Help() string {
	return `    hookline preview --assets=node_modules --clickhouse-password=file:.hookline/clickhouse/grafana.password`
}

// Run serves the page until ctx ends.
func (c Command) Run(ctx context.Context, log *slog.Logger) error {
	boards, err := dashboards.Generate()
	if err != nil {
		return err
	}
	dsn, err := c.dsn()
	if err != nil {
		return err
	}
	engine, err := Open(dsn)
	if err != nil {
		return err
	}
	metrics, err := c.metrics(ctx, log)
	if err != nil {
		return err
	}
	handler, err := Handler(Options{
		Boards: boards, Order: dashboards.UIDs(), Assets: c.Assets, Engine: engine, Metrics: metrics, Refresh: c.Refresh, Log: log,
	})
	if err != nil {
		return err
	}
	listener, err := service.Listen("the preview", c.Listen, "--listen")
	if err != nil {
		return err
	}
	log.Info("preview of the boards", "url", "http://"+listener.Addr().String()+"/")
	const (
		readHeader = 5 * time.Second
		idle       = 2 * time.Minute
		drain      = 5 * time.Second
	)
	server := &http.Server{Handler: service.LocalOnly(handler, listener.Addr(), c.Hosts), ReadHeaderTimeout: readHeader, IdleTimeout: idle}
	return service.Serve(ctx, server, listener, drain)
}

// metrics is the Prometheus to ask, or the preview's own in its place, which reads until ctx ends; nil for neither.
func (c Command) metrics(ctx context.Context, log *slog.Logger) (*Metrics, error) {
	switch {
	case c.PrometheusURL != "":
		return OpenMetrics(c.PrometheusURL)
	case len(c.Scrape) == 0:
		return nil, nil //nolint:nilnil // no metrics are no error
	}
	store, err := scrape.New(c.Scrape, scrapeInterval, log)
	if err != nil {
		return nil, err
	}
	go store.Run(ctx)
	return Scraped(store), nil
}

// dsn is the DSN with the password that is kept elsewhere.
func (c Command) dsn() (string, error) {
	if c.Password == "" {
		return c.ClickhouseDSN, nil
	}
	password, err := c.Password.Read()
	if err != nil {
		return "", fmt.Errorf("--clickhouse-password: %w", err)
	}
	u, err := url.Parse(c.ClickhouseDSN)
	if err != nil {
		return "", errUnreadableDSN
	}
	u.User = url.UserPassword(u.User.Username(), string(password.Reveal()))
	return u.String(), nil
}
