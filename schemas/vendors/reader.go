package vendors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
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
	aliases  int // how many were followed: one inside its own anchor, or aliases of aliases, must end
}

const (
	maxAliases = 10_000 // far more than people write and little to decode
	maxNesting = 100    // mappings and lists within each other
)

// read parses src into spec, a pointer to a struct.
func (r *reader) read(file string, src []byte, spec any) {
	r.file = file
	if r.at == nil {
		r.at = make(map[any]place)
	}
	documents, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxNesting))))
	if err != nil {
		r.failAt(place{file, 1, 1}, "not YAML: %s", err)
		return
	}
	var document, second yaml.Node
	switch err := documents.Load(&document); {
	case errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0:
		r.failAt(place{file, 1, 1}, "the file is empty: it needs the key vendors")
		return
	case err != nil:
		r.failSyntax(err)
		return
	}
	switch err := documents.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.failSyntax(err)
		return
	default:
		r.failAt(r.place(&second), "a second YAML document: put everything into the first")
		return
	}
	r.aliases = 0
	r.decode(document.Content[0], reflect.ValueOf(spec).Elem())
}

// failSyntax reports what the YAML library refuses.
func (r *reader) failSyntax(err error) {
	at, text := place{r.file, 1, 1}, err.Error()
	if syntax, ok := errors.AsType[*yaml.LoadError](err); ok {
		text = syntax.Message
		if syntax.ContextMsg != "" {
			text = syntax.ContextMsg + ": " + text
		}
		if syntax.Mark.Line > 0 {
			at.line, at.column = syntax.Mark.Line, syntax.Mark.Column
		}
	}
	r.failAt(at, "not YAML: %s", text)
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

func (r *reader) place(node *yaml.Node) place {
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		return r.place(node.Content[0])
	}
	return place{r.file, max(node.Line, 1), max(node.Column, 1)}
}
