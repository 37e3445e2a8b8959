package engine

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestRelay(t *testing.T) {
	var out bytes.Buffer
	r := &relay{log: slog.New(slog.NewTextHandler(&out, nil))}
	for _, part := range []string{
		`{"level":"Error","logger_name":"executeQuery","message":"Code: 60. DB::Exception: Unknown table"}` + "\n",
		`{"level":"Error","logger_name":"TCPHandler","message":"Code: 516."}` + "\n",
		`{"level":"Information","logger_name":"Application","message":"Ready"}` + "\n",
		`{"level":"Warning","logger_name":"Context","query_id":"q1","message":"slow disk, Stack trace (when copying this message): 0. ? @ 0x1"}` + "\n" + `{"level":"Fat`,
		`al","logger_name":"BaseDaemon","message":"Terminate called"}` + "\n",
		`{"level":"Fatal","logger_name":"BaseDaemon","message":"12. ? @ 0x000000001c8fa4b3"}` + "\n\n",
		"Address already in use\nmore\n",
	} {
		if n, err := r.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		got = append(got, line)
	}
	want := []string{
		`level=WARN msg="slow disk" part=Context query_id=q1`,
		`level=ERROR msg="Terminate called" part=BaseDaemon`,
		`level=WARN msg="Address already in use"`,
		`level=WARN msg=more`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r.reason() != ": Address already in use" {
		t.Errorf("the reason is %q", r.reason())
	}
}
