package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func operating(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(root + "/docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// alerts are the names of all that may wake somebody: rules of Prometheus and Grafana, and the processor's own.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, r := range rules(t) {
		all[name] = r.Annotations["runbook_url"]
	}
	for _, r := range grafanaRules(t) {
		all[r.UID] = r.Annotations["runbook_url"]
	}
	own := regexp.MustCompile(`"(Hookline[A-Z]\w+)"`)
	err := filepath.WalkDir(root+"/processor", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, m := range own.FindAllStringSubmatch(string(raw), -1) {
			all[m[1]] = ""
		}
		return err
	})
	if err != nil || len(all) < 25 {
		t.Fatalf("only %d alerts: %v", len(all), err)
	}
	return all
}

func TestEveryAlertHasItsSection(t *testing.T) {
	page := operating(t)
	sections := strings.Split(page, "\n#### ")[1:]
	for name, url := range alerts(t) {
		found := false
		for _, section := range sections {
			heading, body, _ := strings.Cut(section, "\n")
			if !regexp.MustCompile(`(^|, )` + name + `(,|$)`).MatchString(heading) {
				continue
			}
			found = true
			for _, part := range []string{"**Cause.**", "**Check", "**Fix.**"} {
				if !strings.Contains(body, part) {
					t.Errorf("%s: its section has no %s", name, part)
				}
			}
		}
		if !found || !strings.Contains(page, `<a id="`+name+`"></a>`) {
			t.Errorf("%s has no section, or none with its anchor", name)
		}
		if _, anchor, has := strings.Cut(url, "#"); url != "" && (!has || !strings.Contains(page, `<a id="`+anchor+`"></a>`)) {
			t.Errorf("%s: runbook %s leads nowhere", name, url)
		}
	}
	known := alerts(t)
	for _, m := range regexp.MustCompile(`<a id="((?i:hookline)[\w-]+)"`).FindAllStringSubmatch(page, -1) {
		if _, ok := known[m[1]]; !ok {
			t.Errorf("nothing raises %s", m[1])
		}
	}
}

// There is a drill for losing each part.
func TestEveryPartHasItsDrill(t *testing.T) {
	_, drills, _ := strings.Cut(operating(t), "\n## Drills\n")
	for name := range project(t, checkout(t), nil, "compose.yaml", "compose.ha.yaml").Services {
		name = regexp.MustCompile(`-\d+$`).ReplaceAllString(name, "")
		if name != "setup" && !regexp.MustCompile(`docker compose (kill|stop)[^`+"`"+`]* `+name).MatchString(drills) {
			t.Errorf("no drill loses %s", name)
		}
	}
}

// What the page says to type must be there: commands, flags, services.
func TestOperatingNamesWhatIsThere(t *testing.T) {
	page := operating(t)
	help, err := exec.Command(binary(t), "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`hookline (doctor|audit|setup|dlq \w+|reprocess|vendor \w+)`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(string(help), "\n  "+m[1]+" ") {
			t.Errorf("there is no hookline %s", m[1])
		}
	}
	configuration, err := os.ReadFile(root + "/docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range regexp.MustCompile("`(?:hookline [a-z ]*)?(--[a-z][a-z-]+)").FindAllStringSubmatch(page, -1) {
		if !strings.Contains(string(configuration), "`"+flag[1]) {
			t.Errorf("no command has %s", flag[1])
		}
	}
	dir := checkout(t)
	p := project(t, dir, nil, "compose.yaml", "compose.ha.yaml")
	for _, line := range regexp.MustCompile(`docker compose (?:exec|logs|restart|run --rm) ([a-z][\w-]*)|docker compose (?:kill(?: -s HUP)?|stop|ps(?: --all)?) ([a-z][\w -]*)`).FindAllStringSubmatch(page, -1) {
		for _, name := range strings.Fields(line[1] + " " + line[2]) {
			if _, ok := p.Services[name]; !ok {
				t.Errorf("%q: there is no service %s", line[0], name)
			}
		}
	}
}
