package sender

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

//go:generate go test . -run ^TestVendorsMarkdownIsCommitted$ -update

//go:embed vendors.md.tmpl
var vendorsTemplate string

// DocsCommand is `hookline vendor docs`.
type DocsCommand struct {
	Out string `default:"docs/vendors.md" type:"path" help:"File to write."`
}

// Run writes docs/vendors.md.
func (c *DocsCommand) Run() error {
	text, err := VendorsMarkdown()
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, text, 0o644); err != nil { //nolint:gosec // it is there to be read
		return fmt.Errorf("write the vendors' documentation: %w", err)
	}
	return nil
}

// documented is a preset with what the engine that verifies says of its scheme. Where both say the same, as with
// the algorithm, the template takes the engine's word.
type documented struct {
	vendors.Preset
	Facts signature.Facts
	Proof string // of its events
}

// VendorsMarkdown returns docs/vendors.md: the presets and schemes as they are, and how to add a vendor.
func VendorsMarkdown() ([]byte, error) {
	var data struct {
		Presets []documented
		Schemes []signature.Facts // those that no preset uses
	}
	used := map[string]bool{}
	for _, p := range vendors.Presets() {
		facts, err := signature.DescribeSignature(p.Signature)
		if err != nil {
			return nil, fmt.Errorf("preset %s: %w", p.Name, err)
		}
		used[p.Scheme] = true
		data.Presets = append(data.Presets, documented{Preset: p, Facts: facts, Proof: string(facts.EventProof(p.Vendor, facts.Proof))})
	}
	for _, name := range signature.Names() {
		if facts, _ := signature.Describe(name); !used[name] {
			data.Schemes = append(data.Schemes, facts)
		}
	}
	page, err := template.New("vendors.md").Funcs(template.FuncMap{
		"cell": cell, "code": code, "codes": codes, "window": window, "proof": proof, "duration": duration, "covered": covered,
	}).Parse(vendorsTemplate)
	if err != nil {
		return nil, fmt.Errorf("vendors' documentation: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("vendors' documentation: %w", err)
	}
	return out.Bytes(), nil
}

// covered says of each fact of a preset where it stands, with a mark where that is not signed.
func covered(d documented) []string {
	cells := make([]string, len(d.Preset.Facts))
	for i, fact := range d.Preset.Facts {
		var sources []string
		signed := 0
		for _, source := range fact.Sources {
			if d.Facts.Covers.Covered(source) {
				signed++
				sources = append(sources, code(source))
			} else {
				sources = append(sources, "⚠ "+code(source))
			}
		}
		const few = 4
		switch {
		case len(sources) == 0:
			cells[i] = "–"
		case len(sources) > few && signed == len(sources):
			cells[i] = fmt.Sprintf("%d paths of the body", signed)
		case len(sources) > few && signed == 0:
			cells[i] = fmt.Sprintf("⚠ %d paths of the body", len(sources))
		default:
			cells[i] = strings.Join(sources, ", ")
		}
	}
	return cells
}

// cell keeps text from ending its cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func code(text string) string { return "`" + cell(text) + "`" }

func codes(texts []string) string {
	if len(texts) == 0 {
		return "–"
	}
	quoted := slices.Clone(texts)
	for i, text := range quoted {
		quoted[i] = code(text)
	}
	return strings.Join(quoted, ", ")
}

func window(f signature.Facts) string {
	switch {
	case f.Tolerance > 0:
		return duration(f.Tolerance)
	case f.Timed:
		return "not checked"
	}
	return "no time"
}

func proof(f signature.Facts) string {
	if f.Proof == schemas.ProofBody {
		return string(f.Proof)
	}
	return "⚠ " + string(f.Proof)
}

// duration writes 72h0m0s as 72h.
func duration(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	text := strings.TrimSuffix(d.String(), "m0s")
	if text != d.String() {
		text += "m"
	}
	if hours, ok := strings.CutSuffix(text, "h0m"); ok {
		text = hours + "h"
	}
	return text
}
