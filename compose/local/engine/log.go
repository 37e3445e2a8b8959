package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"sync"
)

// frame is a line of a stack trace.
var frame = regexp.MustCompile(`^\d+\. .* @ 0x[0-9a-f]+$`)

// relay is an io.Writer that brings the log of a ClickHouse server, in its JSON format, into ours.
type relay struct {
	log *slog.Logger

	mu    sync.Mutex
	rest  []byte // a line that has no end yet
	first string // line that is not an entry of the log: the server says there why it does not start
}

// entry is a line of the log.
type entry struct {
	Level   string `json:"level"`
	Logger  string `json:"logger_name"`
	Message string `json:"message"`
	Query   string `json:"query_id"`
}

func (r *relay) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = append(r.rest, p...)
	for {
		line, rest, found := bytes.Cut(r.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		r.rest = rest
		r.put(bytes.TrimSpace(line))
	}
}

func (r *relay) put(line []byte) {
	if len(line) == 0 {
		return
	}
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		r.log.Warn(string(line))
		r.first = cmp.Or(r.first, string(line))
		return
	}
	attributes := []slog.Attr{slog.String("part", e.Logger)}
	if e.Query != "" {
		attributes = append(attributes, slog.String("query_id", e.Query))
	}
	message, _, _ := strings.Cut(e.Message, ", Stack trace")
	if message = strings.TrimSpace(message); message != "" {
		r.log.LogAttrs(context.Background(), e.level(), message, attributes...)
	}
}

// level is that of an entry for us. ClickHouse logs as an error what fails for a client, which is the client's to report.
func (e *entry) level() slog.Level {
	if e.Logger == "executeQuery" || strings.Contains(e.Logger, "Handler") || strings.Contains(e.Logger, "HTTPServerResponse") ||
		frame.MatchString(e.Message) {
		return slog.LevelDebug
	}
	switch e.Level {
	case "Fatal", "Critical", "Error":
		return slog.LevelError
	case "Warning":
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// reason is the first line that was no entry of the log, as the end of an error, or nothing.
func (r *relay) reason() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == "" {
		return ""
	}
	return ": " + r.first
}
