package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var links = regexp.MustCompile(`\[([^\]]+)\]\(([^)#:]+)\)`)

// docs/security.md says which test shows what: each must be there, under that name and in that file.
func TestSecurityNamesTestsThatAre(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := 0
	for _, link := range links.FindAllStringSubmatch(string(page), -1) {
		name, path := link[1], filepath.Join("docs", link[2])
		text, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") {
			continue
		}
		if tests++; !strings.Contains(string(text), "\nfunc "+name+"(") {
			t.Errorf("%s is not in %s", name, path)
		}
	}
	if tests < 30 {
		t.Errorf("%d tests are named, want 30 at least: are the links written otherwise now?", tests)
	}
}
