package apache

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

// output takes what a node prints. Its errors go to the log as warnings, its warnings as information, for a
// cluster that heals after a crash says many of both; stack traces and the like are for debugging.
type output struct {
	log *slog.Logger

	mu   sync.Mutex
	line []byte // not ended yet
	last string
}

const maxLine = 300 // bytes; the rest of a line is left out

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
	level := slog.LevelDebug
	for mark, to := range map[string]slog.Level{"[WARN] ": slog.LevelInfo, "[ERROR] ": slog.LevelWarn} {
		if text, found := strings.CutPrefix(line, mark); found {
			line, level = text, to
		}
	}
	if level > slog.LevelDebug || o.last == "" {
		o.last = line
	}
	o.log.Log(context.Background(), level, line)
}

// lastWords is the last warning or error, or else the first line.
func (o *output) lastWords() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}
