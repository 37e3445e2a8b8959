package vendors_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

var update = flag.Bool("update", false, "write golden files")

func TestSchemaIsCommitted(t *testing.T) {
	got, err := vendors.Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join(testkit.Root(t), "schemas", "vendors.schema.json"), got)
}

// golden compares got with the file at path, or writes it where -update is given.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: run go generate ./schemas/... and look at the difference", filepath.Base(path))
	}
}

// TestSchemaAgreesWithLoader checks that what the loader takes the schema takes too, and that it refuses the
// mistakes that a schema can see. Files are read here with another YAML library, as an editor would.
func TestSchemaAgreesWithLoader(t *testing.T) {
	raw, err := vendors.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("vendors.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("vendors.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(src string) error {
		var v any
		if err := yaml.Unmarshal([]byte(src), &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	for _, name := range vendors.PresetNames() {
		src, err := os.ReadFile(filepath.Join("presets", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, preset, found := strings.Cut(string(src), "\nsignature:")
		if !found {
			t.Fatalf("preset %s has no signature", name)
		}
		indented := strings.ReplaceAll("signature:"+preset, "\n", "\n    ")
		if err := valid("vendors:\n  x:\n    " + indented); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
	for _, src := range []string{
		"vendors: {a: {preset: stripe, secrets: 'env:A', sales: {x: null}}}",
		"vendors: {a: {preset: stripe, secrets: 'env:A', actions: {x: {forward: 'http://h/', timeout: 5s, secret: 'env:A'}, y: [{forward: 'http://h/'}], z: null}}}",
		"vendors: {a: {preset: stripe, secrets: ['env:A', {from: 'env:B', until: '2026-12-31'}], signature: {tolerance: 10m}}}",
	} {
		if _, err := vendors.Parse("v.yaml", []byte(src), options); err != nil {
			t.Errorf("loader: %s: %v", src, err)
		}
		if err := valid(src); err != nil {
			t.Errorf("schema: %s: %v", src, err)
		}
	}
	for _, src := range []string{
		"vendors: {a: {presett: stripe}}",
		"vendors: {a: {preset: strip}}",
		"vendors: {A: {preset: stripe}}",
		"vendors: {a: {preset: stripe, redelivery: latest}}",
		"vendors: {a: {preset: stripe, signature: {tolerance: 5}}}",
		"vendors: {a: {preset: stripe, events: {time: {path: a, format: unixx}}}}",
		"vendors: {a: {preset: stripe, sales: {x: {effect: sales}}}}",
		"vendors: {a: {preset: stripe, sales: {x: {effect: none, when: {a: {no: 1}}}}}}",
		"vendors: {a: {preset: stripe, actions: {x: {forwards: 'http://h/'}}}}",
		"vendors: {a: {preset: stripe, actions: {x: [{timeout: 5s}]}}}",
		"vendor: {}",
	} {
		if _, err := vendors.Parse("v.yaml", []byte(src), vendors.Options{WithoutSecrets: true}); err == nil {
			t.Errorf("loader took %s", src)
		}
		if valid(src) == nil {
			t.Errorf("schema took %s", src)
		}
	}
}
