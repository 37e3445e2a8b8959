package ingest

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// confirmTimeout is less than the 15 s that SNS waits for an answer.
const confirmTimeout = 5 * time.Second

// confirm fetches the URL that confirms a subscription. It is the vendor's, signed and at a host that the scheme has pinned.
// Where that fails, the vendor asks again.
func (s *server) confirm(ctx context.Context, vendor, address string) error {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("confirm the subscription: %w", err)
	}
	response, err := s.confirms.Do(r)
	if err != nil {
		return newProblem(reasonBusy, "The subscription could not be confirmed. Ask again.", err).retry(time.Minute)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return newProblem(reasonBusy, "The subscription could not be confirmed. Ask again.",
			fmt.Errorf("status %d", response.StatusCode)).retry(time.Minute)
	}
	s.log.Info("subscription confirmed", "vendor", vendor)
	return nil
}

// newConfirms returns a client that follows no redirect: the URL is pinned to the vendor's host.
func newConfirms() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
