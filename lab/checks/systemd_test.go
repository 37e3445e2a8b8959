package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const units = root + "/compose/systemd"

// unit are a unit's settings by name; a name may be set several times.
func unit(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(units, name))
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%s: %q is no setting", name, line)
		}
		settings[key] = append(settings[key], value)
	}
	return settings
}

func TestUnitsStartWhatIsThere(t *testing.T) {
	for name, stop := range map[string]int{"setup": 0, "ingest": 5 + 10, "processor": 15 + 15 + 5} { // what draining may take, in s
		t.Run(name, func(t *testing.T) {
			u := unit(t, "hookline-"+name+".service")
			if got := u["ExecStart"]; len(got) != 1 || got[0] != "/usr/local/bin/hookline "+name {
				t.Errorf("it starts %q", got)
			}
			known := knownEnv(t, name)
			for _, variable := range regexp.MustCompile(`\b(HOOKLINE_\w+)=`).FindAllStringSubmatch(strings.Join(u["Environment"], " "), -1) {
				if !known[variable[1]] {
					t.Errorf("'hookline %s' does not know %s", name, variable[1])
				}
			}
			if stop > 0 {
				if got, err := strconv.Atoi(u["TimeoutStopSec"][0]); err != nil || got <= stop {
					t.Errorf("it has %q s to stop, and may take %d", u["TimeoutStopSec"], stop)
				}
				if len(u["ExecReload"]) != 1 || u["Restart"][0] != "always" {
					t.Errorf("reload %q, restart %q", u["ExecReload"], u["Restart"])
				}
			}
			for setting, want := range map[string]string{"User": "hookline", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict", "MemoryDenyWriteExecute": "yes"} {
				if got := u[setting]; len(got) != 1 || got[0] != want {
					t.Errorf("%s is %q, want %q", setting, got, want)
				}
			}
		})
	}
}

// The comments of hookline.env say what stands in each service's own file.
func TestServicesKnowTheirEnvironmentFiles(t *testing.T) {
	text, err := os.ReadFile(units + "/hookline.env")
	if err != nil {
		t.Fatal(err)
	}
	service, found := "", 0
	for line := range strings.Lines(string(text)) {
		if m := regexp.MustCompile(`^#   (\w+)\.env `).FindStringSubmatch(line); m != nil {
			service = m[1]
		}
		m := regexp.MustCompile(`(HOOKLINE_\w+)=`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		services := []string{service}
		if line[0] != '#' {
			services = []string{"setup", "ingest", "processor"}
		}
		for _, s := range services {
			if found++; !knownEnv(t, s)[m[1]] {
				t.Errorf("'hookline %s' does not know %s", s, m[1])
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d settings", found)
	}
}

func TestSystemdTakesTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	dir := t.TempDir()
	for _, name := range []string{"setup", "ingest", "processor"} {
		text, err := os.ReadFile(units + "/hookline-" + name + ".service")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "hookline-"+name+".service")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/hookline", binary(t))), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("systemd-analyze", "verify", "--man=no", file).CombinedOutput(); err != nil || strings.Contains(string(out), "Unknown key") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
