package vendors

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/schemas/extract"
)

// kept says what is kept of a delivery beside its events' own bytes, so that a corrected configuration can identify them
// again: the headers that a vendors' file or a preset reads, and what an events mapping reads around an item.
type kept struct {
	headers []string   // canonical names that the vendor's configuration or its preset reads: their absence is kept too
	around  []keptPath // with each: of the body that the items stand in
}

type keptPath struct {
	name string // body:PATH
	path extract.Path
}

const (
	maxKeptText = 1 << 10 // of one text
	maxKept     = 4 << 10 // of all of one delivery
)

// presetHeaders are the headers that presets read: they are kept for every vendor that sends them, because the wrong preset
// may have been chosen. A test compares the list with the presets.
var presetHeaders = []string{
	"I-Twilio-Idempotency-Token", "Linear-Delivery", "Shopify-Event-Id", "Shopify-Topic", "Square-Environment", "Svix-Id", "Webhook-Id",
	"X-Delivery-Id", "X-Github-Delivery", "X-Github-Event", "X-Patreon-Event", "X-Razorpay-Event-Id", "X-Shopify-Event-Id",
	"X-Shopify-Topic", "X-Shopify-Webhook-Id", "X-Wc-Webhook-Delivery-Id", "X-Wc-Webhook-Topic", "X-Zendesk-Webhook-Invocation-Id",
}

// of returns what is kept of a delivery; nil where there is nothing.
func (k *kept) of(src *eventSource) map[string]string {
	if len(k.headers) == 0 && len(k.around) == 0 && !slices.ContainsFunc(presetHeaders, func(name string) bool { return len(src.header[name]) > 0 }) {
		return nil
	}
	out, room := map[string]string{}, maxKept
	keep := func(name, text string) {
		if room -= len(name) + len(text); len(text) <= maxKeptText && room >= 0 && utf8.ValidString(text) {
			out[name] = strings.Clone(text)
		}
	}
	for _, name := range k.headers {
		keep(headerPrefix+name, first(src.header[name]))
	}
	for _, name := range presetHeaders {
		if text := first(src.header[name]); text != "" {
			keep(headerPrefix+name, text)
		}
	}
	for _, p := range k.around {
		if text, err := scalar(src.delivery().Value(p.path), p.name); err == nil {
			keep(p.name, text)
		}
	}
	return out
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// stored stands for the delivery of an event that is stored.
type stored struct {
	kept map[string]string
	part bool // the event is an item of the body, which is not stored
	gap  bool // something was read that was not kept
}

func (s *stored) read(name string) string {
	text, known := s.kept[name]
	s.gap = s.gap || !known
	return text
}

// IdentifyAgain reads ID, type, time and mark of test money of a stored event by what is configured now. What cannot be read
// because it was not kept stays as it is, as does an ID where there is none now. An ID also stays where something was not
// kept that comes before what would be taken: redeliveries must not get another one.
func (v *Vendor) IdentifyAgain(event Identity) Identity {
	m := &v.events
	doc, err := m.content.document(event.Data)
	if err != nil {
		return event
	}
	from := &stored{kept: event.Delivery, part: m.each.Given()}
	src := eventSource{stored: from, item: extract.New(jsonscan.View(doc), m.paths), data: event.Data}
	whole := func(read func()) bool {
		from.gap = false
		read()
		return !from.gap
	}
	now := event
	var id, typ string
	var bad error
	switch {
	case m.id == nil:
		now.ID, now.BadID = hash(event.Data), ""
	case whole(func() { id, bad = m.id.read(&src) }) && id != "" && bad == nil:
		now.ID, now.BadID = nameOrHash(id), ""
	}
	if m.typ == nil {
		now.Type = ""
	} else if known := whole(func() { typ, bad = m.typ.read(&src) }); bad != nil {
		now.BadID = event.BadID // perhaps for the type's sake
	} else if known || typ != "" {
		now.Type = clip(typ, maxID)
	}
	at, badTime := event.Time, event.BadTime
	if whole(func() { at, badTime = m.readTime(&src) }) || !at.IsZero() {
		now.Time, now.BadTime = at, badTime
	}
	test := event.Test
	if len(m.test) > 0 && whole(func() { test = anyOf(m.test, &src) }) {
		now.Test = test
	}
	return now
}

// reads lists what the specs read of a delivery beside its events, as vendors.yaml writes it.
func (spec *eventsSpec) reads(test []whenSpec) []string {
	var out []string
	if spec.ID != nil {
		out = append(out, spec.ID.sources()...)
	}
	if spec.Type != nil {
		out = append(out, spec.Type.sources()...)
	}
	if spec.Time != nil {
		out = append(out, spec.Time.sources()...)
	}
	for _, when := range test {
		out = append(out, keysOfMap(when)...)
	}
	return slices.DeleteFunc(out, func(text string) bool {
		return !strings.HasPrefix(text, headerPrefix) && !strings.HasPrefix(text, bodyPrefix)
	})
}

// compileKept compiles what reads lists. Credentials are never kept: those of the signature are not, whatever reads them.
func (c *compiler) compileKept(m *eventMapping, spec *vendorSpec, reads []string) {
	never := []string{"Authorization", "Proxy-Authorization", "Cookie", http.CanonicalHeaderKey(spec.Signature.Header)}
	slices.Sort(reads)
	for _, text := range slices.Compact(reads) {
		if name, ok := strings.CutPrefix(text, headerPrefix); ok {
			if name = http.CanonicalHeaderKey(name); !slices.Contains(never, name) && !slices.Contains(m.keep.headers, name) {
				m.keep.headers = append(m.keep.headers, name)
			}
		} else if path, _ := strings.CutPrefix(text, bodyPrefix); m.each.Given() && extract.CheckPath(path) == nil {
			m.keep.around = append(m.keep.around, keptPath{text, m.around.Add(path)})
		}
	}
}
