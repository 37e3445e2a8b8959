package packages

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeNPM puts a script in the place of npm, so that these tests need no network; the engine's tests run on
// what the real one installs. The script counts its runs in the file it returns.
func fakeNPM(t *testing.T, script string) (runs string) {
	t.Helper()
	dir := t.TempDir()
	runs = filepath.Join(dir, "runs")
	text := fmt.Sprintf("#!/bin/sh\necho run >> %s\n%s\n", runs, script)
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	t.Setenv("HOOKLINE_CACHE", filepath.Join(t.TempDir(), "cache"))
	return runs
}

const installs = `test "$1" = ci && test -s package-lock.json || exit 3
for f in @chdb/lib-linux-x64-gnu/libchdb.so echarts/dist/echarts.min.js; do
	mkdir -p "node_modules/$(dirname "$f")" && echo x > "node_modules/$f"
done`

func TestFetchOnce(t *testing.T) {
	runs := fakeNPM(t, installs)
	leftover := filepath.Join(os.Getenv("HOOKLINE_CACHE"), "npm-incomplete-1")
	if err := os.MkdirAll(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			dir, err := Ensure(context.Background(), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			for _, path := range []string{dir.LibChdb(), dir.ECharts()} {
				if _, err := os.Stat(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if text, err := os.ReadFile(runs); err != nil || string(text) != "run\n" {
		t.Errorf("npm ran %q (%v), want once", text, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(leftover), "npm-incomplete-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestFetchFails(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"npm fails":            {"echo no network >&2; exit 1", "no network"},
		"npm installs nothing": {"exit 0", "did not install libchdb.so"},
	} {
		t.Run(name, func(t *testing.T) {
			fakeNPM(t, test.script)
			_, err := Ensure(context.Background(), slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want …%s…", err, test.want)
			}
			if left, _ := filepath.Glob(filepath.Join(os.Getenv("HOOKLINE_CACHE"), "npm-*")); left != nil {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	t.Run("no npm", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		t.Setenv("HOOKLINE_CACHE", t.TempDir())
		_, err := Ensure(context.Background(), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "install Node.js") {
			t.Errorf("%v, want advice", err)
		}
	})
}

// The lock pins every package by its hash and leaves the choice of a registry to npm's configuration.
func TestLock(t *testing.T) {
	text := string(lock)
	if strings.Contains(text, "http") || strings.Contains(text, `"resolved"`) {
		t.Error("the lock names a registry: set omit-lockfile-registry-resolved=true in npm's configuration and lock again")
	}
	if packages, hashes := strings.Count(text, `"node_modules/`), strings.Count(text, `"integrity": "sha512-`); packages != hashes || packages == 0 {
		t.Errorf("%d packages and %d hashes", packages, hashes)
	}
}
