package kafka

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A broker that is away for hours must not fill the log, and what is wrong with another one must not be lost in it.
func TestInvariant9_ARepeatedComplaintIsLoggedOnceInAWhile(t *testing.T) {
	var out bytes.Buffer
	l := newLogger(slog.New(slog.NewTextHandler(&out, nil))).(*logger)
	now := time.Now()
	l.now = func() time.Time { return now }
	for range 100 {
		l.Log(kgo.LogLevelWarn, "unable to open connection to broker", "addr", "a:9092", "err", "refused")
		l.Log(kgo.LogLevelWarn, "unable to open connection to broker", "addr", "b:9092", "err", "refused")
		l.Log(kgo.LogLevelWarn, "read from broker errored", "addr", "a:9092")
		now = now.Add(250 * time.Millisecond)
	}
	for text, want := range map[string]int{"a:9092 err": 3, "b:9092": 3, "errored": 3} {
		if n := strings.Count(out.String(), text); n != want {
			t.Errorf("%q is logged %d times in 25 s, want %d", text, n, want)
		}
	}
	for range 2 {
		l.Log(kgo.LogLevelWarn, "heartbeat errored", "group", "hookline.store")
		l.Log(kgo.LogLevelError, "broken", "addr", "a:9092")
	}
	if n := strings.Count(out.String(), "heartbeat") + strings.Count(out.String(), "broken"); n != 4 {
		t.Errorf("%d lines, want 4: only warnings about a broker are held back", n)
	}
}
