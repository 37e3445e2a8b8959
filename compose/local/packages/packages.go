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
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
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

// ECharts is the path of ECharts, one minified script for browsers.
func (d Dir) ECharts() string {
	return filepath.Join(d.path, "node_modules", "echarts", "dist", "echarts.min.js")
}

// Ensure returns the folder with the packages and fetches them if it is not there yet: about 130 MB once, and
// once more when the lock file changes. The folder lies in the user's cache, or in HOOKLINE_CACHE. It appears
// whole or not at all, and processes may do this at the same time.
func Ensure(ctx context.Context, log *slog.Logger) (Dir, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return Dir{}, fmt.Errorf("fetch packages: the local engine is pinned for linux/amd64 only, this is %s/%s: use compose/compose.yaml or a ClickHouse server of your own", runtime.GOOS, runtime.GOARCH)
	}
	cache, err := cacheDir()
	if err != nil {
		return Dir{}, err
	}
	sum := sha256.Sum256(append(bytes.Clone(manifest), lock...))
	dir := Dir{filepath.Join(cache, "npm-"+hex.EncodeToString(sum[:6]))}
	if _, err := os.Stat(dir.path); err == nil {
		return dir, nil
	}
	return dir, fetch(ctx, dir.path, log)
}

func cacheDir() (string, error) {
	if dir := os.Getenv("HOOKLINE_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("fetch packages: no cache folder (%w): set HOOKLINE_CACHE", err)
	}
	return filepath.Join(dir, "hookline"), nil
}

// fetch installs into a folder beside dir and renames it.
func fetch(ctx context.Context, dir string, log *slog.Logger) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("fetch packages: npm is not installed; install Node.js 18 or later, which brings it, and run this again")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("fetch packages: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "npm-incomplete-")
	if err != nil {
		return fmt.Errorf("fetch packages: %w", err)
	}
	defer os.RemoveAll(temp)
	for name, text := range map[string][]byte{"package.json": manifest, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(temp, name), text, 0o644); err != nil {
			return fmt.Errorf("fetch packages: %w", err)
		}
	}
	started := time.Now()
	log.Info("fetching the engine and the chart library from npm, once; this takes a minute or less", "into", dir)
	// The packages need no install scripts, so none gets to run.
	install := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = temp
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch packages: npm ci: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if _, err := os.Stat((Dir{temp}).LibChdb()); err != nil {
		return fmt.Errorf("fetch packages: npm installed no engine for this system (it wants linux, x64, glibc): %w", err)
	}
	if err := os.Rename(temp, dir); err != nil {
		if _, other := os.Stat(dir); other == nil {
			return nil // another process was faster
		}
		return fmt.Errorf("fetch packages: %w", err)
	}
	log.Info("fetched", "took", time.Since(started).Round(100*time.Millisecond))
	return nil
}
