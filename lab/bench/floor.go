package bench

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/internal/service"
)

// The floors are sub-commands of this program.
const (
	httpFloor   = "http-floor"
	insertFloor = "insert-floor"
)

// FloorCommand is `lab http-floor`: the least that an HTTP server with Echo can do with a delivery. It has its
// body in memory and answers 200; it verifies nothing and keeps nothing.
type FloorCommand struct {
	Listen string               `default:"127.0.0.1:0" help:"Address to post to."`
	Admin  service.AdminOptions `embed:"" prefix:"admin-" set:"admin_listen=127.0.0.1:0"`
}

// Run serves until ctx ends.
func (c *FloorCommand) Run(ctx context.Context, _ *slog.Logger) error {
	ln, err := service.Listen("the floor", c.Listen, "--listen")
	if err != nil {
		return err
	}
	adminLn, err := service.Listen("the floor's admin listener", c.Admin.Listen, "--admin-listen")
	if err != nil {
		return err
	}
	e := echo.New()
	e.POST("/webhooks/:vendor", func(c echo.Context) error {
		body := make([]byte, c.Request().ContentLength)
		if _, err := io.ReadFull(c.Request().Body, body); err != nil {
			return err
		}
		return c.NoContent(http.StatusOK)
	})
	admin := service.NewAdmin(func(context.Context) error { return nil })
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return service.Serve(ctx, &http.Server{Handler: e}, ln, time.Second) //nolint:gosec // no timeouts: they cost, and this is the floor
	})
	group.Go(func() error { return admin.Serve(ctx, adminLn, c.Admin.Hosts) })
	return group.Wait()
}
