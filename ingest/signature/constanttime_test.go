package signature_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/internal/testkit"
)

// openComparisons are the only places in this package where bytes or texts, neither of which is a constant, are
// compared in time that depends on them. None of them is a secret, a MAC or a signature.
var openComparisons = []string{
	"advice.go: bytes.Equal(k.Secret.Reveal(), key.Secret.Reveal())", // of one configuration, at its start
	"certcache.go: most == url",                                      // public, of a header
	"certcache.go: other != url",
	"content.go: strings.CutPrefix(text, c.prefix)", // public prefixes such as sha256=
	"content.go: strings.CutPrefix(text, label)",
	"content.go: strings.CutPrefix(part, label)",
	"digest.go: d.name == name",
	"encoding.go: e.name == name",
	"keys.go: k.Use != use",
	"httpsigkey.go: c.id != k.algorithm",
	"httpsigkey.go: strings.HasPrefix(name, kind)",
	"jwstoken.go: strings.CutPrefix(c.signatures, c.prefix)",
	"jwstoken.go: text != claim[1]", // what a token whose signature is good claims
	"jwskeys.go: key.Algorithm != algorithm",
	"mac.go: strings.CutPrefix(c.signatures, c.prefix)",
	"mac.go: strings.HasPrefix(text, c.prefix)",
	"place.go: key != name",
	"publickey.go: kind != s.rule.scheme",
	"rule.go: name == w.timestamp",
	"rule.go: r.scheme == name",
	"scheme.go: other != c.id", // of the delivery itself
	"scheme.go: strings.CutPrefix(part, w.timestamp)",
	"scheme.go: strings.HasPrefix(c.signatures, w.optional)", // sha256= too
	"shops.go: bytes.CutPrefix(r.Body, []byte(\"webhook_id=\"))",
	"sns.go: text(snsTopic) != k.topic", // a name, which every message shows
	"twilio.go: c.url != original",
}

// TestInvariant7_ConstantTime type-checks the package and finds every comparison of bytes or texts that is not
// made by crypto/subtle or crypto/hmac.
func TestInvariant7_ConstantTime(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources[file] = string(raw)
		}
	}
	if len(sources) < 20 {
		t.Fatalf("only %d sources", len(sources))
	}
	found := comparisons(t, "./", sources)
	for _, one := range found {
		if !slices.Contains(openComparisons, one) {
			t.Errorf("not in constant time, and not known to be harmless: %s", one)
		}
	}
	for _, known := range openComparisons {
		if !slices.Contains(found, known) {
			t.Errorf("no longer there; take it off the list: %s", known)
		}
	}
}

// TestComparisons shows that the check above can fail.
func TestComparisons(t *testing.T) {
	const source = `package p
import ("bytes"; "crypto/hmac"; "reflect"; "slices"; "strings")
type text string
func f(a, b string, c, d []byte, e, g [32]byte, h, i text, n, m int, x, y struct{ mac [4]byte }) bool {
	switch a { case b: return true; case "constant": }
	_ = map[string]bool{}[a]
	return a == b || string(c) != string(d) || e == g || h == i || x == y || bytes.Equal(c, d) || strings.EqualFold(a, b) ||
		strings.HasPrefix(a, b) || reflect.DeepEqual(c, d) || slices.Equal(c, d) || bytes.Compare(c, d) == 0 || a > b ||
		a == "constant" || n == m || c == nil || hmac.Equal(c, d)
}`
	got := comparisons(t, "bytes crypto/hmac reflect slices strings", map[string]string{"p.go": source})
	want := []string{
		"p.go: case b", "p.go: a == b", "p.go: string(c) != string(d)", "p.go: e == g", "p.go: h == i", "p.go: x == y",
		"p.go: bytes.Equal(c, d)", "p.go: strings.EqualFold(a, b)", "p.go: strings.HasPrefix(a, b)", "p.go: reflect.DeepEqual(c, d)",
		"p.go: slices.Equal(c, d)", "p.go: bytes.Compare(c, d)", "p.go: a > b",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q\nwant %q", got, want)
	}
}

// comparisons type-checks sources and returns what compares bytes or texts openly, as "file: expression".
func comparisons(t *testing.T, imports string, sources map[string]string) []string {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for name, source := range sources {
		file, err := parser.ParseFile(set, name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(set, "gc", exportData(t, imports))}
	if _, err := config.Check("p", set, files, info); err != nil {
		t.Fatal(err)
	}
	c := comparer{set: set, info: info}
	for _, file := range files {
		ast.Inspect(file, c.visit)
	}
	return c.found
}

// exportData finds what the go command compiled of imports and all they need.
func exportData(t *testing.T, imports string) importer.Lookup {
	t.Helper()
	arguments := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}"}
	if testkit.Race { // as these tests were just compiled
		arguments = append(arguments, "-race")
	}
	arguments = append(arguments, strings.Fields(imports)...)
	out, err := exec.Command("go", arguments...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		exports[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
}

type comparer struct {
	set   *token.FileSet
	info  *types.Info
	found []string
}

func (c *comparer) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		switch n.Op {
		case token.EQL, token.NEQ, token.LSS, token.GTR, token.LEQ, token.GEQ:
			if c.open(n.X) && c.open(n.Y) {
				c.report(n, n)
			}
		}
	case *ast.SwitchStmt:
		if n.Tag == nil || !c.open(n.Tag) {
			break
		}
		for _, clause := range n.Body.List {
			for _, value := range clause.(*ast.CaseClause).List {
				if c.open(value) {
					c.found = append(c.found, fmt.Sprintf("%s: case %s", c.set.Position(n.Pos()).Filename, types.ExprString(value)))
				}
			}
		}
	case *ast.CallExpr:
		called, ok := n.Fun.(*ast.SelectorExpr)
		if ok && c.compares(called) && len(n.Args) == 2 && c.open(n.Args[0]) && c.open(n.Args[1]) {
			c.report(n, n)
		}
	}
	return true
}

func (c *comparer) compares(called *ast.SelectorExpr) bool {
	object := c.info.Uses[called.Sel]
	if object == nil || object.Pkg() == nil {
		return false
	}
	switch object.Pkg().Path() {
	case "bytes", "strings", "slices", "reflect", "cmp":
		return slices.Contains([]string{"Equal", "EqualFold", "Compare", "HasPrefix", "HasSuffix", "CutPrefix", "CutSuffix", "DeepEqual"}, called.Sel.Name)
	}
	return false
}

// open says whether e is no constant and holds bytes or text.
func (c *comparer) open(e ast.Expr) bool {
	tv := c.info.Types[e]
	return tv.Value == nil && !tv.IsNil() && holdsText(tv.Type)
}

func holdsText(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Info()&types.IsString != 0
	case *types.Slice:
		return holdsByte(t.Elem())
	case *types.Array:
		return holdsByte(t.Elem())
	case *types.Struct:
		for field := range t.Fields() {
			if holdsText(field.Type()) {
				return true
			}
		}
	}
	return false
}

func holdsByte(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Kind() == types.Byte
}

func (c *comparer) report(at ast.Node, e ast.Expr) {
	var b bytes.Buffer
	types.WriteExpr(&b, e)
	c.found = append(c.found, c.set.Position(at.Pos()).Filename+": "+b.String())
}
