package supervise

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Probe returns nil when a child does its job. It is called again and again; an attempt should be short.
type Probe func(ctx context.Context) error

// attempt bounds one call of a probe.
const attempt = time.Second

// HTTP is ready when a GET of url answers 200.
func HTTP(url string) Probe {
	client := &http.Client{Timeout: attempt, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}

// TCP is ready when address takes connections.
func TCP(address string) Probe {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{Timeout: attempt}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
