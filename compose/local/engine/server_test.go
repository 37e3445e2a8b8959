package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where there is no library, an installed clickhouse is run; without either, the message names both.
func TestFind(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin) // no npm either
	t.Setenv("HOOKLINE_CACHE", t.TempDir())
	log := slog.New(slog.DiscardHandler)
	var s Server
	err := s.find(t.Context(), log)
	for _, want := range []string{"--clickhouse", "--library", "install ClickHouse"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	installed := filepath.Join(bin, "clickhouse")
	if err := os.WriteFile(installed, []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if err := s.find(t.Context(), log); err != nil || s.Binary != installed || s.embedded() {
		t.Errorf("%+v, %v", s, err)
	}
}
