package apache

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// output takes what a node prints. Its errors go to the log as warnings, its warnings as information, for a
// cluster that heals after a crash says many of both; and each of its classes speaks once in a while only. The
// rest, with stack traces and the like, is for debugging.
type output struct {
	log *slog.Logger

	mu    sync.Mutex
	line  []byte // not ended yet
	last  string
	spoke map[string]time.Time // when, by class
}

const (
	maxLine = 300              // bytes; the rest of a line is left out
	once    = 10 * time.Second // in which a class speaks
)

func newOutput(log *slog.Logger) *output { return &output{log: log, spoke: map[string]time.Time{}} }

// Write never fails.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := text; ; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		o.line = append(o.line, part[:min(len(part), maxLine-len(o.line))]...)
		if !ended {
			return len(text), nil
		}
		o.take(string(bytes.TrimSpace(o.line)))
		o.line, rest = o.line[:0], after
	}
}

// take passes a line on. slf4j-simple prints "[WARN] Class - what happened".
func (o *output) take(line string) {
	if line == "" {
		return
	}
	level, found := slog.LevelDebug, false
	if line, found = strings.CutPrefix(line, "[ERROR] "); found {
		level = slog.LevelWarn
	} else if line, found = strings.CutPrefix(line, "[WARN] "); found {
		level = slog.LevelInfo
	}
	if found || o.last == "" {
		o.last = line
	}
	if class, _, _ := strings.Cut(line, " - "); found && time.Since(o.spoke[class]) < once {
		level = slog.LevelDebug
	} else if found {
		o.spoke[class] = time.Now()
	}
	o.log.Log(context.Background(), level, line)
}

// lastWords is the last warning or error, or else the first line.
func (o *output) lastWords() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}
