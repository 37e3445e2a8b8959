package dashboards

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// committedAlerting is where the generated rules are committed.
const committedAlerting = "../compose/grafana/provisioning/alerting"

var update = flag.Bool("update", false, "write generated/ instead of comparing with it")

func TestGolden(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	if *update {
		if err := (GenerateCommand{Out: "generated", Alerting: committedAlerting}).Run(context.Background(), log); err != nil {
			t.Fatal(err)
		}
	}
	if err := (GenerateCommand{Out: "generated", Alerting: committedAlerting, Check: true}).Run(context.Background(), log); err != nil {
		t.Fatalf("%v\n(or: go test ./dashboards -run Golden -update)", err)
	}
}

func TestGenerateWritesWhatCheckAccepts(t *testing.T) {
	dir, alerting := filepath.Join(t.TempDir(), "boards"), filepath.Join(t.TempDir(), "alerting")
	log := slog.New(slog.DiscardHandler)
	run := func(check bool) error {
		return GenerateCommand{Out: dir, Alerting: alerting, Check: check}.Run(context.Background(), log)
	}
	if err := run(true); err == nil || !strings.Contains(err.Error(), SalesUID+".json is missing") {
		t.Fatalf("check of an empty folder: %v", err)
	}
	if err := run(false); err != nil {
		t.Fatal(err)
	}
	if err := run(true); err != nil {
		t.Fatal(err)
	}

	stray := filepath.Join(dir, "stray.json")
	for path, want := range map[string]string{
		stray:                                 "stray.json is not ours",
		filepath.Join(dir, SalesUID+".json"):  SalesUID + ".json differs",
		filepath.Join(alerting, AlertingFile): AlertingFile + " differs",
	} {
		if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := run(true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check after a change to %s: %v; want %q", path, err, want)
		}
	}
}
