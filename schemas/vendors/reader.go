package vendors

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Problem is one mistake in a vendors.yaml: where it stands, what is wrong and what to do.
type Problem struct {
	File         string
	Line, Column int
	Text         string
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// place is where something stands in a file.
type place struct {
	file         string
	line, column int
}

// reader fills the spec structs from YAML and goes on after a mistake, so that one run names them all.
// It remembers where each field stood under the field's address.
type reader struct {
	file     string
	problems []*Problem
	at       map[any]place
	anchors  map[string]ast.Node
	nodes    int // how many were decoded: an alias inside its own anchor, or aliases of aliases, must end
}

// maxNodes is far more than people write and little to decode.
const maxNodes = 100_000

// nodeDecoder is implemented by the spec types that YAML may write in more than one form.
type nodeDecoder interface {
	decodeNode(r *reader, node ast.Node)
}

// read parses src into spec, a pointer to a struct.
func (r *reader) read(file string, src []byte, spec any) {
	r.file = file
	if r.at == nil {
		r.at = make(map[any]place)
	}
	tree, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, text := place{file, 1, 1}, err.Error()
		if syntax := (yaml.Error)(nil); errors.As(err, &syntax) {
			text = syntax.GetMessage()
			if t := syntax.GetToken(); t != nil && t.Position != nil {
				at.line, at.column = t.Position.Line, t.Position.Column
			}
		}
		r.failAt(at, "not YAML: %s", text)
		return
	}
	if len(tree.Docs) > 1 && tree.Docs[1].Body != nil {
		r.failAt(r.place(tree.Docs[1].Body), "a second YAML document: put everything into the first")
		return
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		r.failAt(place{file, 1, 1}, "the file is empty: it needs the key vendors")
		return
	}
	r.anchors, r.nodes = make(map[string]ast.Node), 0
	ast.Walk(r, tree.Docs[0].Body)
	r.decode(tree.Docs[0].Body, reflect.ValueOf(spec).Elem())
}

// Visit implements ast.Visitor: it collects the anchors.
func (r *reader) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		r.anchors[anchor.Name.GetToken().Value] = anchor.Value
	}
	return r
}

// resolve returns what an anchor or alias stands for. The answer is nil, and a problem reported, where that is
// nothing.
func (r *reader) resolve(node ast.Node) ast.Node {
	if r.nodes++; r.nodes > maxNodes {
		if r.nodes == maxNodes+1 {
			r.failAt(r.place(node), "too much YAML: does an alias stand inside its own anchor?")
		}
		return nil
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		return r.resolve(n.Value)
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if target := r.anchors[name]; target != nil {
			return r.resolve(target)
		}
		r.failAt(r.place(node), "unknown alias *%s: no &%s in this file", name, name)
		return nil
	case *ast.MappingNode:
		return plainText(n)
	}
	return node
}

// plainText undoes a misreading of the YAML library: of a list inside {} it takes the item env:NAME for a mapping,
// while YAML asks for a space after the colon (https://yaml.org/spec/1.2.2/#733-plain-style).
func plainText(m *ast.MappingNode) ast.Node {
	if len(m.Values) != 1 || m.Start.Type == token.MappingStartType {
		return m
	}
	key, colon, value := m.Values[0].Key.GetToken(), m.Start, m.Values[0].Value.GetToken()
	if key.Type != token.StringType || value == nil || value.Position.Offset != colon.Position.Offset+1 {
		return m
	}
	text := key.Value + ":" + value.Value
	return ast.String(token.New(text, text, key.Position))
}

// fail reports a problem at the field that field points to.
func (r *reader) fail(field any, format string, args ...any) {
	r.failAt(r.at[field], format, args...)
}

func (r *reader) failAt(at place, format string, args ...any) {
	r.problems = append(r.problems, &Problem{File: at.file, Line: at.line, Column: at.column, Text: fmt.Sprintf(format, args...)})
}

// err returns every problem, in the order of the file.
func (r *reader) err() error {
	slices.SortStableFunc(r.problems, func(a, b *Problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	errs := make([]error, len(r.problems))
	for i, p := range r.problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

func (r *reader) place(node ast.Node) place {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return r.place(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return r.place(n.Key)
	}
	if t := node.GetToken(); t != nil && t.Position != nil {
		return place{r.file, t.Position.Line, t.Position.Column}
	}
	return place{r.file, 1, 1}
}

// decode fills v, which is addressable, from node.
func (r *reader) decode(node ast.Node, v reflect.Value) {
	if node = r.resolve(node); node == nil {
		return
	}
	field := v.Addr().Interface()
	r.at[field] = r.place(node)
	if d, ok := field.(nodeDecoder); ok {
		d.decodeNode(r, node)
		return
	}
	if d, ok := field.(*time.Duration); ok {
		r.duration(node, d)
		return
	}
	if node.Type() == ast.NullType {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.decode(node, v.Elem())
	case reflect.Struct:
		if short, ok := shortOf(v); ok && !isMapping(node) {
			r.decode(node, short)
			return
		}
		r.decodeStruct(node, v)
	case reflect.Map:
		r.decodeMap(node, v)
	case reflect.Slice:
		r.decodeSlice(node, v)
	case reflect.String:
		if text, ok := r.scalar(node); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		if b, ok := node.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
		} else {
			r.failAt(r.place(node), "must be true or false")
		}
	case reflect.Int:
		text, _ := scalarText(node)
		n, err := strconv.Atoi(text)
		if err != nil {
			r.failAt(r.place(node), "must be a whole number")
		}
		v.SetInt(int64(n))
	default:
		panic("vendors: no decoding for " + v.Type().String())
	}
}

func (r *reader) duration(node ast.Node, d *time.Duration) {
	text, ok := r.scalar(node)
	if !ok {
		return
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed < 0 {
		r.failAt(r.place(node), "%q is not a duration: write it like 30s, 5m or 72h", text)
		return
	}
	*d = parsed
}

// entry is one key of a mapping.
type entry struct {
	key   string
	at    place
	value ast.Node
}

// entries returns the keys of a mapping without those that stand there twice.
func (r *reader) entries(node ast.Node) []entry {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.failAt(r.place(node), "must be a mapping (key: value), found %s", kind(node))
		return nil
	}
	out := make([]entry, 0, len(values))
	seen := make(map[string]int, len(values))
	for _, v := range values {
		at := r.place(v.Key)
		key, ok := scalarText(v.Key)
		if !ok {
			r.failAt(at, "a key must be plain text, found %s", kind(v.Key))
			continue
		}
		if line, dup := seen[key]; dup {
			r.failAt(at, "%q stands here a second time (first in line %d): remove one", key, line)
			continue
		}
		seen[key] = at.line
		out = append(out, entry{key, at, v.Value})
	}
	return out
}

func (r *reader) decodeStruct(node ast.Node, v reflect.Value) {
	for _, e := range r.entries(node) {
		field, ok := fieldOf(v, e.key)
		if !ok {
			r.failAt(e.at, "unknown key %q%s", e.key, suggest(e.key, keysOf(v.Type())))
			continue
		}
		r.decode(e.value, field)
		if e.value.Type() == ast.NullType || isMapping(e.value) {
			r.at[field.Addr().Interface()] = e.at
		}
	}
}

func (r *reader) decodeMap(node ast.Node, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range r.entries(node) {
		// Map elements have no address of their own: the maps of the specs hold pointers.
		elem := reflect.New(v.Type().Elem().Elem())
		r.decode(e.value, elem.Elem())
		r.at[elem.Interface()] = e.at
		v.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), elem)
	}
}

// decodeSlice accepts a single item in place of a list of one.
func (r *reader) decodeSlice(node ast.Node, v reflect.Value) {
	items := []ast.Node{node}
	if seq, ok := node.(*ast.SequenceNode); ok {
		items = seq.Values
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	v.Set(out)
	for i, item := range items {
		r.decode(item, out.Index(i))
	}
}

// scalar returns the text of a scalar as it is written, and reports anything else.
func (r *reader) scalar(node ast.Node) (string, bool) {
	text, ok := scalarText(node)
	if !ok {
		r.failAt(r.place(node), "must be plain text, found %s", kind(node))
	}
	return text, ok
}

// scalarText keeps numbers as they are written: 1.10 stays 1.10.
func scalarText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func isMapping(node ast.Node) bool {
	return node.Type() == ast.MappingType || node.Type() == ast.MappingValueType
}

func kind(node ast.Node) string {
	switch node.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	case ast.SequenceType:
		return "a list"
	case ast.NullType:
		return "nothing"
	case ast.MergeKeyType, ast.TagType:
		return "YAML that is not supported here: write the value out"
	}
	return "plain text"
}

// fieldOf returns the field of v that YAML calls key; embedded structs count as part of v.
func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		if name := f.Tag.Get("yaml"); name != "" && name == key {
			return v.FieldByIndex(f.Index), true
		}
	}
	return reflect.Value{}, false
}

// shortOf returns the field that may stand for the whole struct.
func shortOf(v reflect.Value) (reflect.Value, bool) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Tag.Get("short") != "" {
			return v.FieldByIndex(f.Index), true
		}
	}
	return reflect.Value{}, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("yaml"); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

// suggest ends a message about an unknown word: the nearest known one, else all of them.
func suggest(word string, known []string) string {
	best, distance := "", len(word)/2+1
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": use one of " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
