package sender_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

var update = flag.Bool("update", false, "write golden files")

func page(t *testing.T) []byte {
	t.Helper()
	got, err := sender.VendorsMarkdown()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestVendorsMarkdownIsCommitted(t *testing.T) {
	path := filepath.Join(testkit.Root(t), "docs", "vendors.md")
	got := page(t)
	if *update {
		if err := (&sender.DocsCommand{Out: path}).Run(); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/vendors.md is not what the presets and schemes say: run make generate")
	}
}

func TestVendorsMarkdownTables(t *testing.T) {
	rows, columns := map[string]bool{}, 0
	for line := range strings.Lines(string(page(t))) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(line, "|") - strings.Count(line, `\|`)
		if columns != 0 && n != columns {
			t.Errorf("%d cells, want %d: %s", n-1, columns-1, line)
		}
		columns = n
		for _, word := range strings.Split(line, "`") {
			rows[word] = true
		}
	}
	for _, name := range vendors.PresetNames() {
		if !rows[name] {
			t.Errorf("preset %s is not in the table", name)
		}
	}
	for _, name := range signature.Names() {
		preset := func(p vendors.Preset) bool { return p.Scheme == name }
		if !rows[name] && !slices.ContainsFunc(vendors.Presets(), preset) {
			t.Errorf("scheme %s is not in a table", name)
		}
	}
}

// What readers copy must work.
func TestVendorsMarkdownExamples(t *testing.T) {
	blocks := strings.Split(string(page(t)), "```yaml\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		src, _, _ := strings.Cut(block, "```")
		config, err := vendors.Parse("example", []byte(src), vendors.Options{
			Schemes: signature.Names(), Getenv: func(name string) string { return "whsec_" + strings.Repeat("QQ", len(name)) + "==" },
		})
		if err != nil {
			t.Errorf("%s\n%v", src, err)
			continue
		}
		for _, warning := range config.Warnings {
			t.Errorf("%s\nwarns: %s", src, warning)
		}
		for _, v := range config.Vendors {
			if _, err := signature.New(v.Signature, v.Keys, signature.NewCertClient(nil, nil)); err != nil {
				t.Errorf("%s\n%v", src, err)
			}
		}
	}
}
