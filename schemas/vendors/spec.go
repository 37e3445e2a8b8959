package vendors

import (
	"time"
)

// The spec types are vendors.yaml as people write it. Their tags are the one source of its keys: the reader
// decodes by them, the suggestions for unknown keys list them, and Schema is generated from them. A struct with a
// field tagged short may be written as that field alone; a list may be written as its only item.

// fileSpec is a whole vendors.yaml.
type fileSpec struct {
	Vendors map[string]*vendorSpec `yaml:"vendors" jsonschema:"required" jsonschema_description:"Who may send events. The name is the last part of the URL: POST /webhooks/NAME."`
}

// vendorSpec is one vendor; a preset is one too, with facts for people in place of secrets.
type vendorSpec struct {
	Preset     string                `yaml:"preset" jsonschema_description:"A known vendor, whose signature, events and sales are taken over. What stands beside it overrides its part."`
	Secrets    []secretSpec          `yaml:"secrets" jsonschema_description:"References to the secrets that may sign, never the secrets themselves. Several are live at once, for rotation."`
	Signature  Signature             `yaml:"signature" jsonschema_description:"How the vendor signs."`
	Redelivery Redelivery            `yaml:"redelivery" jsonschema:"enum=first,enum=last" jsonschema_description:"Which delivery of an event counts when their contents differ. Default: first."`
	Answers    Answers               `yaml:"answers" jsonschema_description:"What the vendor wants as an answer, where it insists on something of its own."`
	Limits     limitsSpec            `yaml:"limits" jsonschema_description:"What the vendor may send at most, and from where."`
	Events     eventsSpec            `yaml:"events" jsonschema_description:"Where the facts of an event stand in a delivery."`
	Zone       string                `yaml:"zone" jsonschema_description:"The zone of times that state none: a name such as Europe/Berlin, or an offset from UTC such as +07:00. Default: UTC."`
	Digits     map[string]*int       `yaml:"digits" jsonschema_description:"Decimals of the vendor's own minor units, by currency, where they are not those of ISO 4217."`
	Test       []whenSpec            `yaml:"test" jsonschema_description:"What marks test money, which is stored and never in figures: paths and what must stand there, as in {livemode: false}. Of several any. {}: nothing is."`
	Sales      map[string]*rulesSpec `yaml:"sales" jsonschema_description:"What event types do to the figures. A key is a type, or a pattern with one *. null switches a preset's rule off; a rule without an effect changes the preset's in what it names."`

	Actions map[string]*actionsSpec `yaml:"actions" jsonschema_description:"What else event types trigger. A key is a type, or a pattern with one *; the most specific one decides."`
}

// secretSpec is a reference to a secret, and optionally its end.
type secretSpec struct {
	From  string `yaml:"from" short:"true" jsonschema_description:"env:NAME or file:/path."`
	Use   string `yaml:"use" jsonschema:"enum=handshake" jsonschema_description:"handshake: it answers a subscription request, as Meta's verify token does, and signs nothing. By default it signs."`
	Until string `yaml:"until" jsonschema_description:"The last day (2026-12-31, until its end in UTC), or a time in RFC 3339."`
}

// eventsSpec says how a delivery is read: which events it carries and where their facts stand.
type eventsSpec struct {
	Content string     `yaml:"content" jsonschema:"enum=json,enum=ndjson,enum=form,enum=xml,enum=any" jsonschema_description:"What bodies are. ndjson: every line is an event. form: a field's name is its path. xml: elements' names are. any: JSON or form where it is one, else bytes. Default: json."`
	Each    string     `yaml:"each" jsonschema_description:"Path of the array whose items are the events; @this for a body that is an array. The other paths then look into the item, and body:PATH into the whole body."`
	ID      *valueSpec `yaml:"id" jsonschema_description:"What names the event in all its deliveries. Default: event:sha256."`
	Type    *valueSpec `yaml:"type" jsonschema_description:"The event's type, by which sales are found."`
	Time    *timeSpec  `yaml:"time" jsonschema_description:"The event's own time, which must be the same in every delivery. Default: none."`
}

// valueSpec is where a text comes from: a path, or a mapping with one of its keys.
type valueSpec struct {
	Path  string       `yaml:"path" short:"true" jsonschema_description:"A gjson path such as data.object.id or items.0.id; also header:NAME (under events), body:PATH (with each), event:id, event:type (under sales), event:sha256."`
	Const *string      `yaml:"const" jsonschema:"oneof_type=string;number;boolean" jsonschema_description:"This very text."`
	First []*valueSpec `yaml:"first" jsonschema_description:"The first of these that is there: neither absent, null nor empty."`
	Join  []*valueSpec `yaml:"join" jsonschema_description:"All of these, joined by with; nothing as soon as one is not there."`
	With  *string      `yaml:"with" jsonschema_description:"What stands between joined parts. Default: a colon."`
}

// timeSpec is a value and the formats it may have.
type timeSpec struct {
	valueSpec
	Format []string `yaml:"format" jsonschema_description:"How the time is written: a name, or a layout such as %d.%m.%Y %H:%M; of several the first that fits. Default: rfc3339, and datetime where a zone is named."`
	Zone   string   `yaml:"zone" jsonschema_description:"The zone of this time where it states none: a name such as Europe/Berlin, or an offset from UTC such as +07:00. Default: the vendor's."`
}

// actionsSpec is what one event type triggers besides being stored.
type actionsSpec []*actionSpec

// actionSpec is one action.
type actionSpec struct {
	Forward string        `yaml:"forward" jsonschema:"required" jsonschema_description:"URL that gets each event by a POST of its body; webhook-id is the event's ID."`
	Timeout time.Duration `yaml:"timeout" jsonschema_description:"Time that one attempt may take, at most 1m. Default: 10s."`
	Secret  []secretSpec  `yaml:"secret" jsonschema_description:"References to the secrets that sign the request by Standard Webhooks; several while they are rotated."`
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
