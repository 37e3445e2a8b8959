package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/internal/jsonscan"
)

const depth = jsonscan.MaxDepth

var documents = []string{
	``, ` `, `{}`, ` { } `, `[]`, "[ \t\r\n]", `null`, `true`, `false`, `nul`, `nulll`, `tru`, `"`, `""`, `"a`, `{`, `}`, `[`, `]`, `,`, `{,}`,
	`[,]`, `[1,]`, `[1 2]`, `[1}`, `{]`, `[[],{},[{}]]`, `[{"a":[]},[]`, `{"a":[}`, `[]]`, `{"a":{}}}`, `[1,2`, `[{}1]`, `{"a":1,"b"}`,
	`0`, `-`, `-0`, `01`, `-01`, `1.`, `.1`, `1.0`, `1e`, `1e+`, `1E-05`, `+1`, `1.5e10 `, `0x1`, `1-`, `- 1`, `Infinity`, `NaN`, `0e1`, `0.`, `1.e1`,
	`"\"`, `"\\"`, `"\u00e9"`, `"\u00E9\b\f\n\r\t\/"`, `"\u00g9"`, `"\u00`, `"\x"`, `"a\`, "\"\\\x1f\"", "\"\x1f\"", "\"\x7f\xff\"", "\"12345678\x00\"",
	`"1234567\"89"`, `"12345678"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`, `"\ud83dA"`, `"\ud83d\n"`, `"\ud83d\ud83d\ude00"`,
	`{"a":{"b":{"c":1,"d":null}},"list":[{"x":7},{"x":8}]} `, `{"a":1,"a":{"b":{"c":2}}}`, `{"\u0061":{"b":{"\u0063":3}}}`, `{"a" : { "b" :[ 1 , {"c":2} ] } }`,
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1}{`, `{"a":1}]`, `{"a":tru}`, "{\"a\":1}\v", "\ufeff{}", "\ufeff\ufeff{}", " \ufeff{}", "{\"a\":1}\x00",
	strings.Repeat("[", depth) + strings.Repeat("]", depth), strings.Repeat("[", depth+1) + strings.Repeat("]", depth+1),
	strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1), strings.Repeat(`{"a":`, depth) + "{}" + strings.Repeat("}", depth),
	strings.Repeat(`{"a":[`, depth/2) + strings.Repeat("]}", depth/2), `{"a":{"b":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}}",
}

// tree returns a document as values and nil, or false where it is not JSON.
func tree(v jsonscan.Value) any {
	switch v.Kind() {
	case jsonscan.Text:
		return string([]rune(v.Text())) // each byte of invalid UTF-8 becomes U+FFFD, as in encoding/json
	case jsonscan.List:
		list := []any{}
		for at, item := range v.Items() {
			if string(v[at:at+len(item)]) != string(item) {
				return "an item at a wrong place"
			}
			list = append(list, tree(item))
		}
		return list
	case jsonscan.Null:
		return nil
	case jsonscan.Bool:
		return v == "true"
	case jsonscan.Number:
		return json.Number(v)
	}
	return json.RawMessage(v)
}

// objectsAsWritten has encoding/json leave objects as they are, since of two members with one name it takes the last.
type objectsAsWritten struct{ value any }

func (o *objectsAsWritten) UnmarshalJSON(raw []byte) error {
	switch raw[0] {
	case '{':
		o.value = json.RawMessage(bytes.Clone(raw))
	case '[':
		var items []objectsAsWritten
		if err := json.Unmarshal(raw, &items); err != nil {
			return err
		}
		list := []any{}
		for _, item := range items {
			list = append(list, item.value)
		}
		o.value = list
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		o.value = text
	default:
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		return decoder.Decode(&o.value)
	}
	return nil
}

// shallow says whether encoding/json can read a document as values in reasonable time: each level is read once more.
func shallow(doc string) bool { return strings.Count(doc, "[")+strings.Count(doc, "{") < 100 }

// compare fails the test unless Find takes doc for JSON where encoding/json does, and both read the same.
func compare(t *testing.T, doc string) {
	t.Helper()
	err := jsonscan.Check(doc)
	doc = strings.TrimPrefix(doc, "\ufeff")
	if valid := json.Valid([]byte(doc)); valid != (err == nil) {
		t.Fatalf("%.200q: %v; encoding/json says %t", doc, err, valid)
	}
	if err != nil {
		if syntax := (*jsonscan.SyntaxError)(nil); !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(doc) {
			t.Fatalf("%.200q: %v has no place in it", doc, err)
		}
		return
	}
	if !shallow(doc) {
		return
	}
	trimmed := strings.Trim(doc, " \t\r\n")
	if got, want := tree(jsonscan.Value(trimmed)), values(t, trimmed); !reflect.DeepEqual(got, want) {
		t.Errorf("%q is %#v, encoding/json reads %#v", doc, got, want)
	}
	compareMembers(t, trimmed)
}

func values(t *testing.T, doc string) any {
	t.Helper()
	if doc[0] == 'n' { // which encoding/json does not hand to Unmarshalers
		return nil
	}
	var all objectsAsWritten
	if err := json.Unmarshal([]byte(doc), &all); err != nil {
		t.Fatal(err)
	}
	return all.value
}

// compareMembers holds what Find finds of an object's members against the tokens of encoding/json.
func compareMembers(t *testing.T, doc string) {
	t.Helper()
	if doc[0] != '{' {
		return
	}
	first, times, order := map[string]string{}, map[string]int{}, []string{}
	decoder := json.NewDecoder(strings.NewReader(doc))
	_, _ = decoder.Token()
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err2 := decoder.Decode(&value); err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if times[name.(string)]++; times[name.(string)] == 1 {
			first[name.(string)], order = string(value), append(order, name.(string))
		}
	}
	var paths jsonscan.Paths
	for _, name := range order {
		paths.Add(name)
	}
	paths.Add("no such name", "at all")
	found := make([]jsonscan.Found, paths.Len())
	if err := paths.Find(doc, found); err != nil {
		t.Fatal(err)
	}
	for i, name := range order {
		if strings.Contains(name, "\uFFFD") { // invalid UTF-8 stays as it is in ours
			continue
		}
		if int(found[i].Times) != times[name] || string(found[i].In(doc)) != first[name] {
			t.Errorf("%q in %q: found %+v, %q; encoding/json has %d, %q", name, doc, found[i], found[i].In(doc), times[name], first[name])
		}
	}
	if last := found[len(order)]; last != (jsonscan.Found{}) {
		t.Errorf("%q: found %+v where nothing is", doc, last)
	}
}

func TestLikeEncodingJSON(t *testing.T) {
	for _, doc := range documents {
		compare(t, doc)
	}
}

// FuzzLikeEncodingJSON: both take the same documents for JSON, and read the same values in them.
func FuzzLikeEncodingJSON(f *testing.F) {
	for _, doc := range documents {
		if shallow(doc) {
			f.Add(doc)
		}
	}
	f.Add(`{"a":{"b":{"c":1}},"d":[true,null,-1.5e3,"\u00e9\\"]}`)
	f.Add(`[[["a",{"b":[]}],2],"\ud83d\ude00"]`)
	f.Fuzz(func(t *testing.T, doc string) { compare(t, doc) })
}

// FuzzItems: of whatever text, even of none that is JSON, a value is read without a panic.
func FuzzItems(f *testing.F) {
	for _, doc := range documents {
		if shallow(doc) {
			f.Add(doc)
		}
	}
	f.Fuzz(func(t *testing.T, doc string) {
		for range jsonscan.Value(doc).Items() {
		}
	})
}

func TestFind(t *testing.T) {
	const doc = ` {"a":{"b":{"c":1,"d":null,"c":5}}, "e" : [ 1 ] ,"a":{"b":{"x":2}},"f":"te\"xt","\u0067":{}}`
	paths := jsonscan.NewPaths("a", "a.b.c", "a.b.d", "a.b.x", "e", "e.x", "f", "g", "h", "a.b")
	found := make([]jsonscan.Found, paths.Len())
	found[8] = jsonscan.Found{Start: 1, End: 2, Times: 3} // of a document before
	if err := paths.Find(doc, found); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		value jsonscan.Value
		times int32
	}{
		{`{"b":{"c":1,"d":null,"c":5}}`, 2}, {"1", 2}, {"null", 1}, {"2", 1}, {"[ 1 ]", 1}, {"", 0}, {`"te\"xt"`, 1}, {"{}", 1}, {"", 0}, {`{"c":1,"d":null,"c":5}`, 2},
	} {
		if got := found[i].In(doc); got != want.value || found[i].Times != want.times {
			t.Errorf("path %d: %q, %d times; want %q, %d times", i, got, found[i].Times, want.value, want.times)
		}
	}
	if again := paths.Add("a", "b", "c"); again != 1 || paths.Len() != 10 {
		t.Errorf("a path that is there: place %d of %d", again, paths.Len())
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for doc, want := range map[string]string{
		`{"id":1`:        "not JSON: it ends too early (byte 7)",
		``:               "not JSON: it ends too early (byte 0)",
		"{\"id\":\"\x00": `not JSON: control character '\x00' in a text (byte 7)`,
		`{"id":1}{`:      "not JSON: unexpected '{' (byte 8)",
		`{"id":tru}`:     "not JSON: unexpected '}' (byte 9)",
		"\ufeff\ufeff{}": `not JSON: unexpected 'ï' (byte 3)`,
		strings.Repeat("[", depth+1) + strings.Repeat("]", depth+1): "JSON nests deeper than 10000 levels (byte 10000)",
	} {
		if err := jsonscan.Check(doc); err == nil || err.Error() != want {
			t.Errorf("%.50q: %v, want %s", doc, err, want)
		}
	}
}

// bombs are bodies that cost some readers of JSON much more than their megabyte.
func bombs() map[string]string {
	const size = 1 << 20
	fill := func(text string) string { return strings.Repeat(text, size/len(text)) }
	return map[string]string{
		"lists": fill("["), "objects": fill(`{"a":`), "both": fill(`[{"a":`), "closed lists": fill("[")[:size/2] + fill("]")[:size/2],
		"a long text": `{"a":"` + fill("x") + `"}`, "escapes": `{"a":"` + fill(`\u0041`) + `"}`, "digits": `{"a":` + fill("9") + `}`,
		"empty lists": "[" + fill("[],") + "[]]", "names": "{" + fill(`"a":1,`) + `"a":1}`, "white space": fill(" "),
	}
}

// TestBombsTakeNoMemory: whatever the body, a pass allocates nothing that grows with it.
func TestBombsTakeNoMemory(t *testing.T) {
	paths := jsonscan.NewPaths("a", "a.b", "a.b.c")
	found := make([]jsonscan.Found, paths.Len())
	for name, doc := range bombs() {
		if n := testing.AllocsPerRun(3, func() { _ = paths.Find(doc, found) }); n > 10 { // the error, and what the race detector adds
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

func BenchmarkBombs(b *testing.B) {
	for name, doc := range bombs() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				_ = jsonscan.Check(doc)
			}
		})
	}
}
