package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hookline-io/hookline/compose/local/packages"
)

// Server says which ClickHouse the engine runs: an installed one, or the library.
type Server struct {
	Binary  string // path of an installed clickhouse; it comes before the library
	Library string // path of libchdb.so
	// Serve returns a command that calls chdb.Serve, in a process of its own.
	Serve func(library, config string) (*exec.Cmd, error)
}

// launcher is the program that calls chdb.Serve: see its package.
const launcher = "hookline-engine"

// Program returns the command line of hookline-engine. It is beside the program hookline, as 'make build' and releases
// have it, or on PATH. Without either, as after a plain 'go build' or 'go run', it is built from the source at hand.
func Program(library, config string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, beside which %s is: %w", launcher, err)
	}
	path := filepath.Join(filepath.Dir(program), launcher)
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath(launcher); err != nil {
			if path, err = build(filepath.Dir(config)); err != nil {
				return nil, fmt.Errorf("there is no %s beside %s, nor on PATH: 'make build' makes it: %w", launcher, program, err)
			}
		}
	}
	return exec.Command(path, "--library="+library, "--config="+config), nil //nolint:gosec,noctx // of our own; it ends with its standard input
}

// build builds hookline-engine into dir from the module that the working directory is in.
func build(dir string) (path string, err error) {
	path = filepath.Join(dir, launcher)
	out, err := exec.Command("go", "build", "-o", path, "github.com/hookline-io/hookline/compose/local/engine/"+launcher).CombinedOutput() //nolint:gosec,noctx // it takes what it takes
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return path, nil
}

// find fills in what is there: the library, which is fetched, where it is made for this machine, and an installed
// clickhouse elsewhere.
func (s *Server) find(ctx context.Context, log *slog.Logger) error {
	if s.Binary != "" || s.Library != "" {
		return nil
	}
	var fetching error
	if packages.HasLibChdb() {
		dir, err := packages.Ensure(ctx, log)
		if err == nil {
			s.Library = dir.LibChdb()
			return nil
		}
		fetching = err
	}
	path, err := exec.LookPath("clickhouse")
	if err != nil {
		return errors.Join(fetching, fmt.Errorf("find a ClickHouse to run: there is none on PATH, and the library is for linux/amd64, this is %s/%s:"+
			" install ClickHouse (brew install clickhouse, or its release for your system) or name its binary with --clickhouse; or have --library=PATH of libchdb.so",
			runtime.GOOS, runtime.GOARCH))
	}
	s.Binary = path
	return nil
}

func (s *Server) embedded() bool { return s.Binary == "" }

// command returns the server's process, which is not started.
func (s *Server) command(config string) (*exec.Cmd, error) {
	if s.embedded() {
		return s.Serve(s.Library, config)
	}
	return exec.Command(s.Binary, "server", "--config-file="+config), nil //nolint:gosec,noctx // to run it is the point; it is stopped in order
}
