// Package service holds what every long-running part needs around its job: the logger, the admin listener and
// the group that starts and stops its pieces.
package service

import (
	"io"
	"log/slog"
)

// LogOptions are the flags of the logger.
type LogOptions struct {
	Level  slog.Level `default:"INFO" help:"Least severe level to log: DEBUG, INFO, WARN, ERROR."`
	Format string     `default:"text" enum:"text,json" help:"Log format: ${enum}."`
}

// Logger returns the logger that o describes, writing to w.
func (o LogOptions) Logger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: o.Level}
	if o.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
