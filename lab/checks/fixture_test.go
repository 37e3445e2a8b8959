package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// root is the repository.
const root = "../.."

// scratch is a folder for all tests, gone when they end.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "hookline-checks-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// hookline is the binary of the image, built once.
var hookline = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "hookline")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return path, cmd.Run()
})

func binary(t *testing.T) string {
	t.Helper()
	path, err := hookline()
	if err != nil {
		t.Fatalf("build hookline: %v", err)
	}
	return path
}

// checkout is a copy of what compose reads, with secrets as `make up` generates them.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{"compose", "dashboards/generated"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(root, part))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "compose/.secrets")); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", filepath.Join(dir, "compose/stack.sh"), "secrets").CombinedOutput(); err != nil {
		t.Fatalf("stack.sh secrets: %v\n%s", err, out)
	}
	return dir
}

// project is what Compose makes of the files in dir/compose.
func project(t *testing.T, dir string, env []string, files ...string) *types.Project {
	t.Helper()
	for i, name := range files {
		files[i] = filepath.Join(dir, "compose", name)
	}
	options, err := cli.NewProjectOptions(files, cli.WithWorkingDirectory(filepath.Join(dir, "compose")), cli.WithEnv(env), cli.WithEnvFiles(), cli.WithDotEnv)
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// both are the stacks that are shipped.
func both(t *testing.T, do func(t *testing.T, dir string, p *types.Project)) {
	dir := checkout(t)
	for name, files := range map[string][]string{"one": {"compose.yaml"}, "ha": {"compose.yaml", "compose.ha.yaml"}} {
		t.Run(name, func(t *testing.T) { do(t, dir, project(t, dir, nil, files...)) })
	}
}
