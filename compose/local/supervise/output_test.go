package supervise

import (
	"bytes"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	var out bytes.Buffer
	o := newOutput(&out)
	a, b := o.prefixed("a", 3, 0, false), o.prefixed("bcd", 3, 1, true)
	for _, part := range []string{"one\ntw", "o\n\nthr"} {
		if n, err := a.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	_, _ = b.Write([]byte("x\n"))
	a.flush()
	a.flush()
	want := "a   | one\na   | two\na   | \n\x1b[33mbcd | \x1b[0mx\na   | thr\n"
	if out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
	out.Reset()
	_, _ = a.Write([]byte(strings.Repeat("x", maxLine+1)))
	if out.Len() <= maxLine || len(a.rest) > 0 {
		t.Errorf("a line without an end is held: %d bytes out, %d held", out.Len(), len(a.rest))
	}
}
