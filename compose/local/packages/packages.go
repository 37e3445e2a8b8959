// Package packages fetches what the stack with no Docker needs and Go modules cannot carry: ClickHouse's
// engine as a library, and the chart library of the dashboard preview. Both come from npm, pinned with their
// hashes by the lock file in this package.
package packages

import (
	"bytes"
	"context"
	_ "embed"
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

// HasLibChdb says whether libchdb is made for this machine.
func HasLibChdb() bool { return runtime.GOOS == "linux" && runtime.GOARCH == "amd64" }

// LibChdb is the path of libchdb.so. See HasLibChdb.
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
// once more when the lock file changes. Where libchdb is not made for the machine it is left out.
func Ensure(ctx context.Context, log *slog.Logger) (Dir, error) {
	key := append(bytes.Clone(manifest), lock...)
	path, err := Install(ctx, log, "npm", key, func(dir string) error { return fetch(ctx, dir, log) })
	return Dir{path}, err
}

// fetch has npm fill dir.
func fetch(ctx context.Context, dir string, log *slog.Logger) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("fetch packages: npm is not installed; install Node.js 20 or later, which brings it, and run this again")
	}
	for name, text := range map[string][]byte{"package.json": manifest, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("fetch packages: %w", err)
		}
	}
	log.Info("fetching ClickHouse's engine and the chart library from npm, this once: about 190 MB")
	// The packages need no install scripts, so none gets to run.
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch packages: npm ci: %w: %s", err, strings.TrimSpace(string(out)))
	}
	var wanted []string
	if HasLibChdb() {
		wanted = append(wanted, Dir{dir}.LibChdb())
	}
	wanted = append(wanted, Dir{dir}.ECharts())
	for _, path := range wanted {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("fetch packages: npm did not install %s; libchdb is for Linux with glibc on x86-64", filepath.Base(path))
		}
	}
	return nil
}
