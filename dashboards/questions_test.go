package dashboards

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// reader knows what there is to read and to click on the boards.
type reader struct {
	boards map[string]dashboard.Dashboard
} // by title

func newReader(t *testing.T) reader {
	t.Helper()
	boards := map[string]dashboard.Dashboard{}
	for _, model := range decoded(t) {
		boards[*model.Title] = model
	}
	return reader{boards}
}

// panel is the panel of that title on a board.
func (r reader) panel(board, title string) (dashboard.Panel, bool) {
	for _, p := range panelsOf(r.boards[board]) {
		if strings.TrimSuffix(*p.Title, " (${currency})") == title {
			return p, true
		}
	}
	return dashboard.Panel{}, false
}

// links says whether a name in a cell of a panel leads to a board.
func links(p dashboard.Panel, board dashboard.Dashboard) bool {
	for _, override := range p.FieldConfig.Overrides {
		for _, property := range override.Properties {
			if property.Id == "links" && strings.Contains(fmt.Sprint(property.Value), "/d/"+*board.Uid+"?") {
				return true
			}
		}
	}
	return false
}

var (
	named = regexp.MustCompile(`(?:(Sales|Vendor performance|One vendor|Pipeline|Event journal), )?\*([^*]+)\*`)
	menus = []string{"Inspect", "Data"} // of Grafana
)

// Each question of docs/dashboards.md is answered by panels that are there, at most two clicks from board Sales, and the
// clicks lead to the board.
func TestPageAnswersQuestions(t *testing.T) {
	page, err := os.ReadFile("../docs/dashboards.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "| question | answer | clicks |\n|---|---|---|\n")
	table, _, _ := strings.Cut(rest, "\n\n")
	r := newReader(t)
	questions := 0
	for line := range strings.Lines(table) {
		questions++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if len(cells) != 3 {
			t.Fatalf("a question has %d cells: %s", len(cells), line)
		}
		for _, problem := range append(r.answer(cells[1]), r.clicks(cells[1], cells[2])...) {
			t.Errorf("%s %s", cells[0], problem)
		}
	}
	if questions < 10 {
		t.Errorf("%d questions", questions)
	}
}

// answer wants each panel that is named to be on the board that was named before it.
func (r reader) answer(text string) (problems []string) {
	board := ""
	for _, match := range named.FindAllStringSubmatch(text, -1) {
		if match[1] != "" {
			board = match[1]
		}
		if _, ok := r.panel(board, match[2]); !ok && !slices.Contains(menus, match[2]) {
			problems = append(problems, fmt.Sprintf("board %q has no panel %q", board, match[2]))
		}
	}
	if board == "" {
		problems = append(problems, "names no board and panel")
	}
	return problems
}

// clicks wants no more than two, on what is there, and the last on the way to the answer's first board.
func (r reader) clicks(answer, text string) (problems []string) {
	first := named.FindStringSubmatch(answer)
	if first == nil {
		return nil // said already
	}
	wanted, at := first[1], "Sales"
	if text == "none" {
		text = "0"
	}
	if number, _, _ := strings.Cut(text, ":"); !slices.Contains([]string{"0", "1", "2"}, number) {
		problems = append(problems, fmt.Sprintf("takes %q clicks", number))
	}
	for _, match := range named.FindAllStringSubmatch(text, -1) {
		name := match[2]
		_, board := r.boards[name]
		panel, listed := r.panel(at, name)
		ranges := slices.ContainsFunc(r.boards[at].Links, func(l dashboard.DashboardLink) bool { return l.Title == name })
		switch {
		case board:
			at = name
		case listed && links(panel, r.boards[wanted]):
			at = wanted
		case ranges, slices.Contains(menus, name):
		default:
			problems = append(problems, fmt.Sprintf("on board %s there is no %q to click", at, name))
		}
	}
	if at != wanted {
		problems = append(problems, fmt.Sprintf("its clicks lead to board %s, the answer is on %s", at, wanted))
	}
	return problems
}

// The check finds a panel that is not there, too many clicks, and clicks that lead elsewhere.
func TestQuestionsAreChecked(t *testing.T) {
	r := newReader(t)
	for _, test := range [][2]string{
		{"Sales, *Profit*", "none"}, {"Sales, *Orders*", "3: *Sales*"}, {"Pipeline, *Unaccounted*", "none"}, {"Pipeline, *Unaccounted*", "1: *Vendor performance*"},
		{"One vendor, *Month by month*", "1: *Orders*"}, {"nowhere", "none"},
	} {
		if len(r.answer(test[0]))+len(r.clicks(test[0], test[1])) == 0 {
			t.Errorf("nothing is wrong with %q", test)
		}
	}
}
