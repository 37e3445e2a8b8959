package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
)

// Trial is a stack of its own, at free ports and over a new folder, that is filled, judged and taken down again.
type Trial struct {
	Options Options // Main and what else is to differ may be set before Run

	log   *slog.Logger
	lines *os.File
}

// NewTrial prepares a trial of the hookline binary at program; name becomes part of its folder's. Close it.
func NewTrial(name, program string, log *slog.Logger) (*Trial, error) {
	ports, second, err := freePorts()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "hookline-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	lines, err := os.Create(filepath.Join(dir, "stack.log")) //nolint:gosec // a folder of our own
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	return &Trial{
		Options: Options{Program: program, DataDir: dir, Ports: ports, Second: second, Out: lines, Log: log}, log: log, lines: lines,
	}, nil
}

// Run runs the stack for as long as Main takes.
func (t *Trial) Run(ctx context.Context) error { return Run(ctx, t.Options) }

// Close removes the folder, or says where it is kept.
func (t *Trial) Close(keep bool) {
	err := t.lines.Close()
	if keep {
		fmt.Printf("The stack's log and data are kept in %s\n", t.Options.DataDir)
		return
	}
	if err = errors.Join(err, os.RemoveAll(t.Options.DataDir)); err != nil {
		t.log.Warn("the folder is still there", "dir", t.Options.DataDir, "err", err)
	}
}

// freePorts returns ports that nothing listens on now, and one more for a second processor.
func freePorts() (p Ports, second int, err error) {
	for _, port := range []*int{&p.Ingest, &p.Preview, &p.ClickHouse, &p.Native, &p.Kafka, &p.IngestAdmin, &p.ProcessorAdmin, &second} {
		l, err := net.Listen("tcp", address(0))
		if err != nil {
			return p, 0, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // only when all are found, so that no port is found twice
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return p, second, nil
}
