package vendors

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
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
	aliases  int // how many were followed: one inside its own anchor, or aliases of aliases, must end
}

// maxAliases is far more than people write and little to decode.
const maxAliases = 10_000

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
	r.anchors, r.aliases = make(map[string]ast.Node), 0
	ast.Walk(r, tree.Docs[0].Body)
	r.decode(tree.Docs[0].Body, reflect.ValueOf(spec).Elem())
}

// fail reports a problem at the field that field points to.
func (r *reader) fail(field any, format string, args ...any) {
	at, ok := r.at[field]
	if !ok {
		at = place{r.file, 1, 1}
	}
	r.failAt(at, format, args...)
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
