package engine

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/internal/secret"
)

func TestParseStatement(t *testing.T) {
	for _, test := range []struct {
		text                       string
		insert, head, data, format string
	}{
		{text: "SELECT 1"},
		{text: "SELECT 1 FORMAT JSON", format: "JSON"},
		{text: "SELECT 1 format json;", format: "json"},
		{text: "SELECT 1 FORMAT JSON SETTINGS max_threads = 1", format: "JSON"},
		{text: "SELECT 1 SETTINGS max_threads = 1 FORMAT JSON -- note", format: "JSON"},
		{text: "SELECT format FROM t"},
		{text: "SELECT 'x FORMAT JSON'"},
		{text: "SELECT 1 /* FORMAT JSON */"},
		{text: "SELECT (SELECT 1 FORMAT JSON) AS a"},
		{text: "INSERT INTO t VALUES (1)", insert: "Values", head: "INSERT INTO t ", data: " (1)"},
		{text: "insert into db.t (a, b) values (1, 2)", insert: "Values", head: "insert into db.t (a, b) ", data: " (1, 2)"},
		{text: "INSERT INTO t FORMAT CSV\n\n1", insert: "CSV", head: "INSERT INTO t ", data: "\n1"},
		{text: "INSERT INTO t FORMAT CSV \r\n1", insert: "CSV", head: "INSERT INTO t ", data: "1"},
		{text: "INSERT INTO t FORMAT Native", insert: "Native", head: "INSERT INTO t "},
		{text: "/* a */ INSERT INTO TABLE `a``b`.\"c\" (* EXCEPT(x)) SETTINGS a = 'FORMAT', b = 1 FORMAT TSV 1", insert: "TSV", head: "/* a */ INSERT INTO TABLE `a``b`.\"c\" (* EXCEPT(x)) SETTINGS a = 'FORMAT', b = 1 ", data: "1"},
		{text: "INSERT INTO FUNCTION file('FORMAT', 'x') FORMAT CSV 1", insert: "CSV", head: "INSERT INTO FUNCTION file('FORMAT', 'x') ", data: "1"},
		{text: "INSERT INTO format FORMAT CSV 1", insert: "CSV", head: "INSERT INTO format ", data: "1"},
		{text: "INSERT INTO values VALUES (1)", insert: "Values", head: "INSERT INTO values ", data: " (1)"},
		{text: "INSERT INTO t (format, values) VALUES (1, 2)", insert: "Values", head: "INSERT INTO t (format, values) ", data: " (1, 2)"},
		{text: "INSERT INTO {d:Identifier}.t VALUES (1)", insert: "Values", head: "INSERT INTO {d:Identifier}.t ", data: " (1)"},
		{text: "INSERT INTO t SELECT 1 FORMAT Null"},
		{text: "INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x"},
		{text: "INSERT INTO t (SELECT 1)"},
		{text: "INSERT INTO t FROM INFILE 'x' FORMAT CSV"},
		{text: "INSERT INTO t"},
		{text: "INSERT INTO t FORMAT"},
		{text: "INSERT"},
		{text: "SELECT 'open"},
		{text: "SELECT $tag$ FORMAT JSON $tag$"},
		{text: "SELECT $ FORMAT JSON", format: "JSON"},
		{text: ""},
	} {
		s := parseStatement(test.text)
		data := ""
		if s.insert != "" {
			data = test.text[s.data:]
		}
		if s.insert != test.insert || s.head != test.head || data != test.data || s.format != test.format {
			t.Errorf("%q: insert %q, head %q, data %q, format %q", test.text, s.insert, s.head, data, s.format)
		}
	}
}

// Whatever the text, the parts that an INSERT is taken into make it up again.
func FuzzParseStatement(f *testing.F) {
	for _, seed := range []string{"SELECT 1 FORMAT JSON", "INSERT INTO t VALUES (1)", "INSERT INTO `t` (a) FORMAT CSV\n1,2", "INSERT INTO t /* ", "-- x\n'", "$a$ $a$", "\"\\", "INSERT INTO t \xff\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := parseStatement(text)
		if s.insert == "" {
			if s.text != text {
				t.Fatalf("text became %q", s.text)
			}
			return
		}
		if !strings.HasPrefix(text, s.head) || len(s.head) >= s.data || s.data > len(text) || s.text != text[:s.data] {
			t.Fatalf("head %q, data at %d, text %q", s.head, s.data, s.text)
		}
	})
}

func TestAuthorized(t *testing.T) {
	open := &Options{}
	closed := &Options{User: "hookline", Password: secret.New([]byte("pass"))}
	for _, test := range []struct {
		name    string
		options *Options
		set     func(*http.Request)
		want    bool
	}{
		{"nobody, no password", open, func(*http.Request) {}, true},
		{"the default user, no password", open, func(r *http.Request) { r.SetBasicAuth("default", "") }, true},
		{"another user, no password", open, func(r *http.Request) { r.SetBasicAuth("hookline", "") }, false},
		{"a password that is not asked for", open, func(r *http.Request) { r.SetBasicAuth("default", "x") }, false},
		{"nobody", closed, func(*http.Request) {}, false},
		{"basic", closed, func(r *http.Request) { r.SetBasicAuth("hookline", "pass") }, true},
		{"basic, wrong", closed, func(r *http.Request) { r.SetBasicAuth("hookline", "pas") }, false},
		{"headers", closed, func(r *http.Request) {
			r.Header.Set("X-ClickHouse-User", "hookline")
			r.Header.Set("X-ClickHouse-Key", "pass")
		}, true},
		{"headers, wrong", closed, func(r *http.Request) { r.Header.Set("X-ClickHouse-User", "hookline") }, false},
		{"parameters", closed, func(r *http.Request) { r.URL.RawQuery = "user=hookline&password=pass" }, true},
		{"parameters, wrong", closed, func(r *http.Request) { r.URL.RawQuery = "user=default&password=pass" }, false},
	} {
		r, err := http.NewRequest(http.MethodPost, "http://localhost/", nil)
		if err != nil {
			t.Fatal(err)
		}
		test.set(r)
		if got := test.options.authorized(r); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
