package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

//go:generate go test . -run ^TestBadgesAreTrue$ -update

// The README's badges are drawn from the files that they speak of, and need nobody to serve them.
func TestBadgesAreTrue(t *testing.T) {
	for _, badge := range []struct{ name, label, file, pattern string }{
		{"go", "Go", "go.mod", `(?m)^go (\d+\.\d+)`},
		{"kafka", "Apache Kafka", "compose/defaults.env", `apache/kafka:(\d+\.\d+)`},
		{"clickhouse", "ClickHouse", "compose/defaults.env", `clickhouse-server:(\d+\.\d+)`},
		{"grafana", "Grafana", "compose/defaults.env", `grafana/grafana:(\d+\.\d+)`},
		{"license", "licence", "LICENSE", `(Apache) License\s+Version 2\.0`},
	} {
		text, err := os.ReadFile(badge.file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(badge.pattern).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s: no %s", badge.file, badge.pattern)
		}
		value := string(found[1])
		if badge.name == "license" {
			value += "-2.0"
		}
		path := filepath.Join("docs", "img", "badge-"+badge.name+".svg")
		want := draw(badge.label, value)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s does not say %s %s (%v): run make generate", path, badge.label, value, err)
		}
	}
}

// draw is a badge of two parts. Widths are given to the texts, so that every font fits.
func draw(label, value string) []byte {
	const letter, margin, height = 7, 6, 20
	left, right := len(label)*letter+2*margin, len(value)*letter+2*margin
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" aria-label="%s: %s">
<clipPath id="r"><rect width="%d" height="%d" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="%d" height="%d" fill="#555"/><rect x="%d" width="%d" height="%d" fill="#2f6f9f"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" lengthAdjust="spacingAndGlyphs">
<text x="%d" y="14" textLength="%d">%s</text>
<text x="%d" y="14" textLength="%d">%s</text>
</g></svg>
`, left+right, height, label, value, left+right, height, left, height, left, right, height,
		margin, left-2*margin, label, left+margin, right-2*margin, value)
}
