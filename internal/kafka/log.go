package kafka

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A client that cannot reach a broker says so with every try, several times a second: once in a while is enough.
const onceIn = 10 * time.Second

// logger passes on the client's warnings and errors; what it says at lower levels is of use only to its authors
// and is passed on when our own level is DEBUG.
type logger struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	said map[complaint]time.Time // as many as there are brokers
}

// complaint is what is said of one broker.
type complaint struct{ text, broker string }

func newLogger(log *slog.Logger) kgo.Logger {
	return &logger{log: log.With("component", "kafka"), now: time.Now, said: map[complaint]time.Time{}}
}

// Level implements kgo.Logger.
func (l *logger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

// Log implements kgo.Logger.
func (l *logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		to = slog.LevelError
	case kgo.LogLevelWarn:
		to = slog.LevelWarn
	}
	if to == slog.LevelWarn && l.again(msg, keyvals) {
		to = slog.LevelDebug
	}
	l.log.Log(context.Background(), to, msg, keyvals...)
}

// again says whether the same was said of the same broker a moment ago.
func (l *logger) again(msg string, keyvals []any) bool {
	for i := 0; i+1 < len(keyvals); i += 2 {
		broker, ok := keyvals[i+1].(string)
		if keyvals[i] != "addr" || !ok {
			continue
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		now, c := l.now(), complaint{msg, broker}
		if now.Sub(l.said[c]) < onceIn {
			return true
		}
		l.said[c] = now
		return false
	}
	return false
}
