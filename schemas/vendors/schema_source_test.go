package vendors

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

//go:generate go test . -run ^TestSchemaIsCommitted$ -update

// Schema returns the JSON Schema of vendors.yaml, with which editors complete and check it as it is written.
func Schema() ([]byte, error) {
	reflector := jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		Anonymous:                  true,
		Namer:                      specName,
		Mapper:                     mapType,
	}
	schema := reflector.Reflect(fileSpec{})
	schema.Title = "vendors.yaml"
	schema.Description = "Who may send webhooks to hookline, how each one signs, and which events are sales and refunds."
	for _, t := range []reflect.Type{
		reflect.TypeFor[secretSpec](), reflect.TypeFor[valueSpec](), reflect.TypeFor[timeSpec](), reflect.TypeFor[amountSpec](),
	} {
		name := specName(t)
		schema.Definitions[name] = &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, schema.Definitions[name]}}
	}
	property := func(def, key string) *jsonschema.Schema {
		s, _ := schema.Definitions[def].Properties.Get(key)
		return s
	}
	property("vendor", "preset").Enum = anys(PresetNames())
	property("vendor", "sales").AdditionalProperties = &jsonschema.Schema{
		OneOf: []*jsonschema.Schema{{Type: "null"}, {Ref: "#/$defs/rule"}, {Type: "array", Items: &jsonschema.Schema{Ref: "#/$defs/rule"}}},
	}
	property("vendor", "actions").AdditionalProperties = &jsonschema.Schema{
		OneOf: []*jsonschema.Schema{{Type: "null"}, {Ref: "#/$defs/action"}, {Type: "array", Items: &jsonschema.Schema{Ref: "#/$defs/action"}}},
	}
	for _, secrets := range []*jsonschema.Schema{property("vendor", "secrets"), property("action", "secret")} {
		secrets.OneOf, secrets.Type, secrets.Items = oneOrMore(secrets.Items).OneOf, "", nil
	}
	schema.Definitions["match"] = matchSchema()
	delete(schema.Definitions, "rules")
	delete(schema.Definitions, "actions")
	vendors, _ := schema.Definitions["file"].Properties.Get("vendors")
	vendors.PropertyNames = &jsonschema.Schema{Pattern: vendorName.String()}
	out, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema of vendors.yaml: %w", err)
	}
	return append(out, '\n'), nil
}

// specName is the name of a type among the definitions: what YAML calls it, without our suffix.
func specName(t reflect.Type) string {
	return strings.ToLower(strings.TrimSuffix(t.Name(), "Spec"))
}

// mapType gives the types that YAML writes otherwise than Go; nil leaves a type to reflection.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`, Examples: []any{"5m"}}
	case reflect.TypeFor[[]string]():
		format := &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Type: "string", Enum: anys(slices.Sorted(slices.Values(timeFormatNames())))}, {Type: "string", Pattern: "%", Examples: []any{"%d.%m.%Y %H:%M"}},
		}}
		return oneOrMore(format)
	case reflect.TypeFor[[]rangeSpec]():
		return oneOrMore(&jsonschema.Schema{Type: "string"})
	case reflect.TypeFor[[]*amountSpec]():
		return oneOrMore(&jsonschema.Schema{Ref: "#/$defs/amount"})
	case reflect.TypeFor[[]whenSpec]():
		return oneOrMore(&jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Ref: "#/$defs/match"}})
	case reflect.TypeFor[matchSpec]():
		return &jsonschema.Schema{Ref: "#/$defs/match"}
	}
	return nil
}

// matchSchema is that of a condition, which refers to itself.
func matchSchema() *jsonschema.Schema {
	texts := append(scalarSchema().OneOf, &jsonschema.Schema{Type: "null"})
	parts := jsonschema.NewProperties()
	parts.Set("not", &jsonschema.Schema{Ref: "#/$defs/match"})
	parts.Set("like", oneOrMore(&jsonschema.Schema{Type: "string"}))
	for _, key := range slices.Sorted(maps.Keys(boundSigns)) {
		parts.Set(key, &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "number"}, {Type: "string"}}})
	}
	return &jsonschema.Schema{OneOf: append(slices.Clone(texts),
		&jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{OneOf: texts}},
		&jsonschema.Schema{Type: "object", Properties: parts, MinProperties: new(uint64(1)), AdditionalProperties: jsonschema.FalseSchema},
	)}
}

func scalarSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

func oneOrMore(item *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{item, {Type: "array", Items: item}}}
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}
