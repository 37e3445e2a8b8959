package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/hookline-io/hookline/internal/reference"
)

//go:generate go test . -run ^TestConfigurationMarkdownIsCommitted$ -update

var update = flag.Bool("update", false, "write golden files")

func commandLine(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(&commands{}, grammar()...)
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

func TestConfigurationMarkdownIsCommitted(t *testing.T) {
	path := filepath.Join("docs", "configuration.md")
	got, err := reference.Markdown(commandLine(t).Model)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/configuration.md is not what the flags say: run make generate")
	}
}

// Every flag of every command must be on the page, with what it does.
func TestConfigurationNamesEveryFlag(t *testing.T) {
	parser := commandLine(t)
	page, err := reference.Markdown(parser.Model)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		if !bytes.Contains(page, []byte("## hookline "+command.Path()+"\n")) {
			t.Errorf("hookline %s is not on the page", command.Path())
		}
		for _, f := range command.Flags {
			if f.Hidden {
				continue
			}
			if f.Help == "" {
				t.Errorf("hookline %s --%s says nothing of what it does", command.Path(), f.Name)
			}
			if f.Name != "help" && !regexp.MustCompile("\\| `--(\\[no-\\])?"+regexp.QuoteMeta(f.Name)+"` \\|").Match(page) {
				t.Errorf("--%s of %s is not on the page", f.Name, command.Path())
			}
		}
	}
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 5 && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 3 {
			t.Errorf("a row with a column too many or too few: %s", line)
		}
	}
}
