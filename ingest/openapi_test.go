package ingest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/hookline-io/hookline/ingest"
)

// The types are as much of OpenAPI 3.1 as schemas/openapi.yaml uses. It is decoded strictly: what they do not have
// is a slip.
type (
	openAPI struct {
		OpenAPI  string              `yaml:"openapi"`
		Info     map[string]any      `yaml:"info"`
		Servers  []any               `yaml:"servers"`
		Security []any               `yaml:"security"`
		Tags     []any               `yaml:"tags"`
		Paths    map[string]pathItem `yaml:"paths"`
		Parts    components          `yaml:"components"`
	}
	pathItem struct {
		Parameters []any     `yaml:"parameters"`
		Get        operation `yaml:"get"`
		Post       operation `yaml:"post"`
		Options    operation `yaml:"options"`
	}
	operation struct {
		ID          string              `yaml:"operationId"`
		Tags        []string            `yaml:"tags"`
		Summary     string              `yaml:"summary"`
		Description string              `yaml:"description"`
		RequestBody any                 `yaml:"requestBody"`
		Responses   map[string]response `yaml:"responses"`
	}
	components struct {
		Headers   map[string]any      `yaml:"headers"`
		Schemas   map[string]schema   `yaml:"schemas"`
		Responses map[string]response `yaml:"responses"`
	}
	response struct {
		Ref         string                       `yaml:"$ref"`
		Description string                       `yaml:"description"`
		Headers     map[string]schema            `yaml:"headers"`
		Content     map[string]map[string]schema `yaml:"content"`
	}
	schema struct {
		Ref         string            `yaml:"$ref"`
		Description string            `yaml:"description"`
		Type        string            `yaml:"type"`
		Const       string            `yaml:"const"`
		AllOf       []schema          `yaml:"allOf"`
		AnyOf       []schema          `yaml:"anyOf"`
		OneOf       []schema          `yaml:"oneOf"`
		Properties  map[string]schema `yaml:"properties"`
		Required    []string          `yaml:"required"`
		Items       *schema           `yaml:"items"`
		Minimum     int               `yaml:"minimum"`
		Maximum     int               `yaml:"maximum"`
		MinLength   int               `yaml:"minLength"`
		MaxLength   int               `yaml:"maxLength"`
		Examples    []any             `yaml:"examples"`
	}
)

const specFile = "../schemas/openapi.yaml"

func readSpec(t *testing.T) *openAPI {
	t.Helper()
	src, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	spec := new(openAPI)
	if err := yaml.Load(src, spec, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for name := range spec.Parts.Schemas {
		there["schemas/"+name] = true
	}
	for name := range spec.Parts.Responses {
		there["responses/"+name] = true
	}
	for name := range spec.Parts.Headers {
		there["headers/"+name] = true
	}
	for _, after := range strings.Split(string(src), `$ref: "#/components/`)[1:] {
		if ref, _, _ := strings.Cut(after, `"`); !there[ref] {
			t.Errorf("%s refers to %s, which is not there", specFile, ref)
		}
	}
	return spec
}

func name(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// problems lists what an operation documents as "status reason".
func (o *openAPI) problems(op operation) []string {
	var out []string
	for status, r := range op.Responses {
		content := o.Parts.Responses[name(r.Ref)].Content["application/problem+json"]
		for _, reason := range o.reasons(content["schema"], false) {
			out = append(out, status+" "+reason)
		}
	}
	slices.Sort(out)
	return out
}

// reasons returns the constants of a schema's property reason.
func (o *openAPI) reasons(s schema, inside bool) []string {
	if s.Ref != "" {
		return o.reasons(o.Parts.Schemas[name(s.Ref)], inside)
	}
	var out []string
	if inside && s.Const != "" {
		out = append(out, s.Const)
	}
	for _, part := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
		out = append(out, o.reasons(part, inside)...)
	}
	if reason, ok := s.Properties["reason"]; ok {
		out = append(out, o.reasons(reason, true)...)
	}
	return out
}

// constants returns the texts of a file's constants whose name starts with prefix.
func constants(t *testing.T, file, prefix string) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		for _, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				text, _ := strconv.Unquote(literal.Value)
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

func TestOpenAPIListsEveryReason(t *testing.T) {
	ours, schemes := constants(t, "problem.go", "reason"), constants(t, "signature/signature.go", "Reason")
	if len(ours) < 10 || len(schemes) < 5 {
		t.Fatalf("found only %v and %v", ours, schemes)
	}
	answers := map[string]bool{}
	for _, reason := range slices.Concat(ours, schemes) {
		answers[fmt.Sprintf("%d %s", ingest.StatusOf(reason), reason)] = true
		if slices.Contains(schemes, reason) && ingest.StatusOf(reason) == http.StatusForbidden {
			answers["401 "+reason] = true // Discord's
		}
	}
	want := slices.Sorted(maps.Keys(answers))
	spec := readSpec(t)
	endpoint := spec.Paths["/webhooks/{vendor}"]
	if got := spec.problems(endpoint.Post); !slices.Equal(got, want) {
		t.Errorf("%s has\n%s\nthe code answers\n%s", specFile, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, got := range spec.problems(endpoint.Get) {
		if !answers[got] {
			t.Errorf("GET: %s is no answer of the code", got)
		}
	}
}

func TestOpenAPIIsComplete(t *testing.T) {
	spec := readSpec(t)
	if !strings.HasPrefix(spec.OpenAPI, "3.1.") || len(spec.Paths) != 1 {
		t.Errorf("version %q with %d paths", spec.OpenAPI, len(spec.Paths))
	}
	used := map[string]bool{}
	for path, item := range spec.Paths {
		for _, op := range []operation{item.Get, item.Post, item.Options} {
			if op.ID == "" || op.Summary == "" || op.Description == "" {
				t.Errorf("%s: an operation without an ID, summary or description", path)
			}
			for status, r := range op.Responses {
				used[name(r.Ref)] = true
				full := spec.Parts.Responses[name(r.Ref)]
				code, err := strconv.Atoi(status)
				if err != nil || http.StatusText(code) == "" || full.Description == "" {
					t.Errorf("%s %s: no status, or without a description", op.ID, status)
				}
				if _, ok := full.Headers["Retry-After"]; ok != (code == 429 || code == 503) {
					t.Errorf("%s %s: Retry-After documented: %v", op.ID, status, ok)
				}
				if full.Content["application/problem+json"] == nil && code >= 400 && code != http.StatusRequestHeaderFieldsTooLarge {
					t.Errorf("%s %s: is no problem+json", op.ID, status)
				}
			}
		}
	}
	for name := range spec.Parts.Responses {
		if !used[name] {
			t.Errorf("response %s is not used", name)
		}
	}
}
