package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// stack runs compose/stack.sh of dir with a docker that is this script, or none at all.
func stack(t *testing.T, dir, docker string, args ...string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"sh", "dirname", "od", "tr", "head", "base64", "mkdir", "chmod", "mv", "cat", "rm", "tail", "sed", "grep", "sort"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	if docker != "" {
		if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\n"+docker), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", append([]string{filepath.Join(dir, "compose/stack.sh")}, args...)...)
	cmd.Env = []string{"PATH=" + bin}
	for _, name := range []string{"ALERT_WEBHOOK_URL", "HOOKLINE_VERSION", "HA"} {
		if value := os.Getenv("STACK_TEST_" + name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestStackSaysWhatIsWrongWithDocker(t *testing.T) {
	dir := checkout(t)
	for _, test := range []struct{ name, docker, says string }{
		{"no docker", "", "docker is not installed"},
		{"no compose", `[ "$1" != compose ]`, "docker has no 'compose' command"},
		{"no daemon", `[ "$1" = compose ] && exit 0; echo "Cannot connect to the Docker daemon" >&2; exit 1`, "the Docker daemon does not answer: Cannot connect"},
		{"no start", `case "$*" in *" up "*) exit 1;; esac`, "not everything started"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := stack(t, dir, test.docker, "up")
			if err == nil || !strings.Contains(out, test.says) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestStackStartsWhatIsAskedFor(t *testing.T) {
	dir := checkout(t)
	calls := filepath.Join(t.TempDir(), "calls")
	docker := `printf '%s\n' "$*" >>` + calls + "\n"
	if out, err := stack(t, dir, docker, "up"); err != nil || !strings.Contains(out, "Grafana: http://") {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("STACK_TEST_ALERT_WEBHOOK_URL", "https://chat.example.com/hooks/1?a=b&c=d")
	if out, err := stack(t, dir, docker, "up"); err != nil || strings.Contains(out, "chat.example.com") {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	if ups := strings.Count(string(raw), "compose up --detach --build --wait\n"); ups != 2 {
		t.Errorf("docker was called with %s", raw)
	}
	if url := *plain(t, dir).Services["grafana"].Environment["ALERT_WEBHOOK_URL"]; url != "https://chat.example.com/hooks/1?a=b&c=d" {
		t.Errorf("Grafana says %q", url)
	}
}

// plain is what `docker compose`, typed in dir/compose, makes of what is there.
func plain(t *testing.T, dir string) *types.Project {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(filepath.Join(dir, "compose")); err != nil { // COMPOSE_FILE is relative to where one types
		t.Fatal(err)
	}
	defer func() {
		if err := os.Chdir(here); err != nil {
			t.Fatal(err)
		}
	}()
	options, err := cli.NewProjectOptions(nil, cli.WithWorkingDirectory(filepath.Join(dir, "compose")), cli.WithEnvFiles(), cli.WithDotEnv,
		cli.WithConfigFileEnv, cli.WithDefaultConfigPath)
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Documented commands such as `docker compose up -d processor` must mean the stack that runs: its image, its copies, its
// alerts.
func TestPlainComposeMeansTheStackThatRuns(t *testing.T) {
	dir := checkout(t)
	is := func(version, alerting string, ha bool) {
		t.Helper()
		p := plain(t, dir)
		if _, copies := p.Services["processor-2"]; copies != ha {
			t.Errorf("two of each: %t, want %t", copies, ha)
		}
		if got := p.Services["processor"].Image; got != "hookline:"+version {
			t.Errorf("the processor is %s, want %s", got, version)
		}
		if got := p.Services["alertmanager"].Command[0]; got != "--config.file=/etc/alertmanager/"+alerting+".yml" {
			t.Errorf("Alertmanager runs with %s, want %s", got, alerting)
		}
	}
	up := func() {
		t.Helper()
		if out, err := stack(t, dir, "exit 0", "up"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	is("dev", "quiet", false) // before the first start
	t.Setenv("STACK_TEST_HA", "1")
	t.Setenv("STACK_TEST_HOOKLINE_VERSION", "v1.2.3")
	t.Setenv("STACK_TEST_ALERT_WEBHOOK_URL", "https://chat.example.com")
	up()
	is("v1.2.3", "webhook", true)
	for _, name := range []string{"HA", "HOOKLINE_VERSION", "ALERT_WEBHOOK_URL"} {
		t.Setenv("STACK_TEST_"+name, "")
	}
	if err := os.WriteFile(filepath.Join(dir, "compose/settings.env"), []byte("GRAFANA_ROOT_URL=https://grafana.example.com/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	up()
	is("v1.2.3", "webhook", true)
	if got := *plain(t, dir).Services["grafana"].Environment["GF_SERVER_ROOT_URL"]; got != "https://grafana.example.com/" {
		t.Errorf("Grafana's root URL is %s", got)
	}
	t.Setenv("STACK_TEST_HA", "0")
	up()
	is("v1.2.3", "webhook", false)
}

// A new vendors.yaml is for every copy of what reads it, and only if it is right.
func TestStackReloadsEveryCopy(t *testing.T) {
	dir := checkout(t)
	calls := filepath.Join(t.TempDir(), "calls")
	docker := `printf '%s\n' "$*" >>` + calls + `
case "$*" in *--services*) printf 'processor\nkafka\ningest-2\nprocessor-2\nsetup\ningest\n' ;; *" check "*) exit ${BAD:-0} ;; esac
`
	if out, err := stack(t, dir, docker, "reload"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), "compose kill --signal HUP ingest ingest-2 processor processor-2\n") {
		t.Errorf("docker was called with %s", raw)
	}
	if err := os.Remove(calls); err != nil {
		t.Fatal(err)
	}
	if out, err := stack(t, dir, "BAD=1\n"+docker, "reload"); err == nil || !strings.Contains(out, "nothing is reloaded") {
		t.Errorf("%v: %s", err, out)
	}
	if raw, err = os.ReadFile(calls); err != nil || strings.Contains(string(raw), "HUP") {
		t.Errorf("a bad file was reloaded: %s, %v", raw, err)
	}
}

// Secrets are made once, differ from each other, and are closed to others on the machine.
func TestStackKeepsItsSecrets(t *testing.T) {
	dir := checkout(t)
	secrets := filepath.Join(dir, "compose/.secrets")
	read := func() map[string]string {
		all := map[string]string{}
		err := filepath.WalkDir(secrets, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			all[path] = string(raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := read()
	out, err := stack(t, dir, "", "secrets")
	if err != nil || strings.TrimSpace(out) != "" {
		t.Fatalf("the second time it said %q, %v", out, err)
	}
	after := read()
	if len(before) < 10 || len(after) != len(before) {
		t.Errorf("%d files, then %d", len(before), len(after))
	}
	for path, content := range before {
		if after[path] != content {
			t.Errorf("%s has changed", path)
		}
	}
	if info, err := os.Stat(secrets); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"clickhouse.env", "grafana.env"} {
		if info, err := os.Stat(filepath.Join(secrets, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := os.RemoveAll(secrets); err != nil {
		t.Fatal(err)
	}
	out, err = stack(t, dir, "", "secrets")
	admin := strings.TrimSpace(read()[filepath.Join(secrets, "grafana_admin")])
	if err != nil || len(admin) != 48 || strings.Count(out, admin) != 1 {
		t.Errorf("at first it said %q, %v", out, err)
	}
}
