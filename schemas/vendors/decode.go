package vendors

import (
	"reflect"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// nodeDecoder is implemented by the spec types that YAML may write in more than one form.
type nodeDecoder interface {
	decodeNode(r *reader, node *yaml.Node)
}

// decode fills v, which is addressable, from node.
func (r *reader) decode(node *yaml.Node, v reflect.Value) {
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
	if isNull(node) {
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
		switch text, _ := scalarText(node); text {
		case "true", "false":
			v.SetBool(text == "true")
		default:
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

func (r *reader) duration(node *yaml.Node, d *time.Duration) {
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
	value *yaml.Node
}

// entries returns the keys of a mapping without those that stand there twice.
func (r *reader) entries(node *yaml.Node) []entry {
	if !isMapping(node) {
		r.failAt(r.place(node), "must be a mapping (key: value), found %s", kind(node))
		return nil
	}
	out := make([]entry, 0, len(node.Content)/2)
	seen := make(map[string]int, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		at := r.place(name)
		key, ok := scalarText(name)
		if !ok || name.Tag == mergeTag {
			r.failAt(at, "a key must be plain text, found %s", kind(name))
			continue
		}
		if line, dup := seen[key]; dup {
			r.failAt(at, "%q stands here a second time (first in line %d): remove one", key, line)
			continue
		}
		seen[key] = at.line
		out = append(out, entry{key, at, value})
	}
	return out
}

func (r *reader) decodeStruct(node *yaml.Node, v reflect.Value) {
	for _, e := range r.entries(node) {
		field, ok := fieldOf(v, e.key)
		if !ok {
			r.failAt(e.at, "unknown key %q%s", e.key, suggest(e.key, keysOf(v.Type())))
			continue
		}
		r.decode(e.value, field)
		if isNull(e.value) || isMapping(e.value) {
			r.at[field.Addr().Interface()] = e.at
		}
	}
}

func (r *reader) decodeMap(node *yaml.Node, v reflect.Value) {
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
func (r *reader) decodeSlice(node *yaml.Node, v reflect.Value) {
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		items = node.Content
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	v.Set(out)
	for i, item := range items {
		r.decode(item, out.Index(i))
	}
}

// scalar returns the text of a scalar as it is written, and reports anything else.
func (r *reader) scalar(node *yaml.Node) (string, bool) {
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
