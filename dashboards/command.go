package dashboards

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Command is "hookline dashboards".
type Command struct {
	Generate GenerateCommand `cmd:"" help:"Write the JSON of the Grafana boards and alert rules, or check that it is up to date."`
	Diff     DiffCommand     `cmd:"" help:"Show what push would change in a Grafana. Exit status: 0 nothing, 1 something, 2 trouble."`
	Push     PushCommand     `cmd:"" help:"Bring a Grafana up to date over its HTTP API: folder, boards, alert rules, contact point. May run any number of times."`
}

// GenerateCommand is "hookline dashboards generate".
type GenerateCommand struct {
	Out      string `default:"dashboards/generated" type:"path" help:"Folder to write one <uid>.json per board into; Grafana's provisioning of dashboards reads it."`
	Alerting string `default:"compose/grafana/provisioning/alerting" type:"path" help:"Folder to write the alert rules, the contact point and the notification policy into; Grafana's provisioning of alerting reads it."`
	Check    bool   `help:"Write nothing; fail, naming the files, where the folders are not what would be written."`
}

// Help shows how to use it.
func (GenerateCommand) Help() string {
	return `    hookline dashboards generate --out=/var/lib/grafana/dashboards --alerting=/etc/grafana/provisioning/alerting
    hookline dashboards generate --check`
}

// Run writes the boards and the alert rules, or compares them with what is there.
func (c GenerateCommand) Run(_ context.Context, log *slog.Logger) error {
	boards, err := Generate()
	if err != nil {
		return err
	}
	rules, err := Alerting()
	if err != nil {
		return err
	}
	alerting := map[string][]byte{AlertingFile: rules}
	if c.Check {
		problems := errors.Join(check(c.Out, boards), check(c.Alerting, alerting))
		if problems != nil {
			return fmt.Errorf("boards or alert rules are not up to date, run: hookline dashboards generate\n%w", problems)
		}
		return nil
	}
	return errors.Join(write(c.Out, boards, log), write(c.Alerting, alerting, log))
}

func write(dir string, files map[string][]byte, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write boards: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return fmt.Errorf("write boards: %w", err)
		}
		log.Info("written", "path", path)
	}
	return nil
}

// check compares the folder with files: the same names and the same bytes.
func check(dir string, files map[string][]byte) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		found, err := os.ReadFile(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			problems = append(problems, fmt.Errorf("%s is missing", path))
		case err != nil:
			problems = append(problems, fmt.Errorf("check boards: %w", err))
		case !bytes.Equal(found, files[name]):
			problems = append(problems, fmt.Errorf("%s differs", path))
		}
	}
	present, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return fmt.Errorf("check boards: %w", err)
	}
	for _, path := range present {
		if _, ok := files[filepath.Base(path)]; !ok {
			problems = append(problems, fmt.Errorf("%s is not ours", path))
		}
	}
	return errors.Join(problems...)
}
