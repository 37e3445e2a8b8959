package vendors

import (
	"maps"
	"slices"
	"strings"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/extract"
)

// Coverage is what of a delivery a signature vouches for.
type Coverage struct {
	Body    bool     // every byte of the body
	Fields  []string // where it is not the whole body: paths into an event's document
	Headers []string // canonical names
}

// covers says whether everything that v may be read from is signed. Of several places that are tried in order one that is
// not decides: anyone can add what stands there.
func (c Coverage) covers(v *value) bool {
	switch v.from {
	case fromItem, fromBody:
		inside := func(field string) bool { return v.text == field || strings.HasPrefix(v.text, field+".@") } // of an envelope
		return c.Body || slices.ContainsFunc(c.Fields, inside)
	case fromHash:
		return c.Body
	case fromHeader:
		return slices.Contains(c.Headers, v.text)
	case fromFirst, fromJoin, fromParent:
		for i := range v.parts {
			if !c.covers(&v.parts[i]) {
				return false
			}
		}
	}
	return true
}

// Proof is that of the vendor's events where a signature proves so much of the body and covers that: with a mark for each of
// ID, type and time that stands, or may stand, in what it does not cover.
func (v *Vendor) Proof(body schemas.Proof, covered Coverage) schemas.Proof {
	if body == schemas.ProofWeak {
		return body
	}
	proof := body
	if v.events.id == nil && !covered.Body || v.events.id != nil && !covered.covers(v.events.id) {
		proof += schemas.UnsignedID
	}
	if v.events.typ != nil && !covered.covers(v.events.typ) {
		proof += schemas.UnsignedType
	}
	if v.events.time != nil && !covered.covers(&v.events.time.value) {
		proof += schemas.UnsignedTime
	}
	return proof
}

// Fact is one thing that a preset reads, and from where, as vendors.yaml writes it.
type Fact struct {
	Name    string // ID, type, time, amount or currency
	Sources []string
}

// Covered says whether a source of a Fact is signed.
func (c Coverage) Covered(source string) bool {
	compiler := &compiler{Options: Options{WithoutSecrets: true}, paths: new(extract.Paths), delivery: new(extract.Paths)}
	v := compiler.compilePath(&source, source, false)
	return c.covers(&v)
}

// facts lists what spec reads. Amounts and currencies are those of all its rules.
func (spec *vendorSpec) facts() []Fact {
	id, typ, at := []string{eventPrefix + "sha256"}, []string(nil), []string(nil)
	if spec.Events.ID != nil {
		id = spec.Events.ID.sources()
	}
	if spec.Events.Type != nil {
		typ = spec.Events.Type.sources()
	}
	if spec.Events.Time != nil {
		at = spec.Events.Time.sources()
	}
	var amounts, currencies []string
	for _, name := range slices.Sorted(maps.Keys(spec.Sales)) {
		for _, rule := range *spec.Sales[name] {
			for _, e := range append([]*effectSpec{&rule.effectSpec}, rule.Effects...) {
				within := ""
				if e.Each != "" {
					within = e.Each + "."
				}
				amounts = append(amounts, e.Amount.sources(within)...)
				if e.Currency != nil {
					currencies = append(currencies, e.Currency.sources()...)
				}
			}
		}
	}
	return []Fact{{"ID", unique(id)}, {"type", unique(typ)}, {"time", unique(at)}, {"amount", unique(amounts)},
		{"currency", unique(currencies)}}
}

// sources lists the places that the value is read from.
func (s *valueSpec) sources() []string {
	if s.Path != "" {
		return []string{s.Path}
	}
	var out []string
	for _, part := range slices.Concat(s.First, s.Join) {
		out = append(out, part.sources()...)
	}
	return out
}

// sources lists the places that the amount is read from; those of a list's items follow the path of the list.
func (s *amountSpec) sources(within string) []string {
	if s == nil {
		return nil
	}
	var out []string
	for _, source := range s.valueSpec.sources() {
		out = append(out, within+source)
	}
	if s.Each != "" {
		out = append(out, s.Sum.sources(within+s.Each+".")...)
	} else {
		out = append(out, s.Sum.sources(within)...)
	}
	for _, part := range slices.Concat(s.First, s.Max, s.Times, s.Percent, s.Over, s.Plus, s.Minus) {
		out = append(out, part.sources(within)...)
	}
	return out
}

func unique(texts []string) []string {
	var out []string
	for _, text := range texts {
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}
