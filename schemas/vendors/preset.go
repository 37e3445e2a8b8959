package vendors

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"
)

//go:embed presets/*.yaml
var presetFiles embed.FS

// presetSpec is a file of presets/: a vendor's entry without secrets, and facts about it for people.
type presetSpec struct {
	About aboutSpec `yaml:"about"`
	vendorSpec
}

// Preset is what hookline knows of a vendor.
type Preset struct {
	Name      string
	Title     string // as the vendor writes itself
	Docs      string // where the vendor documents its webhooks: the source of what stands here
	Scheme    string
	Signature Signature // the scheme with its options
	Header    string    // the header that carries the signature
	Algorithm string
	Signed    string        // what the signature covers
	EventID   string        // where the event ID comes from
	Retries   time.Duration // how long the vendor goes on retrying a delivery; 0: it does not, or does not say
	Sales     []string      // event types that count, as patterns
	Notes     string        // what to beware of
	Facts     []Fact        // what is read of a delivery: ID, type, time, amount, currency
	Vendor    *Vendor       // that has no name and no secrets, and does nothing but identify events
}

// PresetNames returns the names of all presets, sorted.
func PresetNames() []string {
	files, _ := presetFiles.ReadDir("presets") // cannot fail: the folder is embedded
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".yaml")
	}
	slices.Sort(names) // adyen before adyen-platform, unlike their files
	return names
}

// Presets returns all presets, sorted by name.
func Presets() []Preset {
	var out []Preset
	for _, name := range PresetNames() {
		c := &compiler{Options: Options{WithoutSecrets: true}}
		spec := c.readPreset(name)
		events := c.compileEvents(&spec.Events, spec.Test)
		if err := c.err(); err != nil {
			panic(fmt.Sprintf("embedded preset: %s", err)) // a test reads every preset
		}
		p := Preset{
			Name: name, Title: spec.About.Title, Docs: spec.About.Docs, Scheme: spec.Signature.Scheme, Signature: spec.Signature,
			Header: spec.About.Header, Algorithm: spec.About.Algorithm, Signed: spec.About.Signed,
			Retries: spec.About.Retries, Notes: spec.About.Notes, EventID: "SHA-256 of the body",
			Sales: slices.Sorted(maps.Keys(spec.Sales)), Facts: spec.facts(), Vendor: &Vendor{Preset: name, Signature: spec.Signature, events: events},
		}
		if events.id != nil {
			p.EventID = events.id.String()
		}
		out = append(out, p)
	}
	return out
}

// readPreset returns the preset of that name, which exists.
func (c *compiler) readPreset(name string) *presetSpec {
	file := path.Join("presets", name+".yaml")
	src, err := presetFiles.ReadFile(file)
	if err != nil {
		panic(fmt.Sprintf("embedded preset: %s", err))
	}
	spec := new(presetSpec)
	c.read(file, src, spec)
	return spec
}

// applyPreset fills what spec leaves open from its preset, and returns how long that vendor retries and what the preset reads
// of a delivery. ok is false for a preset that does not exist.
func (c *compiler) applyPreset(spec *vendorSpec) (retries time.Duration, reads []string, ok bool) {
	if spec.Preset == "" {
		return 0, nil, true
	}
	names := PresetNames()
	if !slices.Contains(names, spec.Preset) {
		c.fail(&spec.Preset, "unknown preset %q%s", spec.Preset, suggest(spec.Preset, names))
		return 0, nil, false
	}
	file := c.file
	preset := c.readPreset(spec.Preset)
	c.file = file
	reads = preset.Events.reads(preset.Test)
	if spec.Signature.Scheme == "" || spec.Signature.Scheme == preset.Signature.Scheme {
		c.fill(&spec.Signature, &preset.Signature) // the options of another scheme would mean nothing
	}
	c.fill(&spec.Answers, &preset.Answers)
	c.fill(&spec.Events, &preset.Events)
	if spec.Redelivery == "" {
		spec.Redelivery = preset.Redelivery
	}
	if spec.Zone == "" {
		spec.Zone = preset.Zone
	}
	if spec.Test == nil {
		spec.Test = preset.Test
	}
	for typ, rules := range spec.Sales {
		if base, ok := preset.Sales[typ]; ok && rules.partial() {
			*rules = c.overridden((*rules)[0], *base)
		}
	}
	spec.Sales = union(spec.Sales, preset.Sales)
	spec.Digits = union(spec.Digits, preset.Digits)
	return preset.About.Retries, reads, true
}

// fill sets the zero fields of the struct that to points to, to those of from, and remembers where those stood.
func (c *compiler) fill(to, from any) {
	t, f := reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem()
	for i := range t.NumField() {
		if t.Field(i).CanSet() && t.Field(i).IsZero() {
			t.Field(i).Set(f.Field(i))
			if at, ok := c.at[f.Field(i).Addr().Interface()]; ok {
				c.at[t.Field(i).Addr().Interface()] = at
			}
		}
	}
}

// partial says whether the rules are one that says nothing of an effect: it changes those of a preset.
func (s *rulesSpec) partial() bool {
	return len(*s) == 1 && (*s)[0] != nil && (*s)[0].Effect == "" && (*s)[0].Effects == nil
}

// overridden returns a preset's rules with what own says in place of theirs. Its conditions are added to theirs; where
// both name a path own's counts.
func (c *compiler) overridden(own *ruleSpec, preset rulesSpec) rulesSpec {
	out := make(rulesSpec, 0, len(preset))
	for _, base := range preset {
		rule := new(ruleSpec)
		c.at[rule] = c.at[own]
		for _, from := range []*ruleSpec{own, base} {
			c.fill(rule, from)
			c.fill(&rule.effectSpec, &from.effectSpec)
		}
		rule.When = union(own.When, base.When)
		out = append(out, rule)
	}
	return out
}

// union adds to own what it lacks of base.
func union[V any](own, base map[string]V) map[string]V {
	out := maps.Clone(base)
	if out == nil {
		return own
	}
	maps.Copy(out, own)
	return out
}
