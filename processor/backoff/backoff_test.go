package backoff_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/processor/alert"
	"github.com/hookline-io/hookline/processor/backoff"
)

var errAway = errors.New("connection refused")

// The log is where the alerts show here: they have no other destination. Time is that of synctest.
func repeater(t *testing.T, log *strings.Builder, retrying *[]bool) *backoff.Repeater {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(log, nil))
	alerts, err := alert.New(logger, prometheus.NewRegistry(), "test", alert.Options{Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return &backoff.Repeater{
		Log: logger, Alerts: alerts, Alert: "HooklineRetrying", AlertAfter: 30 * time.Second, Try: 20 * time.Second,
		Retrying: func(on bool) { *retrying = append(*retrying, on) },
	}
}

func TestDo(t *testing.T) {
	const raised, over = "alert: retrying for more than 30s: insert rows", "alert is over"
	for name, tt := range map[string]struct {
		away, each time.Duration // how long the store is away, and how long each try then takes
		alert      bool
	}{
		"at once":          {0, 0, false},
		"short":            {20 * time.Second, 0, false},
		"long":             {10 * time.Minute, 0, true},
		"a try that hangs": {40 * time.Second, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				var retrying []bool
				h := repeater(t, &log, &retrying)
				start := time.Now()
				tries := 0
				err := h.Do(t.Context(), "insert rows", func(ctx context.Context) error {
					tries++
					if time.Since(start) >= tt.away {
						return nil
					}
					select {
					case <-time.After(tt.each):
						return errAway
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if late := time.Since(start) - tt.away; late > 31*time.Second {
					t.Errorf("went on %v late", late)
				}
				if got := strings.Contains(log.String(), raised); got != tt.alert {
					t.Errorf("alert raised: %v", got)
				}
				if got := strings.Contains(log.String(), over); got != tt.alert {
					t.Errorf("alert over: %v", got)
				}
				if want := tt.away > 0; (len(retrying) > 0 && retrying[0]) != want || want && retrying[len(retrying)-1] {
					t.Errorf("retrying: %v", retrying)
				}
				if tt.away == 10*time.Minute && (tries < 60 || tries > 400) {
					t.Errorf("%d tries", tries)
				}
			})
		})
	}
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var retrying []bool
		h := repeater(t, &log, &retrying)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := h.Do(ctx, "insert rows", func(context.Context) error { return errAway })
		if !errors.Is(err, errAway) {
			t.Errorf("got %v", err)
		}
		if strings.Contains(log.String(), "alert is over") {
			t.Error("the alert is said to be over, and the store is still away")
		}
	})
}
