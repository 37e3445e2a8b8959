package checks

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	f, err := os.Open(root + "/compose/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, description, _, message string, _ []parser.Range) {
		t.Errorf("%s: %s: %s", rule, description, message)
	}})
	all, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The image's build, with the commands of the Dockerfile and the files that .dockerignore lets through, but without
// Docker: what comes out must be static, because the image has no dynamic linker.
func TestDockerfileBuildsAStaticBinary(t *testing.T) {
	all := stages(t)
	for _, s := range all {
		if !regexp.MustCompile(`:[\w.-]+@sha256:[0-9a-f]{64}$`).MatchString(s.BaseName) {
			t.Errorf("%s is not pinned", s.BaseName)
		}
	}
	src, out := t.TempDir(), filepath.Join(t.TempDir(), "hookline")
	copyContext(t, src)
	var build string
	for _, c := range all[0].Commands {
		if run, ok := c.(*instructions.RunCommand); ok {
			build = strings.Join(run.CmdLine, " ")
		}
	}
	if !strings.Contains(build, "go build") || !strings.Contains(build, "/out/hookline") {
		t.Fatalf("the last RUN is %q", build)
	}
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(build, "/out/hookline", out))
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "TARGETOS=linux", "TARGETARCH=amd64", "VERSION=v1.2.3-test")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	program, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary wants a dynamic linker")
		}
	}
	version, err := exec.Command(out, "--version").Output()
	if err != nil || strings.TrimSpace(string(version)) != "v1.2.3-test" {
		t.Errorf("version %q, %v", version, err)
	}
}

// copyContext copies what Docker would be sent.
func copyContext(t *testing.T, to string) {
	t.Helper()
	f, err := os.Open(root + "/compose/Dockerfile.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	copied := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		if err != nil || d.IsDir() {
			if d.Name() == "node_modules" || d.Name() == ".git" {
				return filepath.SkipDir
			}
			return err
		}
		out, err := ignored.MatchesOrParentMatches(name)
		if err != nil || out || !d.Type().IsRegular() {
			return err
		}
		if strings.Contains(name, ".secrets") {
			t.Errorf("%s would get into the build", name)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		copied++
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), raw, 0o644)
	})
	if err != nil || copied < 50 {
		t.Fatalf("copied %d files: %v", copied, err)
	}
}

func TestImageIsConfined(t *testing.T) {
	all := stages(t)
	last := all[len(all)-1]
	var user, entrypoint string
	labels := map[string]string{}
	for _, c := range last.Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EntrypointCommand:
			entrypoint = strings.Join(c.CmdLine, " ")
		case *instructions.LabelCommand:
			for _, l := range c.Labels {
				labels[strings.Trim(l.Key, `"`)] = l.Value
			}
		case *instructions.RunCommand:
			t.Error("the image has no shell to run anything")
		}
	}
	if user != "65532:65532" || entrypoint != "/hookline" {
		t.Errorf("runs %q as %q", entrypoint, user)
	}
	for _, want := range []string{"title", "description", "source", "licenses", "version"} {
		if labels["org.opencontainers.image."+want] == "" {
			t.Errorf("no label %s: %v", want, labels)
		}
	}
}
