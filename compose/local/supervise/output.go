package supervise

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// output is where the lines of all children come together.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

func newOutput(w io.Writer) *output { return &output{w: w} }

// maxLine is how much of a line is held until its end comes; a longer one goes out in pieces.
const maxLine = 64 << 10

// lines puts a prefix before each line that a child writes.
type lines struct {
	output *output
	prefix string
	mu     sync.Mutex
	rest   []byte // the line that has no end yet
}

// prefixed returns the writer for the number-th child; width is that of the longest name.
func (o *output) prefixed(name string, width, number int, colour bool) *lines {
	prefix := fmt.Sprintf("%-*s | ", width, name)
	if colour {
		// The terminal's own cyan, yellow, green, magenta, blue and red, by number.
		prefix = fmt.Sprintf("\x1b[%dm%s\x1b[0m", []int{36, 33, 32, 35, 34, 31}[number%6], prefix)
	}
	return &lines{output: o, prefix: prefix}
}

// Write implements io.Writer. It never fails: a supervisor goes on when nobody reads.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		if end < 0 {
			break
		}
		l.put(l.rest[:end])
		l.rest = l.rest[end+1:]
	}
	if len(l.rest) > maxLine {
		l.put(l.rest)
		l.rest = nil
	}
	return len(p), nil
}

// flush puts out a last line that has no end.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.put(l.rest)
		l.rest = nil
	}
}

func (l *lines) put(line []byte) {
	l.output.mu.Lock()
	defer l.output.mu.Unlock()
	_, _ = fmt.Fprintf(l.output.w, "%s%s\n", l.prefix, line)
}
