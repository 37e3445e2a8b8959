package service

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// ProbeCommand is `hookline probe`: the health check of an image that has no shell and no curl.
type ProbeCommand struct {
	URL     string        `arg:"" placeholder:"URL" help:"Address that answers 200 when all is well, such as http://127.0.0.1:9081/readyz."`
	Timeout time.Duration `default:"3s" env:"-" help:"Time that the answer may take."`
}

// Help shows how to use it.
func (*ProbeCommand) Help() string {
	return `    hookline probe http://127.0.0.1:9081/readyz`
}

// Run returns an error, with what the service said, unless it answers 200 in time.
func (c *ProbeCommand) Run(ctx context.Context, _ *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // a help, not needed
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("probe %s: %s: %s", c.URL, resp.Status, strings.TrimSpace(string(said)))
	}
	return nil
}
