// Package testkit holds what tests of several parts share: where the vectors are, and real engines to run against.
package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// Root returns the folder of go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// Vectors returns the folder of signature vectors and real payloads: HOOKLINE_VECTORS, by default
// ../shared/vectors beside the repository. Where it is absent the test is skipped, visibly.
func Vectors(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("HOOKLINE_VECTORS")
	if dir == "" {
		dir = filepath.Join(Root(t), "..", "shared", "vectors")
	}
	if _, err := os.Stat(dir); err != nil { //nolint:gosec // the folder is the tester's choice
		t.Skipf("SKIPPED: no vectors at %s (set HOOKLINE_VECTORS)", dir)
	}
	return dir
}
