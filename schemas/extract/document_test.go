package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

var paths = []string{
	"a", "a.b", "a.b.c", "a.b.d", "a.b.e", "a.b.x", "a.x.c", "x.y.z", "a.b.f", "a.b.f.0", "a.b.f.0.g", "a.b.f.1", "a.s.t", "a.n.t", "a.n",
	"a.b.c.d", "list.0.x", "list.#.x", "list.#", "list.#(x==8).x", `a\.b.c`, "a.*.c", "a|b|c", "a.b.@this.c", "é", "a.t", "a.o", "q\x22t", This,
}

// compare fails the test unless a document has at every path what gjson finds, and where it stands.
func compare(t *testing.T, doc string, texts []string) {
	t.Helper()
	var paths Paths
	compiled := make([]Path, len(texts))
	for i, text := range texts {
		compiled[i] = paths.Add(text)
	}
	document := New(doc, &paths)
	if err := document.Check(); err != nil {
		t.Fatal(err)
	}
	for _, path := range compiled {
		want := strings.Trim(gjson.Get(doc, path.String()).Raw, " \t\r\n")
		got, start := document.Find(path)
		if string(got) != want {
			t.Errorf("%s in %s: found %q, gjson finds %q", path, doc, got, want)
		}
		if end := start + len(got); !path.search && got != "" && (end > len(doc) || doc[start:end] != want) {
			t.Errorf("%s in %s: found at %d", path, doc, start)
		}
	}
}

func TestDocument(t *testing.T) {
	for _, doc := range []string{
		`{"a":{"b":{"c":1,"d":null,"e":"","f":[{"g":2},3],"":{"h":4},"c":5},"s":"te\"xt","n":6,"t":true,"o":{}},"list":[{"x":7},{"x":8}],"a.b":{"c":9}}`,
		" {\r\n \"x\" : [ ] , \"a\"\t: { \"b\" : { \"c\" : \"}\\\\\" , \"d\" : \"\\\\\\\"\" } } } ",
		`{"a":1,"a":{"b":{"c":2}}}`, `{"a":{"b":1},"a":{"b":{"c":2}}}`, `{"\u0061":{"b":{"\u0063":3}},"\u00e9":4,"q\"t":5}`,
		`[{"a":1}]`, `"a"`, `1`, `{}`, `null`, `{"a":{}}`, `{"x":{"a":1},"a":[1,2]}`, `{"a":{"b":{"c":-1.5e10}}}`,
	} {
		compare(t, doc, paths)
	}
	var paths Paths
	a := paths.Add("a")
	first := New(`{"a":1}`, &paths)
	if got := first.Value(a); got != "1" {
		t.Errorf("unchecked: %q", got)
	}
	inside := first.Inside(`{"a":2}`)
	if got := inside.Value(a); got != "2" {
		t.Errorf("a document inside: %q", got)
	}
	if bare := New(`{"a":3}`, nil); bare.Value(a) != "3" || bare.Check() != nil {
		t.Error("a document without paths")
	}
	if broken := New(`{"a":4`, &paths); broken.Value(a) != "" || broken.Check() == nil {
		t.Error("a text that is not JSON")
	}
}

// More paths than one pass finds are found all the same.
func TestManyPaths(t *testing.T) {
	var doc strings.Builder
	var many []string
	for c := 'a'; c <= 'z'; c++ {
		fmt.Fprintf(&doc, `%s"%c":{"k":"%c"}`, map[bool]string{true: "{", false: ","}[c == 'a'], c, c)
		many = append(many, string(c)+".k", string(c))
	}
	many = append(many, "a.k", "z.k")
	compare(t, doc.String()+"}", many)
}

// TestTextDepth: JSON in a text is held to the depth of documents, however often a path goes into one.
func TestTextDepth(t *testing.T) {
	const most = 10_000
	quote := func(text string) string { return string(gjson.AppendJSONString(nil, text)) }
	deep := strings.Repeat("[", most+1) + strings.Repeat("]", most+1)
	var paths Paths
	for _, test := range []struct{ path, doc, want string }{
		{"p.@fromstr.id", `{"p":` + quote(`{"id":1}`) + "}", "1"},
		{"p.@fromstr.q.@fromstr.id", `{"p":` + quote(`{"q":`+quote(`{"id":2}`)+"}") + "}", "2"},
		{"p.@fromstr.q.@fromstr.id", `{"p":` + quote(`{"q":{"id":3}}`) + "}", "3"},
		{"p.@fromstr.id", `{"p":` + quote(`{"a":`+deep+`,"id":4}`) + "}", ""},
		{"p.@fromstr.q.@fromstr.id", `{"p":` + quote(`{"q":`+quote(`{"a":`+deep+`,"id":5}`)+"}") + "}", ""},
		{"p.@fromstr.id", `{"p":` + quote(`{"id":6`) + "}", ""},
		{"l.#.p.@fromstr.id", `{"l":[{"p":` + quote(`{"id":7}`) + `}]}`, "[7]"},
	} {
		document := New(test.doc, &paths)
		if got := document.Value(paths.Add(test.path)); string(got) != test.want {
			t.Errorf("%s in %.80s: %q, want %q", test.path, test.doc, got, test.want)
		}
	}
}

// FuzzDocument: of JSON, a document has what gjson finds; of anything else it ends, without a panic.
func FuzzDocument(f *testing.F) {
	f.Add(`{"a":{"b":{"c":1}}}`, "a.b.c")
	f.Add(`{"a":{"b":"\\"},"b":[{"a":"]"}]}`, "b")
	f.Add(`{"a":{`, "a.b")
	f.Add(`{"a" "b"`, "a")
	f.Fuzz(func(t *testing.T, doc, path string) {
		if CheckPath(path) != nil || strings.Contains(path, fromText) {
			return
		}
		var paths Paths
		document := New(doc, &paths)
		if document.Check() != nil {
			document.Value(paths.Add(path))
			return
		}
		compare(t, doc, []string{path})
	})
}

// FuzzXML: whatever the text, it is refused, or becomes one JSON document.
func FuzzXML(f *testing.F) {
	for _, seed := range []string{"<a>1</a>", `<a b="c"><d/><d>&amp;</d></a>`, "<a><![CDATA[<]]></a>", "<!DOCTYPE a><a/>", "<a></b>", "<a:b xmlns:a='x'>\xff</a:b>", "<?xml version='1.0'?><a/>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if doc, err := XML(text); err == nil && jsonscan.Check(doc) != nil {
			t.Fatalf("%q became %q, which is not JSON", text, doc)
		}
	})
}

// FuzzEnvelope: no text makes a path into an envelope panic, or find what is not JSON.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{`{"a":"eyJiIjoxfQ"}`, `{"a":"x.eyJiIjoxfQ.y"}`, `{"a":"<b>1</b>"}`, `{"a":"PGI+MTwvYj4="}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if jsonscan.Check(text) != nil {
			return
		}
		for _, path := range []string{"a.@base64.b", "a.@jws.b", "a.@xml.b", "a.@base64.@xml.b", "a.@fromstr.b", "@base64.b", "a.@base64"} {
			if v, _ := search(text, path); v != "" && jsonscan.Check(string(v)) != nil {
				t.Fatalf("%q at %s is %q, which is not JSON", text, path, v)
			}
		}
	})
}
