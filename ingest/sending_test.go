package ingest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/internal/testkit"
)

// The examples that docs/sending.md gives to vendors are programs: each is run as it stands there, once with the
// right secret and once with a wrong one.
func TestExamplesOfTheVendorsPageAreAccepted(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs", "sending.md"))
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{}
	for _, fence := range regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```").FindAllSubmatch(page, -1) {
		examples[string(fence[1])] = string(fence[2])
	}
	goRun := []string{"go", "run", "send.go"}
	if testkit.Race { // as everything else was just compiled
		goRun = []string{"go", "run", "-race", "send.go"}
	}
	for _, how := range []struct {
		language, file string
		run            []string
		needs          string
	}{
		{"sh", "send.sh", []string{"sh", "send.sh"}, "openssl"},
		{"python", "send.py", []string{"python3", "send.py"}, "python3"},
		{"js", "send.mjs", []string{"node", "send.mjs"}, "node"},
		{"java", "Send.java", []string{"java", "Send.java"}, "java"},
		{"go", "send.go", goRun, "go"},
	} {
		t.Run(how.language, func(t *testing.T) {
			program, event := examples[how.language], examples["json"]
			if program == "" || event == "" {
				t.Fatalf("docs/sending.md has no %s", how.language)
			}
			if _, err := exec.LookPath(how.needs); err != nil {
				t.Skipf("%s is not installed: the example was not run", how.needs)
			}
			const secret, wrong = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			s := newStack(t, func(with *setup) {
				with.vendors = "vendors: {acme: {preset: standard-webhooks, secrets: [file:secret]}}"
				with.secret = secret
			})
			dir := t.TempDir()
			write(t, filepath.Join(dir, how.file), program)
			write(t, filepath.Join(dir, "event.json"), event)
			send := func(secret string) (string, error) {
				cmd := exec.CommandContext(t.Context(), how.run[0], append(how.run[1:], "event.json")...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "WEBHOOK_URL="+s.url+"/webhooks/acme", "WEBHOOK_SECRET="+secret)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			if out, err := send(wrong); err == nil {
				t.Errorf("with a wrong secret it ended well: %s", out)
			}
			if out, err := send(secret); err != nil || !strings.Contains(out, "evt_8f14e45f") {
				t.Fatalf("%v: %s", err, out)
			}
			records := s.events()
			if len(records) != 1 || !bytes.Equal(records[0].Value, []byte(event)) || string(records[0].Key) != "evt_8f14e45f" {
				t.Errorf("%d records on the topic, want the one event as it was sent", len(records))
			}
		})
	}
}
