package checks

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Continuous integration does what anybody can do on a machine of their own: the targets of the Makefile, and no others.
// (`make lint` has actionlint read the rest.)
func TestWorkflowsCallTheMakefile(t *testing.T) {
	makefile, err := os.ReadFile(root + "/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\.PHONY: (\S+)$`).FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	called := map[string]bool{}
	call := func(name, script string) {
		for _, m := range regexp.MustCompile(`\bmake ((?:[a-z][a-z-]* ?)+)`).FindAllStringSubmatch(script, -1) {
			for _, target := range strings.Fields(m[1]) {
				if called[target] = true; !targets[target] {
					t.Errorf("%s: there is no make %s", name, target)
				}
			}
		}
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var workflow struct {
			Permissions map[string]string
			Jobs        map[string]struct {
				Timeout int `json:"timeout-minutes"`
				Steps   []struct {
					Uses, Run string
					With      map[string]any
				}
			}
		}
		if err := yaml.Unmarshal(raw, &workflow); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := filepath.Base(file)
		if len(workflow.Permissions) != 1 || workflow.Permissions["contents"] != "read" {
			t.Errorf("%s may do more than read: %v", name, workflow.Permissions)
		}
		for id, job := range workflow.Jobs {
			if job.Timeout == 0 {
				t.Errorf("%s: job %s may run for hours", name, id)
			}
			for _, step := range job.Steps {
				call(name, step.Run)
				if step.Uses != "" && !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(step.Uses) {
					t.Errorf("%s: %s is not pinned to a commit", name, step.Uses)
				}
				if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
					t.Errorf("%s: the token stays in the checkout", name)
				}
			}
		}
	}
	short, err := os.ReadFile(root + "/.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	call(".ci/run", string(short))
	for _, target := range []string{"lint", "licenses", "vulncheck", "test", "checks", "generate", "demo", "chaos", "release", "test-kafka", "up", "down", "image"} {
		if !called[target] {
			t.Errorf("no workflow calls make %s", target)
		}
	}
}
