package packages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hookline-io/hookline/compose/local/lockfile"
)

// Install returns the folder NAME-HASH of the cache, HASH being that of key, and has fill make it if it is not
// there yet. The cache is the user's, or HOOKLINE_CACHE. The folder appears whole or not at all; of several
// processes one fills and the others wait. What fill gets is a path beside the one that the folder ends at.
func Install(ctx context.Context, log *slog.Logger, name string, key []byte, fill func(dir string) error) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(key)
	dir := filepath.Join(cache, name+"-"+hex.EncodeToString(sum[:6]))
	if exists(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("fetch packages: %w", err)
	}
	turn, err := waitForTurn(ctx, cache, log)
	if err != nil {
		return "", fmt.Errorf("fetch packages: %w", err)
	}
	defer turn.Close()
	if exists(dir) {
		return dir, nil // by the process that had the lock before
	}
	incomplete := name + "-incomplete-"
	leftovers, _ := filepath.Glob(filepath.Join(cache, incomplete+"*")) // of processes that were killed
	for _, leftover := range leftovers {
		if err := os.RemoveAll(leftover); err != nil {
			return "", fmt.Errorf("fetch packages: %w", err)
		}
	}
	temp, err := os.MkdirTemp(cache, incomplete)
	if err != nil {
		return "", fmt.Errorf("fetch packages: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	started := time.Now()
	stop := sayStill(log)
	err = fill(temp)
	stop()
	if err != nil {
		return "", err
	}
	if err := os.Rename(temp, dir); err != nil {
		return "", fmt.Errorf("fetch packages: %w", err)
	}
	log.Info("packages fetched", "into", dir, "took", time.Since(started).Round(100*time.Millisecond))
	return dir, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// sayStill says from time to time that the work goes on, until it is stopped.
func sayStill(log *slog.Logger) (stop func()) {
	const interval = 15 * time.Second
	done := make(chan struct{})
	go func() {
		still := time.NewTicker(interval)
		defer still.Stop()
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case <-still.C:
				log.Info("still fetching", "seconds", n*int(interval/time.Second))
			}
		}
	}()
	return func() { close(done) }
}

func cacheDir() (string, error) {
	if dir := os.Getenv("HOOKLINE_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("fetch packages: no cache folder (%w): set HOOKLINE_CACHE", err)
	}
	return filepath.Join(dir, "hookline"), nil
}

// waitForTurn takes the cache's lock, and waits for it while another process fetches.
func waitForTurn(ctx context.Context, cache string, log *slog.Logger) (io.Closer, error) {
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for said := false; ; said = true {
		lock, err := lockfile.Acquire(filepath.Join(cache, "lock"))
		if !errors.Is(err, lockfile.ErrHeld) {
			return lock, err
		}
		if !said {
			log.Info("another process is fetching packages: waiting for it", "into", cache)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-poll.C:
		}
	}
}
