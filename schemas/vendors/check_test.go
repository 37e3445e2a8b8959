package vendors

import (
	"encoding/json"
	"strings"
	"testing"
)

// checkBoth fails the test unless check takes doc for JSON where encoding/json does, and finds in it what scan finds.
func checkBoth(t *testing.T, doc string, paths ...string) {
	t.Helper()
	f := newFields()
	for _, path := range paths {
		f.lookup(path)
	}
	var checked, scanned found
	err := f.check([]byte(doc), &checked)
	if valid := json.Valid([]byte(doc)); valid != (err == nil) {
		t.Fatalf("%.200q: %v; encoding/json says %t", doc, err, valid)
	}
	if err != nil {
		return
	}
	if f.scan(doc, &scanned); checked != scanned {
		t.Errorf("%q: found %q, a scan finds %q", doc, checked, scanned)
	}
}

func TestCheck(t *testing.T) {
	for _, doc := range []string{
		``, ` `, `{}`, ` { } `, `[]`, "[ \t\r\n]", `null`, `true`, `false`, `nul`, `nulll`, `tru`, `"`, `""`, `"a`, `{`, `}`, `[`, `]`, `,`, `{,}`, `[,]`, `[1,]`, `[1 2]`, `[1}`, `{]`,
		`0`, `-`, `-0`, `01`, `1.`, `.1`, `1.0`, `1e`, `1e+`, `1E-05`, `+1`, `1.5e10 `, `0x1`, `1-`, `- 1`, `Infinity`, `NaN`,
		`"\"`, `"\\"`, `"\u00e9"`, `"\u00E9\b\f\n\r\t\/"`, `"\u00g9"`, `"\u00`, `"\x"`, `"a\`, "\"\x1f\"", "\"\x7f\xff\"", "\"12345678\x00\"", `"1234567\"89"`, `"12345678"`, `"1234567"`, `"0123456789abcdef"`,
		`{"a":{"b":{"c":1,"d":null}},"list":[{"x":7},{"x":8}]} `, `{"a":1,"a":{"b":{"c":2}}}`, `{"\u0061":{"b":{"\u0063":3}}}`, `{"a" : { "b" :[ 1 , {"c":2} ] } }`,
		`{"a"}`, `{"a":}`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1}{`, `{"a":1}]`, `{"a":tru}`, "{\"a\":1}\v", "\ufeff{}",
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
		strings.Repeat(`{"a":`, maxDepth-1) + "{}" + strings.Repeat("}", maxDepth-1), strings.Repeat(`{"a":`, maxDepth) + "{}" + strings.Repeat("}", maxDepth),
	} {
		checkBoth(t, doc, "a", "a.b", "a.b.c", "a.b.d", "list", "list.x")
	}
	deep := strings.Repeat("[", maxDepth+1)
	if err := checkJSON([]byte(deep)); err == nil || !strings.Contains(err.Error(), "nests deeper") {
		t.Errorf("too deep: %v", err)
	}
}

// FuzzCheck: check and encoding/json agree on what is JSON, and check and scan on what stands there.
func FuzzCheck(f *testing.F) {
	f.Add(`{"a":{"b":{"c":1}},"d":[true,null,-1.5e3,"\u00e9\\"]}`, "a.b.c")
	f.Add("[\"\x01\"]", "a")
	f.Fuzz(func(t *testing.T, doc, path string) { checkBoth(t, doc, path, "a", "a.b") })
}
