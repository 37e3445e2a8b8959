package chaos

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hookline-io/hookline/compose/local"
)

// bounds are how much memory a part may take, in MiB: what its own limits add up to, and room for the runtime.
func bounds(kafka local.Kafka) map[string]int64 {
	m := map[string]int64{local.Ingest: 384, local.Processor: 384, local.SecondProcessor: 384, local.Broker: 512, local.Engine: 1536}
	if kafka == local.Apache {
		m[local.Broker] = 1024 // a heap of 256 MiB, and a JVM around it
	}
	return m
}

// memory is the most that each part took so far.
type memory struct {
	mu   sync.Mutex
	most map[string]int64 // bytes, by part
}

// watch looks, twice a second, until ctx ends. pids are the parts' process groups.
func (m *memory) watch(ctx context.Context, pids func() map[string]int) {
	m.most = map[string]int64{}
	for sleep(ctx, 500*time.Millisecond) {
		resident := residentByGroup()
		m.mu.Lock()
		for part, pid := range pids() {
			m.most[part] = max(m.most[part], resident[pid])
		}
		m.mu.Unlock()
	}
}

// report returns a line of what was seen, and one for each part that took more than it may.
func (m *memory) report(bounds map[string]int64) (line string, over []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var seen []string
	for part, bound := range bounds {
		most := m.most[part] >> 20
		if most == 0 {
			continue // not on this system
		}
		seen = append(seen, fmt.Sprintf("%s %d of %d MiB", part, most, bound))
		if most > bound {
			over = append(over, fmt.Sprintf("%s took %d MiB of memory, %d are its bound", part, most, bound))
		}
	}
	if len(seen) == 0 {
		return "memory: not measured on this system", nil
	}
	slices.Sort(seen)
	slices.Sort(over)
	return "memory, at most: " + strings.Join(seen, ", "), over
}

// residentByGroup is the resident memory of all processes of each process group, by proc(5); nothing where there is
// no /proc.
func residentByGroup() map[int]int64 {
	out := map[int]int64{}
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it is gone
		}
		// The second field is the name in brackets, which may hold anything.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		const group, pages = 2, 21
		if len(fields) <= pages {
			continue
		}
		id, err := strconv.Atoi(string(fields[group]))
		n, err2 := strconv.ParseInt(string(fields[pages]), 10, 64)
		if err == nil && err2 == nil {
			out[id] += n * int64(os.Getpagesize())
		}
	}
	return out
}
