package vendors

import (
	"reflect"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// nodeDecoder is implemented by the spec types that YAML may write in more than one form.
type nodeDecoder interface {
	decodeNode(r *reader, node ast.Node)
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
