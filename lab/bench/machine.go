package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// machine says what the figures were taken on.
type machine struct {
	CPU      string    `json:"cpu"`
	Cores    int       `json:"cores"`
	MemoryGB float64   `json:"memory_gb"`
	System   string    `json:"system"`
	Go       string    `json:"go"`
	Revision string    `json:"revision"`
	Pinned   string    `json:"pinned"`
	Command  string    `json:"command"`
	At       time.Time `json:"at"`
}

// describe leaves out what this system does not say.
func (b *bench) describe() machine {
	m := machine{
		Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Revision: b.Revision,
		Command: "hookline " + strings.Join(os.Args[1:], " "), At: time.Now().UTC().Truncate(time.Second),
		Pinned: "nothing: there is one core, or this is not Linux",
	}
	if len(b.measured) > 0 {
		m.Pinned = fmt.Sprintf("what is measured to core %v; load generator, broker and engine to %v", b.measured[0], b.beside)
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil { // procfs knows it on Linux only, and would not build elsewhere
		_, rest, _ := strings.Cut(string(info), "model name\t: ")
		m.CPU, _, _ = strings.Cut(rest, "\n")
	}
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if memory, err := fs.Meminfo(); err == nil && memory.MemTotalBytes != nil {
			m.MemoryGB = float64(*memory.MemTotalBytes>>20) / 1024
		}
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.System += " " + strings.TrimSpace(string(kernel))
	}
	return m
}

// String is a few lines for people.
func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.0f GB; %s; %s; revision %s; %s\npinned: %s\ncommand: %s",
		m.CPU, m.Cores, m.MemoryGB, m.System, m.Go, m.Revision, m.At.Format(time.RFC3339), m.Pinned, m.Command)
}
