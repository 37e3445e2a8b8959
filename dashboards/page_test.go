package dashboards

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// docs/dashboards.md explains every figure of the boards for analysts, and none that is not there.
func TestPageExplainsEveryFigure(t *testing.T) {
	page, err := os.ReadFile("../docs/dashboards.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string][]string{} // by the board's title
	board := ""
	for line := range strings.Lines(string(page)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			board = strings.TrimSpace(title)
		}
		cells := strings.Split(line, " | ")
		if figures, ok := strings.CutPrefix(cells[0], "| "); ok && len(cells) == 2 && figures != "figure" {
			explained[board] = append(explained[board], strings.Split(figures, ", ")...)
		}
	}
	for _, model := range decoded(t) {
		figures := explained[*model.Title]
		if len(figures) == 0 {
			continue
		}
		delete(explained, *model.Title)
		var shown []string
		for _, p := range panelsOf(model) {
			shown = append(shown, strings.Split(strings.TrimSuffix(*p.Title, " (${currency})"), ", ")...)
		}
		slices.Sort(figures)
		slices.Sort(shown)
		if !slices.Equal(figures, shown) {
			t.Errorf("board %s shows\n%q\ndocs/dashboards.md explains\n%q", *model.Title, shown, figures)
		}
	}
	if len(explained) > 0 {
		t.Errorf("no such boards: %q", explained)
	}
}
