package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var links = regexp.MustCompile(`\[([^\]]+)\]\(([^)#:]*)(?:#([^)]*))?\)`)

// pages are all that people read.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out[file] = string(text)
		}
	}
	if len(out) < 12 {
		t.Fatalf("only %d pages", len(out))
	}
	return out
}

// docs/security.md says which test shows what: each must be there, under that name and in that file.
func TestSecurityNamesTestsThatAre(t *testing.T) {
	tests := 0
	for _, link := range links.FindAllStringSubmatch(pages(t)["docs/security.md"], -1) {
		name, path := link[1], filepath.Join("docs", link[2])
		if !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if tests++; !strings.Contains(string(text), "\nfunc "+name+"(") {
			t.Errorf("%s is not in %s", name, path)
		}
	}
	if tests < 30 {
		t.Errorf("%d tests are named, want 30 at least: are the links written otherwise now?", tests)
	}
}

// Every link leads to a file that is there, and to a heading or an anchor in it.
func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		for _, link := range links.FindAllStringSubmatch(text, -1) {
			to, anchor := page, link[3]
			if link[2] != "" {
				to = filepath.Join(filepath.Dir(page), link[2])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %s: %v", page, link[0], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(all[to]), anchor) {
				t.Errorf("%s: %s: no such heading", page, link[0])
			}
		}
	}
}

// anchors are what can be linked to in a page, as GitHub names them.
func anchors(page string) (out []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		kept := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(kept, " ", "-"))
	}
	for _, m := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// Each direct dependency is named in CONTRIBUTING.md with what it is for.
func TestDependenciesAreNamed(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, named, found := strings.Cut(string(page), "\n## Dependencies\n")
	direct := regexp.MustCompile(`(?m)^(?:require |\t)(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1)
	if !found || len(direct) == 0 {
		t.Fatalf("CONTRIBUTING.md has dependencies: %t; go.mod has %d", found, len(direct))
	}
	version := regexp.MustCompile(`/(v\d+|go)$`)
	for _, m := range direct {
		name := path.Base(version.ReplaceAllString(m[1], ""))
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(named) {
			t.Errorf("CONTRIBUTING.md does not say what %s is for", m[1])
		}
	}
}

// What pages say to type is a command that hookline takes, and a target of the Makefile.
func TestPagesShowCommandsThatAre(t *testing.T) {
	parser := commandLine(t)
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	inline := regexp.MustCompile("`([^`\n]+)`")
	seen := 0
	check := func(page, text string) {
		text = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(text), "/"), "bin/")
		if target, ok := strings.CutPrefix(text, "make "); ok {
			seen++
			if name, _, _ := strings.Cut(target, " "); !strings.Contains(string(makefile), "\n.PHONY: "+name+"\n") {
				t.Errorf("%s: there is no %s", page, text)
			}
		}
		if !strings.HasPrefix(text, "hookline ") || strings.Contains(text, "…") || strings.Contains(text, " COMMAND") {
			return
		}
		seen++
		if err := parses(parser, text); err != nil {
			t.Errorf("%s: %s: %v", page, text, err)
		}
	}
	for page, text := range pages(t) {
		fenced := false
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, "```"):
				fenced = !fenced
			case fenced:
				check(page, line)
			default:
				for _, m := range inline.FindAllStringSubmatch(line, -1) {
					check(page, m[1])
				}
			}
		}
	}
	if seen < 80 {
		t.Errorf("only %d commands were found", seen)
	}
}
