package checks

import (
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

func TestEveryImageIsPinned(t *testing.T) {
	exact := regexp.MustCompile(`^[a-z/-]+:v?\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$`)
	both(t, func(t *testing.T, _ string, p *types.Project) {
		for name, s := range p.Services {
			if s.Build == nil && !exact.MatchString(s.Image) {
				t.Errorf("%s: image %q is not an exact version", name, s.Image)
			}
		}
	})
}

// knownEnv returns the environment variables that a sub-command says it reads.
func knownEnv(t *testing.T, command string) map[string]bool {
	t.Helper()
	help, err := exec.Command(binary(t), command, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%s --help: %v\n%s", command, err, help)
	}
	known := map[string]bool{}
	for _, name := range regexp.MustCompile(`\$(HOOKLINE_\w+)`).FindAllStringSubmatch(string(help), -1) {
		known[name[1]] = true
	}
	if len(known) < 5 {
		t.Fatalf("%s --help names hardly any variable:\n%s", command, help)
	}
	return known
}

// A variable that hookline does not know would be ignored without a word.
func TestHooklineKnowsEveryVariableItIsGiven(t *testing.T) {
	both(t, func(t *testing.T, _ string, p *types.Project) {
		ours := 0
		for name, s := range p.Services {
			if !strings.HasPrefix(s.Image, "hookline:") {
				continue
			}
			ours++
			known := knownEnv(t, s.Command[0])
			for variable := range s.Environment {
				if strings.HasPrefix(variable, "HOOKLINE_") && !known[variable] {
					t.Errorf("%s: 'hookline %s' does not know %s", name, s.Command[0], variable)
				}
			}
		}
		if ours < 3 {
			t.Errorf("only %d services are ours", ours)
		}
	})
}

func TestEveryMountIsThereAndEveryVolumeDeclared(t *testing.T) {
	both(t, func(t *testing.T, _ string, p *types.Project) {
		used := map[string]string{}
		for name, s := range p.Services {
			targets := map[string]bool{}
			for _, v := range s.Volumes {
				if targets[v.Target] {
					t.Errorf("%s: two mounts at %s", name, v.Target)
				}
				targets[v.Target] = true
				switch v.Type {
				case types.VolumeTypeBind:
					if _, err := os.Stat(v.Source); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if !v.ReadOnly {
						t.Errorf("%s may write to %s of the checkout", name, v.Source)
					}
				case types.VolumeTypeVolume:
					if _, ok := p.Volumes[v.Source]; !ok {
						t.Errorf("%s: volume %q is not declared", name, v.Source)
					}
					if other := used[v.Source]; other != "" {
						t.Errorf("%s and %s share the volume %s", name, other, v.Source)
					}
					used[v.Source] = name
				}
			}
			for _, secret := range s.Secrets {
				if _, err := os.Stat(p.Secrets[secret.Source].File); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		for volume := range p.Volumes {
			if used[volume] == "" {
				t.Errorf("volume %s is used by nobody", volume)
			}
		}
	})
}

// Only vendors and people reach in, and only from this machine until an operator says otherwise.
func TestOnlyIngestAndGrafanaArePublished(t *testing.T) {
	both(t, func(t *testing.T, _ string, p *types.Project) {
		published := map[string]string{}
		for name, s := range p.Services {
			for _, port := range s.Ports {
				address := port.HostIP + ":" + port.Published
				if ip, err := netip.ParseAddr(port.HostIP); err != nil || !ip.IsLoopback() {
					t.Errorf("%s is published at %s", name, address)
				}
				if other := published[address]; other != "" {
					t.Errorf("%s and %s both want %s", name, other, address)
				}
				published[address] = name
			}
		}
		got := slices.Sorted(maps.Values(published))
		want := []string{"grafana", "ingest"}
		if len(p.Services["balancer"].Image) > 0 {
			want = []string{"balancer", "balancer-2", "grafana"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("published are %v, want %v", got, want)
		}
		if !p.Networks["backend"].Internal {
			t.Error("the stores' network has a way out")
		}
		for name, s := range p.Services {
			if _, out := s.Networks["edge"]; out && regexp.MustCompile(`^(kafka|clickhouse|keeper|setup|prometheus)`).MatchString(name) {
				t.Errorf("%s is on a network with a way out", name)
			}
		}
	})
}

func TestEveryServiceIsConfined(t *testing.T) {
	both(t, func(t *testing.T, _ string, p *types.Project) {
		for name, s := range p.Services {
			if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || !slices.Contains(s.CapDrop, "ALL") || s.Privileged {
				t.Errorf("%s may gain privileges: %v, dropped %v", name, s.SecurityOpt, s.CapDrop)
			}
			if s.User == "" && !strings.HasPrefix(s.Image, "apache/kafka:") { // whose image has a user of its own
				t.Errorf("%s runs as root", name)
			}
			if strings.HasPrefix(s.User, "0:") || s.User == "root" {
				t.Errorf("%s runs as %s", name, s.User)
			}
			if strings.HasPrefix(s.Image, "hookline:") && !s.ReadOnly {
				t.Errorf("%s may write to its image", name)
			}
			limits := s.Deploy.Resources.Limits
			if limits == nil || limits.MemoryBytes == 0 || limits.NanoCPUs == 0 || limits.Pids == 0 {
				t.Errorf("%s has no limits", name)
			}
			if s.HealthCheck == nil && s.Command[0] != "setup" {
				t.Errorf("%s has no health check", name)
			}
			if s.Logging == nil || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
				t.Errorf("%s logs until the disk is full", name)
			}
			if s.Restart == "" {
				t.Errorf("%s is not restarted", name)
			}
			if s.Logging == nil || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
				t.Errorf("%s may fill the disk with its log", name)
			}
			for condition, on := range s.DependsOn {
				if on.Condition == types.ServiceConditionHealthy && p.Services[condition].HealthCheck == nil {
					t.Errorf("%s waits for the health of %s, which has no check", name, condition)
				}
			}
		}
	})
}

// No password is in a file that git has.
func TestNoPasswordIsWrittenDown(t *testing.T) {
	both(t, func(t *testing.T, dir string, p *types.Project) {
		generated := map[string]bool{}
		for _, name := range []string{"clickhouse_writer", "clickhouse_migrator", "grafana_admin", "vendors/acme"} {
			raw, err := os.ReadFile(dir + "/compose/.secrets/" + name)
			if err != nil || len(raw) < 24 {
				t.Fatalf("%s: %q, %v", name, raw, err)
			}
			if generated[string(raw)] {
				t.Errorf("%s has the password of another", name)
			}
			generated[string(raw)] = true
		}
		for name, s := range p.Services {
			for variable, value := range s.Environment {
				if strings.HasSuffix(variable, "_PASSWORD") && (value == nil || len(*value) < 24) {
					t.Errorf("%s: %s is no generated password", name, variable)
				}
			}
		}
	})
	out, err := exec.Command("git", "-C", root, "check-ignore", "compose/.secrets/grafana_admin").CombinedOutput()
	if err != nil {
		t.Errorf("git does not ignore .secrets: %v %s", err, out)
	}
}

// An address that one service is given must be one at which another listens, on a network that both are on.
func TestServicesReachWhatTheyAreGiven(t *testing.T) {
	listens := map[string][]string{
		"kafka": {"9092", "9093"}, "clickhouse": {"8123", "9000", "9363"}, "keeper": {"9181", "9182", "9234", "9363"},
		"alertmanager": {"9093"}, "prometheus": {"9090"}, "ingest": {"8080", "9081"}, "processor": {"9082"}, "balancer": {"8080", "8405"},
	}
	address := regexp.MustCompile(`\b([a-z]+(?:-[\w]+)?):(\d{4,5})\b`)
	both(t, func(t *testing.T, dir string, p *types.Project) {
		targets, err := os.ReadFile(prometheusTargets(p))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		check := func(from, text string) {
			for _, m := range address.FindAllStringSubmatch(text, -1) {
				host, port := m[1], m[2]
				kind, _, _ := strings.Cut(host, "-")
				to, ok := p.Services[host]
				if !ok || !slices.Contains(listens[kind], port) {
					t.Errorf("%s is given %s, which is nobody's", from, m[0])
					continue
				}
				found++
				shared := slices.ContainsFunc(slices.Collect(maps.Keys(p.Services[from].Networks)), func(n string) bool { _, ok := to.Networks[n]; return ok })
				if !shared {
					t.Errorf("%s is given %s, and shares no network with it", from, m[0])
				}
			}
		}
		for name, s := range p.Services {
			for variable, value := range s.Environment {
				if variable == "GF_SERVER_ROOT_URL" {
					continue // what a person's browser reaches, from outside
				}
				if value != nil && !strings.Contains(variable, "LISTENERS") {
					check(name, *value)
				}
			}
		}
		check("prometheus", string(targets))
		if found < 6 {
			t.Errorf("only %d addresses were found", found)
		}
	})
}

func prometheusTargets(p *types.Project) string {
	for _, v := range p.Services["prometheus"].Volumes {
		if v.Target == "/etc/prometheus/targets.yml" {
			return v.Source
		}
	}
	return ""
}

// Stopping must leave each part the time that it takes to drain.
func TestGraceOutlastsDraining(t *testing.T) {
	both(t, func(t *testing.T, _ string, p *types.Project) {
		for name, least := range map[string]float64{"ingest": 5 + 10, "processor": 15 + 15 + 5} { // --drain-*, --batch-, --actions-, --alert-drain-timeout
			grace := p.Services[name].StopGracePeriod
			if grace == nil || seconds(*grace) < least {
				t.Errorf("%s has %v to stop, and may take %v s", name, grace, least)
			}
		}
	})
}

func seconds(d types.Duration) float64 { return float64(d) / 1e9 }
