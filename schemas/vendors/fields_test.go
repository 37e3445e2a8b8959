package vendors

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

var paths = []string{
	"a", "a.b", "a.b.c", "a.b.d", "a.b.e", "a.b.x", "a.x.c", "x.y.z", "a.b.f", "a.b.f.0", "a.b.f.0.g", "a.b.f.1", "a.s.t", "a.n.t", "a.n",
	"a.b.c.d", "list.0.x", "list.#.x", "list.#(x==8).x", `a\.b.c`, "a.*.c", "a|b|c", "a.b.@this.c", "é", "a.t", "a.o", "q\x22t",
}

// compare fails the test unless one pass over doc finds at every path what gjson finds.
func compare(t *testing.T, doc string, paths []string) {
	t.Helper()
	f := newFields()
	lookups := make([]lookup, len(paths))
	for i, path := range paths {
		lookups[i] = f.lookup(path)
	}
	src := source{item: doc, fields: f}
	for _, l := range lookups {
		got, want := l.in(&src), gjson.Get(doc, l.path)
		if got.Type != want.Type || got.Str != want.Str || strings.TrimSpace(got.Raw) != strings.TrimSpace(want.Raw) {
			t.Errorf("%s in %s: found %q, gjson finds %q", l.path, doc, got.Raw, want.Raw)
		}
	}
}

func TestFields(t *testing.T) {
	for _, doc := range []string{
		`{"a":{"b":{"c":1,"d":null,"e":"","f":[{"g":2},3],"":{"h":4},"c":5},"s":"te\"xt","n":6,"t":true,"o":{}},"list":[{"x":7},{"x":8}],"a.b":{"c":9}}`,
		" {\r\n \"x\" : [ ] , \"a\"\t: { \"b\" : { \"c\" : \"}\\\\\" , \"d\" : \"\\\\\\\"\" } } } ",
		`{"a":1,"a":{"b":{"c":2}}}`, `{"a":{"b":1},"a":{"b":{"c":2}}}`, `{"\u0061":{"b":{"\u0063":3}},"\u00e9":4,"q\"t":5}`,
		`[{"a":1}]`, `"a"`, `1`, `{}`, `null`, `{"a":{}}`, `{"x":{"a":1},"a":[1,2]}`, `{"a":{"b":{"c":-1.5e10}}}`,
	} {
		compare(t, doc, paths)
	}
	src := source{item: `{"a":1}`, fields: newFields()}
	l := src.fields.lookup("a")
	if l.in(&src).Raw != "1" {
		t.Error("not found")
	}
	if src.see(`{"a":2}`); l.in(&src).Raw != "2" {
		t.Error("a new document is read as the one before")
	}
}

// More paths than one pass finds are found all the same.
func TestFieldsBeyondSlots(t *testing.T) {
	var doc strings.Builder
	var many []string
	for c := 'a'; c <= 'z'; c++ {
		doc.WriteString(map[bool]string{true: "{", false: ","}[c == 'a'] + `"` + string(c) + `":{"k":"` + string(c) + `"}`)
		many = append(many, string(c)+".k", string(c))
	}
	compare(t, doc.String()+"}", many)
}

// FuzzFields: of JSON, one pass finds what gjson finds; of anything else it ends, without a panic.
func FuzzFields(f *testing.F) {
	f.Add(`{"a":{"b":{"c":1}}}`, "a.b.c")
	f.Add(`{"a":{"b":"\\"},"b":[{"a":"]"}]}`, "b")
	f.Add(`{"a":{`, "a.b")
	f.Add(`{"a" "b"`, "a")
	f.Fuzz(func(t *testing.T, doc, path string) {
		if checkPath(path) != nil || path == thisPath {
			return
		}
		if !gjson.Valid(doc) {
			fields := newFields()
			l := fields.lookup(path)
			l.in(&source{item: doc, fields: fields})
			return
		}
		compare(t, doc, []string{path})
	})
}
