package service

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// OnHangup calls do for each SIGHUP until ctx is done.
func OnHangup(ctx context.Context, do func()) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			do()
		}
	}
}
