package lint

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"
)

// Grafana's names for what a rule does without data or when its query fails.
const (
	alerting  = "Alerting"
	ok        = "OK"
	keepsLast = "KeepLast"
)

type alertRule struct {
	UID, Title  string
	For         string
	NoDataState string
	ExecError   string `json:"execErrState"`
	Annotations map[string]string
	Data        []struct {
		DatasourceUID string
		Model         struct{ RawSQL, Expr string }
	}
}

// source reports whether the rule watches a data source and not what is in it: it says so by firing when it has no
// answer.
func (r alertRule) source() bool { return r.NoDataState == alerting && r.ExecError == alerting }

// Alerting checks a file that provisions alert rules.
func Alerting(raw []byte) ([]Fault, error) {
	var file struct{ Groups []struct{ Rules []alertRule } }
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("alert rules: %w", err)
	}
	var faults []Fault
	watched := map[string]int{}
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			if r.source() {
				watched[r.Data[0].DatasourceUID]++
			}
			for _, what := range r.faults() {
				faults = append(faults, Fault{"alert rule", r.UID, what})
			}
		}
	}
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			if asked := r.Data[0].DatasourceUID; watched[asked] != 1 {
				faults = append(faults, Fault{"alert rule", r.UID,
					fmt.Sprintf("%d rules report a failure of its data source %s, not 1", watched[asked], asked)})
			}
		}
	}
	return faults, nil
}

func (r alertRule) faults() []string {
	var faults []string
	if wait, err := time.ParseDuration(r.For); err != nil || wait < time.Minute {
		faults = append(faults, fmt.Sprintf("fires at the first evaluation (for: %s)", r.For))
	}
	if !r.source() && r.NoDataState != ok {
		faults = append(faults, fmt.Sprintf("without data it is %s, and a new installation has none", r.NoDataState))
	}
	if !r.source() && r.ExecError != keepsLast {
		faults = append(faults, fmt.Sprintf("when its query fails it is %s, and claims what nobody knows", r.ExecError))
	}
	if !strings.Contains(r.Annotations["runbook_url"], "#"+r.UID) {
		faults = append(faults, "no link to its section of the runbook")
	}
	if r.Annotations["__dashboardUid__"] == "" || r.Annotations["__panelId__"] == "" {
		faults = append(faults, "does not say which panel to look at")
	}
	return append(faults, r.texts()...)
}

var label = regexp.MustCompile(`\.Labels\.(\w+)`)

// texts: each annotation reads as a sentence with its labels and without any.
func (r alertRule) texts() []string {
	text := r.Annotations["summary"]
	summary, err := template.New(r.UID).Parse(text)
	if err != nil {
		return []string{err.Error()}
	}
	all := map[string]string{}
	for _, match := range label.FindAllStringSubmatch(text, -1) {
		all[match[1]] = "something"
	}
	var faults []string
	for _, labels := range []map[string]string{nil, all} {
		var out strings.Builder
		if err := summary.Execute(&out, map[string]any{"Labels": labels}); err != nil {
			return []string{err.Error()}
		}
		said := out.String()
		wrong := func(part string) bool { return strings.Contains(said, part) }
		if said == "" || !strings.HasSuffix(said, ".") || slices.ContainsFunc([]string{"<no value>", "  ", " ."}, wrong) {
			faults = append(faults, fmt.Sprintf("reads %q", said))
		}
	}
	return faults
}
