package vendors

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// The spec types are vendors.yaml as people write it. Their tags are the one source of its keys: the reader
// decodes by them, the suggestions for unknown keys list them, and Schema is generated from them. A struct with a
// field tagged short may be written as that field alone; a list may be written as its only item.

// fileSpec is a whole vendors.yaml.
type fileSpec struct {
	Vendors map[string]*vendorSpec `yaml:"vendors"`
}

// vendorSpec is one vendor; a preset is one too, with About in place of secrets.
type vendorSpec struct {
	Preset     string                `yaml:"preset"`
	Secrets    []secretSpec          `yaml:"secrets"`
	Signature  Signature             `yaml:"signature"`
	Redelivery Redelivery            `yaml:"redelivery"`
	Limits     limitsSpec            `yaml:"limits" jsonschema_description:"What the vendor may send at most, and from where."`
	Events     eventsSpec            `yaml:"events"`
	Digits     map[string]*int       `yaml:"digits"`
	Sales      map[string]*rulesSpec `yaml:"sales"`
}

// secretSpec is a reference to a secret: "env:NAME", "file:/path", or a mapping that also gives its end.
type secretSpec struct {
	From  string `yaml:"from" short:"true"`
	Until string `yaml:"until"`
}

// eventsSpec says how a delivery is read: which events it carries and where their facts stand.
type eventsSpec struct {
	Content string     `yaml:"content"`
	Each    string     `yaml:"each"`
	ID      *valueSpec `yaml:"id"`
	Type    *valueSpec `yaml:"type"`
	Time    *timeSpec  `yaml:"time"`
}

// valueSpec is where a text comes from: a path, or a mapping with one of its keys.
type valueSpec struct {
	Path  string       `yaml:"path" short:"true"`
	Const *string      `yaml:"const"`
	First []*valueSpec `yaml:"first"`
	Join  []*valueSpec `yaml:"join"`
	With  *string      `yaml:"with"`
}

// timeSpec is a value and the formats it may have.
type timeSpec struct {
	valueSpec
	Format []string `yaml:"format"`
}

// amountSpec is where an amount comes from: a value or a sum, and what is then done to it.
type amountSpec struct {
	valueSpec
	Sum   *valueSpec  `yaml:"sum"`
	Each  string      `yaml:"each"`
	When  whenSpec    `yaml:"when"`
	Times *amountSpec `yaml:"times"`
	Minus *amountSpec `yaml:"minus"`
	Abs   bool        `yaml:"abs"`
}

// whenSpec maps paths to what must stand there.
type whenSpec map[string]*matchSpec

// matchSpec is what must stand at a path: a text, one of several texts, null for nothing, or none of what not holds.
type matchSpec struct {
	Texts []string
	Null  bool
	Not   bool
}

func (s *matchSpec) decodeNode(r *reader, node ast.Node) {
	switch n := node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		entries := r.entries(n)
		if len(entries) != 1 || entries[0].key != "not" || s.Not {
			r.failAt(r.place(n), "write a text, a list of texts, null, or {not: …}")
			return
		}
		s.Not = true
		s.decodeNode(r, entries[0].value)
	case *ast.SequenceNode:
		for _, item := range n.Values {
			s.add(r, item)
		}
	default:
		s.add(r, n)
	}
}

func (s *matchSpec) add(r *reader, node ast.Node) {
	if node.Type() == ast.NullType {
		s.Null = true
	} else if text, ok := r.scalar(node); ok {
		s.Texts = append(s.Texts, text)
	}
}

// rulesSpec is what one event type means: a rule, several of which the first that holds decides, or null.
type rulesSpec []*ruleSpec

// ruleSpec says what an event does to the figures.
type ruleSpec struct {
	Effect     string                `yaml:"effect"`
	When       whenSpec              `yaml:"when"`
	Key        *valueSpec            `yaml:"key"`
	Amount     *amountSpec           `yaml:"amount"`
	Unit       string                `yaml:"unit"`
	Currency   *valueSpec            `yaml:"currency"`
	Order      *valueSpec            `yaml:"order"`
	Time       *timeSpec             `yaml:"time"`
	Dimensions map[string]*valueSpec `yaml:"dimensions"`
}

// aboutSpec holds a preset's facts, for people.
type aboutSpec struct {
	Title     string        `yaml:"title"`
	Docs      string        `yaml:"docs"`
	Header    string        `yaml:"header"`
	Algorithm string        `yaml:"algorithm"`
	Signed    string        `yaml:"signed"`
	Retries   time.Duration `yaml:"retries"`
	Notes     string        `yaml:"notes"`
}
