package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stack runs compose/stack.sh of dir with a docker that is this script, or none at all.
func stack(t *testing.T, dir, docker string, args ...string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"sh", "dirname", "od", "tr", "head", "base64", "mkdir", "chmod", "mv", "cat", "rm", "tail"} {
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
	if url := os.Getenv("STACK_TEST_WEBHOOK"); url != "" {
		cmd.Env = append(cmd.Env, "ALERT_WEBHOOK_URL="+url)
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
	docker := `printf '%s ALERTING=%s\n' "$*" "$ALERTING" >>` + calls + "\n"
	if out, err := stack(t, dir, docker, "up"); err != nil || !strings.Contains(out, "Grafana: http://") {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("STACK_TEST_WEBHOOK", "https://chat.example.com/hooks/1?a=b&c=d")
	if out, err := stack(t, dir, docker, "up"); err != nil || strings.Contains(out, "chat.example.com") {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("STACK_TEST_WEBHOOK", "")
	if out, err := stack(t, dir, docker, "up"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	var ups []string
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, " up ") {
			ups = append(ups, strings.TrimSpace(line))
		}
	}
	const up = "compose -f compose.yaml up --detach --build --wait ALERTING="
	if len(ups) != 3 || ups[0] != up+"quiet" || ups[1] != up+"webhook" || ups[2] != up+"webhook" {
		t.Errorf("docker was called with %q", ups)
	}
	if url := *project(t, dir, nil, "compose.yaml").Services["grafana"].Environment["ALERT_WEBHOOK_URL"]; url != "https://chat.example.com/hooks/1?a=b&c=d" {
		t.Errorf("Grafana tells %q", url)
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
