package vendors_test

import (
	"net/http"
	"testing"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// An event is marked with what may stand in something unsigned, and a sale with what of that it depends on.
func TestProof(t *testing.T) {
	body := vendors.Coverage{Body: true, Headers: []string{"Webhook-Id"}}
	for _, test := range []struct {
		events        string
		rule          string
		covered       vendors.Coverage
		base          schemas.Proof
		event, effect schemas.Proof
	}{
		{"id: id, type: type, time: at", "", body, "body", "body", "body"},
		{"type: type, time: at", "", body, "body", "body", "body"}, // the ID is the body's hash
		{"id: header:webhook-id, type: type, time: at", "", body, "body", "body", "body"},
		{"id: header:X-Id, type: type, time: at", "", body, "body", "body-id", "body-id"},
		{"id: header:X-Id, type: type, time: at", "key: id", body, "body", "body-id", "body"},
		{"id: header:X-Id, type: type, time: at", "key: {join: [id, event:id]}", body, "body", "body-id", "body-id"},
		{"id: {first: [id, header:X-Id]}, type: type, time: at", "", body, "body", "body-id", "body-id"},
		{"id: id, type: header:X-Type, time: at", "key: id, time: at", body, "body", "body-type", "body-type"},
		{"id: id, type: type, time: {first: [header:X-At, at]}", "", body, "body", "body-time", "body-time"},
		{"id: id, type: type, time: {first: [header:X-At, at]}", "time: at", body, "body", "body-time", "body"},
		{"id: id, type: type, time: {first: [header:X-At, at]}", "time: other", body, "body", "body-time", "body-time"}, // not there
		{"id: id, type: type, time: at", "", vendors.Coverage{Fields: []string{"id", "type"}}, "fields", "fields-time", "fields-time"},
		{"type: type, time: at", "", vendors.Coverage{Fields: []string{"type", "at"}}, "fields", "fields-id", "fields-id"},
		{"id: header:X-Id, type: type, time: at", "", vendors.Coverage{}, "weak", "weak", "weak"},
	} {
		rule := "{effect: sale, amount: total, unit: major, currency: currency"
		if test.rule != "" {
			rule += ", " + test.rule
		}
		vendor := load(t, "vendors: {acme: {signature: {scheme: hub}, events: {"+test.events+"}, sales: {paid: "+rule+"}}}}")
		proof := vendor.Proof(test.base, test.covered)
		if proof != test.event {
			t.Errorf("%s: an event's proof is %q, want %q", test.events, proof, test.event)
		}
		header := http.Header{"X-Id": {"i"}, "X-Type": {"paid"}, "Webhook-Id": {"w"}}
		events, err := vendor.Identify(nil, header, []byte(`{"id":"1","type":"paid","at":"2026-01-01T00:00:00Z","total":"1.00","currency":"EUR"}`))
		if err != nil {
			t.Fatal(err)
		}
		effect, ok, err := effectOf(vendor, events[0])
		if err != nil || !ok {
			t.Fatalf("%s: %t, %v", test.rule, ok, err)
		}
		if got := effect.Proof(proof); got != test.effect {
			t.Errorf("%s, %s: the sale's proof is %q, want %q", test.events, test.rule, got, test.effect)
		}
	}
}
