// Package progress draws a progress bar for commands that people wait for.
package progress

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Bar is drawn on standard error where that is a terminal, and nowhere else. The zero Bar draws nothing.
type Bar struct{ bar *progressbar.ProgressBar }

// New returns a bar that is full at total.
func New(what string, total int64) Bar {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return Bar{}
	}
	return Bar{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())}
}

// Add moves the bar on by n.
func (b Bar) Add(n int64) {
	if b.bar != nil {
		_ = b.bar.Add64(n) // a bar that cannot be drawn is no reason to stop
	}
}

// Done takes the bar off the screen.
func (b Bar) Done() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}
