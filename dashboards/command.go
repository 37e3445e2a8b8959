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
	Generate GenerateCommand `cmd:"" help:"Write the JSON of the Grafana boards, or check that it is up to date."`
}

// GenerateCommand is "hookline dashboards generate".
type GenerateCommand struct {
	Out   string `default:"dashboards/generated" type:"path" help:"Folder to write one <uid>.json per board into; Grafana's file provisioning reads it."`
	Check bool   `help:"Write nothing; fail, naming the files, where the folder is not what would be written."`
}

// Run writes the boards, or compares them with what is there.
func (c GenerateCommand) Run(_ context.Context, log *slog.Logger) error {
	files, err := Generate()
	if err != nil {
		return err
	}
	if c.Check {
		return check(c.Out, files)
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("write boards: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(c.Out, name)
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return fmt.Errorf("write boards: %w", err)
		}
		log.Info("board written", "path", path)
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
			problems = append(problems, fmt.Errorf("%s belongs to no board", path))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("boards are not up to date, run: hookline dashboards generate\n%w", errors.Join(problems...))
	}
	return nil
}
