package vendors

import "go.yaml.in/yaml/v4"

// rulesSpec is what one event type means: a rule, several of which the first that holds decides, or null.
type rulesSpec []*ruleSpec

// ruleSpec says what an event does to the figures: one effect, or several that share what stands beside them.
type ruleSpec struct {
	effectSpec
	Object  *valueSpec    `yaml:"object" jsonschema_description:"The event is the whole state of this object of the vendor's (an order, a payment): the newest state by as_of counts, with its effects alone. Must be unique among the vendor's objects."`
	AsOf    *timeSpec     `yaml:"as_of" jsonschema_description:"When the object was in this state. Default: the event's time."`
	Step    *int          `yaml:"step" jsonschema_description:"In place of as_of, for objects that only go forward: the state of the highest step counts, whatever the times."`
	Effects []*effectSpec `yaml:"effects" jsonschema_description:"Several effects; each takes what it does not say itself from the rule."`
}

// effectSpec is one movement of money, or one for each item of a list.
type effectSpec struct {
	Effect     string                `yaml:"effect" jsonschema:"enum=sale,enum=capture,enum=order,enum=refund,enum=reversal,enum=fee,enum=tax,enum=none" jsonschema_description:"sale: money comes, and is one order. capture: money comes, part of an order. order: one order, without money. refund: money goes, by a refund or a chargeback. reversal: undoes one. fee and tax: beside the figures. none: nothing."`
	When       whenSpec              `yaml:"when" jsonschema_description:"What must stand at which path for it to hold; all must."`
	Each       string                `yaml:"each" jsonschema_description:"Path of a list: one effect for each item. The paths of the effect then look into the item, and parent:PATH around the list."`
	Alone      bool                  `yaml:"alone" jsonschema_description:"Not part of the object's state: stands for itself, known by its key."`
	Key        *valueSpec            `yaml:"key" jsonschema_description:"The business identity: two statements with the same key and effect are one. Default: the object, else event:id."`
	Amount     *amountSpec           `yaml:"amount" jsonschema_description:"How much."`
	Unit       string                `yaml:"unit" jsonschema:"enum=minor,enum=major" jsonschema_description:"minor: a whole number of cents. major: units with decimals."`
	Currency   *valueSpec            `yaml:"currency" jsonschema_description:"ISO 4217 code, in either case; {const: EUR} where the vendor does not say."`
	Order      *valueSpec            `yaml:"order" jsonschema_description:"What was bought: links sales and refunds."`
	Time       *timeSpec             `yaml:"time" jsonschema_description:"When it counts; should be the same in all statements with this key. Default: the event's time."`
	Dimensions map[string]*valueSpec `yaml:"dimensions" jsonschema_description:"More facts to chart by, by name."`
}

// amountSpec is where an amount comes from, and what is then done to it, in the order of the fields: a value, the
// first of several amounts, or a sum over a list.
type amountSpec struct {
	valueSpec
	First   []*amountSpec `yaml:"first" jsonschema_description:"The first of these amounts that is there."`
	Max     []*amountSpec `yaml:"max" jsonschema_description:"The largest of these amounts."`
	Sum     *amountSpec   `yaml:"sum" jsonschema_description:"Summed over the items of each that match when."`
	Each    string        `yaml:"each" jsonschema_description:"Path of the array to sum over."`
	When    whenSpec      `yaml:"when" jsonschema_description:"Which items count. If none does, there is no amount, and the effect does not hold."`
	Decimal string        `yaml:"decimal" jsonschema:"enum=.,enum=\\," jsonschema_description:"The decimal mark of amounts written for people, with thousands separators and currency symbols, such as 1.249,90 EUR. Default: a number as JSON writes it."`
	Times   []*amountSpec `yaml:"times" jsonschema_description:"Multiplied by each of these."`
	Percent []*amountSpec `yaml:"percent" jsonschema_description:"That many percent of it, of each in turn."`
	Over    []*amountSpec `yaml:"over" jsonschema_description:"Divided by each of these, and at the end rounded to the decimals that the currency has, unless round says otherwise. Where one is zero there is no amount."`
	Plus    []*amountSpec `yaml:"plus" jsonschema_description:"And these, which are zero where they are not there."`
	Minus   []*amountSpec `yaml:"minus" jsonschema_description:"Less these, which are zero where they are not there: for amounts that are running totals."`
	Abs     bool          `yaml:"abs" jsonschema_description:"Without its sign."`
	Round   *int          `yaml:"round" jsonschema_description:"Rounded to so many decimals, half away from zero. By default nothing is rounded."`
}

// whenSpec maps paths to what must stand there.
type whenSpec map[string]*matchSpec

// matchSpec is what must stand at a path: a text, one of several, null for nothing, a number within bounds, a text
// that fits a pattern, or what not does not hold for.
type matchSpec struct {
	Texts  []string
	Null   bool
	Bounds []boundSpec
	Like   []string
	Not    *matchSpec
}

// boundSpec is a comparison with a number.
type boundSpec struct{ Key, Number string }

// matchKeys are the keys of a condition that is a mapping.
var matchKeys = []string{"not", "like", "above", "at_least", "below", "at_most"}

func (s *matchSpec) decodeNode(r *reader, node *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		s.decodeMapping(r, node)
	case yaml.SequenceNode:
		for _, item := range node.Content {
			s.add(r, item)
		}
	default:
		s.add(r, node)
	}
}

func (s *matchSpec) decodeMapping(r *reader, node *yaml.Node) {
	entries := r.entries(node)
	if len(entries) == 0 {
		r.failAt(r.place(node), "write a text, a list of texts, null, or a mapping such as {not: …} or {above: 0}")
	}
	for _, e := range entries {
		value := r.resolve(e.value)
		if value == nil {
			continue
		}
		switch e.key {
		case "not":
			s.Not = new(matchSpec)
			s.Not.decodeNode(r, value)
		case "like":
			s.Like = r.texts(value)
		case "above", "at_least", "below", "at_most":
			text, ok := r.scalar(value)
			if _, err := parseNumber(text); ok && err != nil {
				r.failAt(r.place(value), "%s: %s", e.key, err)
			}
			s.Bounds = append(s.Bounds, boundSpec{e.key, text})
		default:
			r.failAt(e.at, "unknown key %q%s", e.key, suggest(e.key, matchKeys))
		}
	}
}

// texts returns a text, or a list of them.
func (r *reader) texts(node *yaml.Node) []string {
	var list matchSpec
	list.decodeNode(r, node)
	if list.Null || list.Texts == nil {
		r.failAt(r.place(node), "must be a text, or a list of texts")
	}
	return list.Texts
}

func (s *matchSpec) add(r *reader, node *yaml.Node) {
	if node = r.resolve(node); node == nil {
		return
	}
	if isNull(node) {
		s.Null = true
	} else if text, ok := r.scalar(node); ok {
		s.Texts = append(s.Texts, text)
	}
}
