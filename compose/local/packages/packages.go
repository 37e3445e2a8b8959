// Package packages fetches what the stack with no Docker needs and Go modules cannot carry: ClickHouse's
// engine as a library, and the chart library of the dashboard preview. Both come from npm, pinned with their
// hashes by the lock file in this package.
package packages

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hookline-io/hookline/compose/local/lockfile"
)

//go:embed package.json
var manifest []byte

//go:embed package-lock.json
var lock []byte

// Dir is a folder with the packages installed.
type Dir struct{ path string }

// LibChdb is the path of libchdb.so.
func (d Dir) LibChdb() string {
	return filepath.Join(d.path, "node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so")
}

// NodeModules is the folder that holds the packages by their names.
func (d Dir) NodeModules() string { return filepath.Join(d.path, "node_modules") }

// ECharts is the path of ECharts, one minified script for browsers.
func (d Dir) ECharts() string {
	return filepath.Join(d.path, "node_modules", "echarts", "dist", "echarts.min.js")
}

// Ensure returns the folder with the packages and fetches them if it is not there yet: about 190 MB once, and
// once more when the lock file changes. The folder lies in the user's cache, or in HOOKLINE_CACHE. It appears
// whole or not at all; of several processes one fetches and the others wait.
func Ensure(ctx context.Context, log *slog.Logger) (Dir, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return Dir{}, fmt.Errorf("fetch packages: the local engine is pinned for linux/amd64 only, this is %s/%s: use compose/compose.yaml, or a ClickHouse server of your own", runtime.GOOS, runtime.GOARCH)
	}
	cache, err := cacheDir()
	if err != nil {
		return Dir{}, err
	}
	sum := sha256.Sum256(append(bytes.Clone(manifest), lock...))
	dir := Dir{filepath.Join(cache, "npm-"+hex.EncodeToString(sum[:6]))}
	if dir.complete() {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return Dir{}, fmt.Errorf("fetch packages: %w", err)
	}
	turn, err := waitForTurn(ctx, cache, log)
	if err != nil {
		return Dir{}, fmt.Errorf("fetch packages: %w", err)
	}
	defer turn.Close()
	if dir.complete() {
		return dir, nil // by the process that had the lock before
	}
	return dir, fetch(ctx, cache, dir, log)
}

func (d Dir) complete() bool {
	_, err := os.Stat(d.path)
	return err == nil
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

// incomplete begins the name of the folder that is installed into.
const incomplete = "npm-incomplete-"

// fetch installs into a folder beside dir and renames it. The caller holds the lock.
func fetch(ctx context.Context, cache string, dir Dir, log *slog.Logger) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("fetch packages: npm is not installed; install Node.js 20 or later, which brings it, and run this again")
	}
	leftovers, _ := filepath.Glob(filepath.Join(cache, incomplete+"*")) // of processes that were killed
	for _, leftover := range leftovers {
		if err := os.RemoveAll(leftover); err != nil {
			return fmt.Errorf("fetch packages: %w", err)
		}
	}
	temp, err := os.MkdirTemp(cache, incomplete)
	if err != nil {
		return fmt.Errorf("fetch packages: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	for name, text := range map[string][]byte{"package.json": manifest, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(temp, name), text, 0o600); err != nil {
			return fmt.Errorf("fetch packages: %w", err)
		}
	}
	started := time.Now()
	log.Info("fetching ClickHouse's engine and the chart library from npm, this once: about 190 MB", "into", dir.path)
	if err := install(ctx, npm, temp, log); err != nil {
		return err
	}
	for _, path := range []string{Dir{temp}.LibChdb(), Dir{temp}.ECharts()} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("fetch packages: npm did not install %s; it is for Linux with glibc on x86-64", filepath.Base(path))
		}
	}
	if err := os.Rename(temp, dir.path); err != nil {
		return fmt.Errorf("fetch packages: %w", err)
	}
	log.Info("packages fetched", "took", time.Since(started).Round(100*time.Millisecond))
	return nil
}

// install runs npm in dir, and says from time to time that it still does.
func install(ctx context.Context, npm, dir string, log *slog.Logger) error {
	// The packages need no install scripts, so none gets to run.
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error") //nolint:gosec // npm of the user's PATH
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	done := make(chan struct{})
	defer close(done)
	go func() {
		still := time.NewTicker(15 * time.Second)
		defer still.Stop()
		for seconds := 15; ; seconds += 15 {
			select {
			case <-done:
				return
			case <-still.C:
				log.Info("still fetching", "seconds", seconds)
			}
		}
	}()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch packages: npm ci: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
