package alert

import (
	"strings"
	"testing"
	"time"
)

// What a payload says reaches people as text: no mention, no link under another name, nothing that hides or turns around.
func TestTextIsDefused(t *testing.T) {
	for _, quoted := range []string{
		"<!channel> <https://evil.example/login|Open Grafana>", "<@U123>", "<#C1|general>", "<users/all>",
		"@channel @all @here", "[Open Grafana](https://evil.example/login)", "![x](https://evil.example/x.png)",
		"12\u202e00", "a\u2066b\u2069", "\x1b[31mred\u009b2J", "x\u200fy", "a\r\nb\x00",
	} {
		n := &Notifier{service: "s"}
		one := n.notification(&entry{Alert: Alert{Name: "A", Summary: "says: " + quoted, Details: quoted}, starts: time.Now()}, time.Now())
		text := newLetter([]notification{one}).Text
		for _, shown := range []string{text, one.Annotations["summary"], one.Annotations["description"]} {
			for _, active := range []string{
				"<!", "<http", "<@", "<#", "<users", "@channel", "@all", "@here", "](", "\u202e", "\u2066", "\u2069", "\x1b", "\u009b", "\u200f", "\r", "\x00",
			} {
				if strings.Contains(shown, active) {
					t.Errorf("%q is shown as %q, with %q in it", quoted, shown, active)
				}
			}
		}
		if strings.ContainsAny(text, "<>") {
			t.Errorf("%q is not escaped: %q", quoted, text)
		}
	}
}
