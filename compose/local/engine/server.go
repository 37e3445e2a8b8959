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

	"github.com/hookline-io/hookline/compose/local/packages"
)

// Server says which ClickHouse the engine runs: an installed one, or the library.
type Server struct {
	Binary  string // path of an installed clickhouse; it comes before the library
	Library string // path of libchdb.so
	// Serve is a command that calls chdb.Serve, in a process of its own.
	Serve func(library, config string) *exec.Cmd
}

// Program returns the command line of hookline-engine, which is beside the program hookline.
func Program(library, config string) *exec.Cmd {
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	beside := filepath.Join(filepath.Dir(program), "hookline-engine")
	return exec.Command(beside, "--library="+library, "--config="+config) //nolint:gosec,noctx // of our own; it ends with its standard input
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
func (s *Server) command(config string) *exec.Cmd {
	if s.embedded() {
		return s.Serve(s.Library, config)
	}
	return exec.Command(s.Binary, "server", "--config-file="+config) //nolint:gosec,noctx // to run it is the point; it is stopped in order
}
