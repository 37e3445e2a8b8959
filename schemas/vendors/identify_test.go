package vendors_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// own returns a vendor of the user's own with these events and sales, in YAML's flow style.
func own(t testing.TB, events, sales string) *vendors.Vendor {
	t.Helper()
	return load(t, fmt.Sprintf("vendors:\n  acme:\n    signature: {scheme: hub}\n    events: %s\n    sales: %s\n", events, sales))
}

const plainEvents = "{id: id, type: type, time: {path: at, format: [rfc3339, unix]}}"

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestIdentify(t *testing.T) {
	long := strings.Repeat("x", 257)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name, events, body string
		header             http.Header
		want               vendors.Identity // but Data
	}{
		{"a path", plainEvents, `{"id":"e1","type":"paid","at":"2026-01-02T03:04:05Z"}`, nil, vendors.Identity{ID: "e1", Type: "paid", Time: at}},
		{"no type, no time", plainEvents, `{"id":"e1"}`, nil, vendors.Identity{ID: "e1"}},
		{"null time", plainEvents, `{"id":"e1","at":null}`, nil, vendors.Identity{ID: "e1"}},
		{"unreadable time", plainEvents, `{"id":"e1","at":"yesterday"}`, nil, vendors.Identity{ID: "e1", BadTime: "yesterday"}},
		{"long unreadable time", plainEvents, `{"id":"e1","at":"` + long + `"}`, nil, vendors.Identity{ID: "e1", BadTime: long[:64]}},
		{"time is an object", plainEvents, `{"id":"e1","at":{}}`, nil, vendors.Identity{ID: "e1", BadTime: `an object at "at", not one text or number`}},
		{"second format", plainEvents, `{"id":"e1","at":1767323045}`, nil, vendors.Identity{ID: "e1", Time: at}},
		{"an ID beyond 2^53", plainEvents, `{"id":820982911946154508}`, nil, vendors.Identity{ID: "820982911946154508"}},
		{"an ID beyond 2^64", plainEvents, `{"id":98765432109876543210987}`, nil, vendors.Identity{ID: "98765432109876543210987"}},
		{"an ID like a float", plainEvents, `{"id":1.50e2}`, nil, vendors.Identity{ID: "1.50e2"}},
		{"a boolean ID", plainEvents, `{"id":true}`, nil, vendors.Identity{ID: "true"}},
		{"duplicate keys: the first counts", plainEvents, `{"id":"e1","id":"e2"}`, nil, vendors.Identity{ID: "e1"}},
		{"escapes", plainEvents, `{"id":"caf\u00e9\/1","type":"\ud83d\ude00"}`, nil, vendors.Identity{ID: "café/1", Type: "😀"}},
		{"an escaped key", plainEvents, `{"\u0069d":"e1"}`, nil, vendors.Identity{ID: "e1"}},
		{"an escaped NUL in the ID", plainEvents, `{"id":"a\u0000b"}`, nil, vendors.Identity{ID: sha("a\x00b")}},
		{"a line break in the ID", plainEvents, `{"id":"a\nb"}`, nil, vendors.Identity{ID: sha("a\nb")}},
		{"broken UTF-8 in the ID", plainEvents, "{\"id\":\"a\xffb\"}", nil, vendors.Identity{ID: sha("a\xffb")}},
		{"broken UTF-8 elsewhere", plainEvents, "{\"id\":\"e1\",\"note\":\"\xff\",\"type\":\"a\xff\"}", nil, vendors.Identity{ID: "e1", Type: "a\uFFFD"}},
		{"256 bytes of ID", plainEvents, `{"id":"` + long[:256] + `"}`, nil, vendors.Identity{ID: long[:256]}},
		{"257 bytes of ID", plainEvents, `{"id":"` + long + `"}`, nil, vendors.Identity{ID: sha(long)}},
		{"a header", "{id: header:x-event-ID}", `{}`, http.Header{"X-Event-Id": {"e1", "e2"}}, vendors.Identity{ID: "e1"}},
		{"no ID configured", "{}", `{"a":1}`, nil, vendors.Identity{ID: sha(`{"a":1}`)}},
		{"joined", "{id: {join: [a, b.c, header:X], with: /}}", `{"a":1,"b":{"c":"d"}}`, http.Header{"X": {"y"}}, vendors.Identity{ID: "1/d/y"}},
		{"first", "{id: {first: [a, b, c]}}", `{"a":null,"b":"","c":"d"}`, nil, vendors.Identity{ID: "d"}},
		{"first, then a hash", "{id: {first: [a, {join: [b, c]}, event:sha256]}}", `{"b":1}`, nil, vendors.Identity{ID: sha(`{"b":1}`)}},
		{"a constant type", "{type: {const: order}}", `{}`, nil, vendors.Identity{ID: sha(`{}`), Type: "order"}},
		{"JSON in a text", "{id: payload.@fromstr.id}", `{"payload":"{\"id\":12345678901234567890}"}`, nil, vendors.Identity{ID: "12345678901234567890"}},
		{"a query", `{id: 'items.#(kind=="main").id'}`, `{"items":[{"kind":"x","id":1},{"kind":"main","id":2}]}`, nil, vendors.Identity{ID: "2"}},
		{"a form", "{content: form, id: MessageSid, type: Status}", "MessageSid=SM1&Status=sent%20now&Status=later&Empty=", nil, vendors.Identity{ID: "SM1", Type: "sent now"}},
		{"a form's dotted field", `{content: form, id: 'a\.b'}`, "a.b=1", nil, vendors.Identity{ID: "1"}},
		{"a multipart form", "{content: form, id: id, type: type}", "--B\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\ne1\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nfile\r\n--B\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nsent\r\n--B--\r\n", nil, vendors.Identity{ID: "e1", Type: "sent"}},
		{"any: JSON", "{content: any, id: {first: [id, event:sha256]}}", `{"id":"e1"}`, nil, vendors.Identity{ID: "e1"}},
		{"any: a form", "{content: any, id: {first: [id, event:sha256]}}", "id=e1&x=y", nil, vendors.Identity{ID: "e1"}},
		{"any: neither", "{content: any, id: {first: [id, event:sha256]}}", "what do ya want for nothing?", nil, vendors.Identity{ID: sha("what do ya want for nothing?")}},
		{"any: nothing", "{content: any, id: {first: [id, event:sha256]}}", "", nil, vendors.Identity{ID: sha("")}},
		{"whitespace around", plainEvents, " {\"id\":\"e1\"}\r\n", nil, vendors.Identity{ID: "e1"}},
		{"a huge number", plainEvents, `{"id":"e1","n":1e999999999,"m":` + strings.Repeat("9", 5000) + `}`, nil, vendors.Identity{ID: "e1"}},
		{"nests deep", plainEvents, `{"id":"e1","x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`, nil, vendors.Identity{ID: "e1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := own(t, tt.events, "{}").Identify(nil, tt.header, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 {
				t.Fatalf("%d events", len(got))
			}
			if string(got[0].Data) != tt.body {
				t.Errorf("data %q is not the body (invariant 2)", got[0].Data)
			}
			got[0].Data, got[0].Delivery = nil, nil
			if fmt.Sprint(got[0]) != fmt.Sprint(tt.want) {
				t.Errorf("got  %v\nwant %v", got[0], tt.want)
			}
		})
	}
}

func TestIdentifySeveral(t *testing.T) {
	tests := []struct {
		name, events, body string
		ids                string
		data               []string
	}{
		{"an array", "{each: '@this', id: id}", ` [ {"id":1 } ,{"id":"b","x":"]"}]`, "1 b", []string{`{"id":1 }`, `{"id":"b","x":"]"}`}},
		{"an array inside", "{each: items, id: n.id}", `{"items":[{"n":{"id":1}},{"n":{"id":2}}]}`, "1 2", []string{`{"n":{"id":1}}`, `{"n":{"id":2}}`}},
		{"gathered items", "{each: items.#.n, id: id}", `{"items":[{"n":{"id":1}},{"n":{"id" : 2}}]}`, "1 2", []string{`{"id":1}`, `{"id" : 2}`}},
		{"beside the array", "{each: items, id: {join: [body:shop, id]}}", `{"shop":"s","items":[{"id":1},{"id":2}]}`, "s:1 s:2", []string{`{"id":1}`, `{"id":2}`}},
		{"hashes", "{each: '@this'}", `[1,{"a":2}]`, sha("1") + " " + sha(`{"a":2}`), []string{"1", `{"a":2}`}},
		{"one object in place of an array", "{each: '@this', id: id}", `{"id":1}`, "1", []string{`{"id":1}`}},
		{"an empty array", "{each: '@this', id: id}", `[]`, "", nil},
		{"lines", "{content: ndjson, id: id}", "{\"id\":1}\n\n{\"id\":2}\r\n", "1 2", []string{`{"id":1}`, `{"id":2}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := []vendors.Identity{{ID: "before"}}
			got, err := own(t, tt.events, "{}").Identify(before, nil, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			var ids, data []string
			for _, e := range got[1:] {
				ids, data = append(ids, e.ID), append(data, string(e.Data))
			}
			if got[0].ID != "before" || strings.Join(ids, " ") != tt.ids || strings.Join(data, "|") != strings.Join(tt.data, "|") {
				t.Errorf("IDs %q, data %q", ids, data)
			}
		})
	}
}

// TestBadItems: the good items of a delivery are not kept out by a bad one, which names its place.
func TestBadItems(t *testing.T) {
	for name, test := range map[string]struct{ events, body, want string }{
		"no ID":         {"{each: items, id: id, type: type}", `{"items":[{"id":1},{"type":"paid"},{"id":3}]}`, `1 "" | ` + sha(`{"type":"paid"}`) + ` "event 2: event ID: nothing at id" paid | 3 ""`},
		"a list's ID":   {"{each: '@this', id: id}", `[{"id":[1]},{"id":2}]`, sha(`{"id":[1]}`) + ` "event 1: event ID: a list at \"id\", not one text or number" | 2 ""`},
		"a list's type": {"{each: '@this', id: id, type: type}", `[{"id":1,"type":[]},{"id":2}]`, sha(`{"id":1,"type":[]}`) + ` "event 1: event type: a list at \"type\", not one text or number" | 2 ""`},
		"no item":       {"{each: '@this', id: id}", `[{"id":1},null,7]`, `1 "" | ` + sha("null") + ` "event 2: event ID: nothing at id" | ` + sha("7") + ` "event 3: event ID: nothing at id"`},
		"a broken line": {"{content: ndjson, id: id}", "{\"id\":1}\n\n{\"id\":\n{\"id\":3}", `1 "" | ` + sha(`{"id":`) + ` "line 2: not JSON: it ends too early (byte 6)" | 3 ""`},
	} {
		vendor := own(t, test.events, "{}")
		got, err := vendor.Identify(nil, nil, []byte(test.body))
		var all []string
		for _, e := range got {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %q %s", e.ID, e.BadID, e.Type)))
			if good := e.BadID == ""; (vendor.IdentifyAgain(e).BadID == "") != good || !strings.Contains(test.body, string(e.Data)) {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if text := strings.Join(all, " | "); err != nil || text != test.want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, text, test.want)
		}
	}
}

func TestIdentifyRefuses(t *testing.T) {
	tests := []struct{ name, events, body, want string }{
		{"not JSON", plainEvents, `{"id":1`, "not JSON: it ends too early (byte 7)"},
		{"nothing", plainEvents, ``, "not JSON"},
		{"a raw NUL", plainEvents, "{\"id\":\"a\x00\"}", `control character '\x00' in a text (byte 8)`},
		{"two documents", plainEvents, `{"id":1}{"id":2}`, "not JSON"},
		{"no ID", plainEvents, `{"type":"x"}`, "event ID: nothing at id"},
		{"a null ID", plainEvents, `{"id":null}`, "event ID: nothing at id"},
		{"an empty ID", plainEvents, `{"id":""}`, "event ID: nothing at id"},
		{"an object for an ID", plainEvents, `{"id":{"a":1}}`, `event ID: an object at "id"`},
		{"a list for a type", plainEvents, `{"id":1,"type":[1]}`, `event type: a list at "type"`},
		{"half an ID", "{id: {join: [a, b]}}", `{"a":1}`, "event ID: nothing at a + b"},
		{"no header", "{id: header:X-Id}", `{}`, "event ID: nothing at header:X-Id"},
		{"no array", "{each: items, id: id}", `{}`, `no list of events at "items"`},
		{"no good item", "{each: items, id: id}", `{"items":[{},{"id":[]}]}`, "event 1: event ID: nothing at id"},
		{"no good line", "{content: ndjson, id: id}", "{\n{}", "line 1: not JSON"},
		{"a bad item beside a list that ends too early", "{each: items, id: id}", `{"items":[{"id":1},{}`, "not JSON"},
		{"too many events", "{each: '@this'}", "[" + strings.Repeat("1,", 10_000) + "1]", "more than 10000 events"},
		{"not a form", "{content: form, id: id}", `{"id":1}`, "not a form"},
		{"half a percent escape", "{content: form, id: id}", "id=%4", "not a form"},
		{"a broken multipart form", "{content: form, id: id}", "--B\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\ne1", "not a multipart form"},
		{"too many fields", "{content: form, id: id}", strings.Repeat("a=1&", 1001), "more than 1000 fields"},
		{"nests too deep", plainEvents, `{"id":"e1","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "deeper than 10000"},
		{"nests far too deep", plainEvents, strings.Repeat("[", 1<<20), "deeper than 10000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := []vendors.Identity{{ID: "before"}}
			got, err := own(t, tt.events, "{}").Identify(before, nil, []byte(tt.body))
			if !errors.Is(err, vendors.ErrBody) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if len(got) != 1 {
				t.Errorf("%d events came of a delivery that was refused", len(got))
			}
		})
	}
}

// TestDeepButQuoted has more brackets than levels are allowed, all of them in a text.
func TestDeepButQuoted(t *testing.T) {
	body := []byte(`{"id":"e1","x":"\"` + strings.Repeat("[", 20_000) + `"}`)
	if _, err := own(t, plainEvents, "{}").Identify(nil, nil, body); err != nil {
		t.Fatal(err)
	}
}

// TestDeepInTexts: JSON in a text is held to the same depth, however often a path goes into one.
func TestDeepInTexts(t *testing.T) {
	quote := func(v any) string { raw, _ := json.Marshal(v); return string(raw) }
	inner := `{"b":` + strings.Repeat("[", 1<<19) + `,"id":"e1"}`
	for _, test := range []struct{ path, body string }{
		{"payload.@fromstr.b.@fromstr.id", `{"payload":` + quote(inner) + "}"},
		{"payload.@fromstr.id", `{"payload":` + quote(inner) + "}"},
	} {
		got, err := own(t, "{id: {first: ["+test.path+", event:sha256]}}", "{}").Identify(nil, nil, []byte(test.body))
		if err != nil || got[0].ID != sha(test.body) {
			t.Errorf("%s: %v, %v", test.path, got, err)
		}
	}
}

// TestIdentityOutlivesBody changes the body afterwards: IDs and types are copies.
func TestIdentityOutlivesBody(t *testing.T) {
	body := []byte(`{"id":"e1","type":"paid"}`)
	got, err := own(t, plainEvents, "{}").Identify(nil, nil, body)
	if err != nil {
		t.Fatal(err)
	}
	copy(body, bytes.Repeat([]byte{'x'}, len(body)))
	if got[0].ID != "e1" || got[0].Type != "paid" {
		t.Errorf("%q %q", got[0].ID, got[0].Type)
	}
}

// TestZoneOfVendor: a vendor's zone holds for all of its times that state none, and one of a time's own for that alone.
func TestZoneOfVendor(t *testing.T) {
	vendor := load(t, `
vendors:
  acme:
    signature: {scheme: hub}
    zone: Europe/Berlin
    events: {id: id, type: type, time: at}
    sales:
      paid: {effect: sale, amount: {const: "1"}, unit: major, currency: {const: EUR}, time: {path: paid, format: "%d.%m.%Y %H:%M"}}
      sold: {effect: sale, amount: {const: "1"}, unit: major, currency: {const: EUR}, time: {path: paid, zone: America/New_York}}
`)
	for body, want := range map[string][2]string{
		`{"id":1,"type":"paid","at":"2026-07-20 10:00:00","paid":"20.07.2026 09:00"}`:     {"2026-07-20T08:00:00Z", "2026-07-20T07:00:00Z"},
		`{"id":2,"type":"sold","at":"2026-07-20T10:00:00Z","paid":"2026-07-20T09:00:00"}`: {"2026-07-20T10:00:00Z", "2026-07-20T13:00:00Z"},
	} {
		events, err := vendor.Identify(nil, nil, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := vendor.Outcome(events[0])
		if err != nil || len(outcome.Effects) != 1 {
			t.Fatal(outcome, err)
		}
		if got := [2]string{events[0].Time.Format(time.RFC3339), outcome.Effects[0].Time.Format(time.RFC3339)}; got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}

// TestByteOrderMarks: the event is the body as it came, and its ID that of all of it.
func TestByteOrderMarks(t *testing.T) {
	for _, test := range []struct{ events, body, id string }{
		{plainEvents, "\ufeff{\"id\":\"e1\"}", "e1"},
		{"{each: '@this', id: id}", "\ufeff[{\"id\":\"e1\"}]", "e1"},
		{"{each: items, id: id}", "\ufeff{\"items\":[{\"id\":\"e1\"}]}", "e1"},
		{"{content: ndjson, id: id}", "\ufeff{\"id\":\"e1\"}\n", "e1"},
		{"{content: form, id: id}", "\ufeffid=e1", "e1"},
		{"{content: any, id: 'n.0.id'}", "\ufeff{\"n\":[{\"id\":\"e1\"}]}", "e1"},
		{"{}", "\ufeff{\"id\":\"e1\"}", sha("\ufeff{\"id\":\"e1\"}")},
	} {
		vendor := own(t, test.events, `{"*": {effect: sale, key: id, amount: {const: "1"}, unit: major, currency: {const: EUR}}}`)
		got, err := vendor.Identify(nil, nil, []byte(test.body))
		if err != nil || len(got) != 1 || got[0].ID != test.id {
			t.Errorf("%s: %v, %v", test.events, got, err)
			continue
		}
		if !strings.Contains(test.body, string(got[0].Data)) {
			t.Errorf("%s: data %q", test.events, got[0].Data)
		}
		if outcome, err := vendor.Outcome(got[0]); err == nil && len(outcome.Effects) != 1 || err != nil && test.id == "e1" && !strings.Contains(test.events, "n.0") {
			t.Errorf("%s: %v, %v", test.events, outcome, err)
		}
	}
}

func TestTimes(t *testing.T) {
	utc := func(y int, m time.Month, d, h, min, s, ns int) time.Time {
		return time.Date(y, m, d, h, min, s, ns, time.UTC)
	}
	tests := []struct {
		format, text string
		want         time.Time // zero: unreadable
	}{
		{"unix", `0`, utc(1970, 1, 1, 0, 0, 0, 0)},
		{"unix", `-1`, utc(1969, 12, 31, 23, 59, 59, 0)},
		{"unix", `"1767323045"`, utc(2026, 1, 2, 3, 4, 5, 0)},
		{"unix", `1529006854.329574`, utc(2018, 6, 14, 20, 7, 34, 329574000)},
		{"unix", `1.529006854329574e9`, utc(2018, 6, 14, 20, 7, 34, 329574000)},
		{"unix", `-0.5`, utc(1969, 12, 31, 23, 59, 59, 500_000_000)},
		{"unix", `9214646400`, utc(2262, 1, 1, 0, 0, 0, 0)},
		{"unix", `253402300799`, utc(9999, 12, 31, 23, 59, 59, 0)},
		{"unix", `253402300800`, time.Time{}},
		{"unix", `1767323045000`, time.Time{}},
		{"unix", `1e999999999`, time.Time{}},
		{"unix", `1e63`, time.Time{}},
		{"unix", `99999999999999999999`, time.Time{}},
		{"unix", `"0x10"`, time.Time{}},
		{"unix", `"+5"`, time.Time{}},
		{"unix", `" 5"`, time.Time{}},
		{"unix", `true`, time.Time{}},
		{"unix_ms", `1767323045006`, utc(2026, 1, 2, 3, 4, 5, 6_000_000)},
		{"unix_ms", `9223372036854775807`, time.Time{}},
		{"unix_us", `1767323045000006`, utc(2026, 1, 2, 3, 4, 5, 6_000)},
		{"unix_ns", `1767323045000000006`, utc(2026, 1, 2, 3, 4, 5, 6)},
		{"unix_ns", `9223372036854775807`, utc(2262, 4, 11, 23, 47, 16, 854775807)},
		{"unix_ns", `9223372036854775808`, utc(2262, 4, 11, 23, 47, 16, 854775808)},
		{"rfc3339", `"2026-01-02T03:04:05Z"`, utc(2026, 1, 2, 3, 4, 5, 0)},
		{"rfc3339", `"2021-12-31T19:00:00-05:00"`, utc(2022, 1, 1, 0, 0, 0, 0)},
		{"rfc3339", `"2026-01-02T03:04:05+0000"`, utc(2026, 1, 2, 3, 4, 5, 0)},
		{"rfc3339", `"2026-01-02 03:04:05+00:00"`, utc(2026, 1, 2, 3, 4, 5, 0)},
		{"rfc3339", `"2026-01-01T00:00:00.123456789Z"`, utc(2026, 1, 1, 0, 0, 0, 123456789)},
		{"rfc3339", `"1970-01-01T00:00:00.000Z"`, utc(1970, 1, 1, 0, 0, 0, 0)},
		{"rfc3339", `"2262-04-12T00:00:00Z"`, utc(2262, 4, 12, 0, 0, 0, 0)},
		{"rfc3339", `"2026-02-30T00:00:00Z"`, time.Time{}},
		{"rfc3339", `"2026-01-02T03:04:05"`, time.Time{}},
		{"rfc3339", `"9999-12-31T23:59:59-01:00"`, time.Time{}},
		{"datetime", `"2017-03-22T19:28:08"`, utc(2017, 3, 22, 19, 28, 8, 0)},
		{"datetime", `"2024-10-18 18:41:21.109604"`, utc(2024, 10, 18, 18, 41, 21, 109604000)},
		{"date", `"2026-01-02"`, utc(2026, 1, 2, 0, 0, 0, 0)},
		{`date, zone: "+07:00"`, `"2026-01-02"`, utc(2026, 1, 1, 17, 0, 0, 0)},
		{`datetime, zone: "-03:30"`, `"2026-01-02 23:00:00"`, utc(2026, 1, 3, 2, 30, 0, 0)},
		{`rfc3339, zone: "+07:00"`, `"2026-01-02T00:00:00Z"`, utc(2026, 1, 2, 0, 0, 0, 0)},
		{"rfc3339", `"2026-11-20T10:00Z"`, utc(2026, 11, 20, 10, 0, 0, 0)}, // Java leaves out seconds that are 0
		{"rfc3339", `"2026-11-20 10:00:00 +0100"`, utc(2026, 11, 20, 9, 0, 0, 0)},
		{"rfc3339", `"2026-11-20 10:00:00 UTC"`, utc(2026, 11, 20, 10, 0, 0, 0)},
		{"rfc3339", `"2026-11-20T10:00 GMT"`, utc(2026, 11, 20, 10, 0, 0, 0)},
		{"rfc3339", `"2026-11-20 10:00:00.5 +0000 UTC"`, utc(2026, 11, 20, 10, 0, 0, 500_000_000)},
		{"rfc3339", `"2026-11-20T10:00:00+01:00[Europe/Berlin]"`, utc(2026, 11, 20, 9, 0, 0, 0)},
		{"rfc3339", `"2026-11-20T10:00:00+01"`, utc(2026, 11, 20, 9, 0, 0, 0)},
		{"rfc3339", `"2026-11-20t10:00:00,25z"`, utc(2026, 11, 20, 10, 0, 0, 250_000_000)},
		{"rfc3339", `"2026-11-20 10:00:00 CET"`, time.Time{}}, // no such name means the same everywhere
		{"rfc3339", `"2026-11-20 10:00:00 "`, time.Time{}},
		{"rfc3339", `"2026-11-20"`, time.Time{}},
		{"rfc3339", `"2026-11-20T25:00Z"`, time.Time{}},
		{"datetime", `"2026-11-20 10:00"`, utc(2026, 11, 20, 10, 0, 0, 0)},
		{"datetime", `"2026-11-20 10:00Z"`, time.Time{}},
		{"datetime, zone: Europe/Berlin", `"2026-11-20 10:00:00"`, utc(2026, 11, 20, 9, 0, 0, 0)},
		{"datetime, zone: Europe/Berlin", `"2026-07-20 10:00:00"`, utc(2026, 7, 20, 8, 0, 0, 0)},
		{"datetime, zone: Europe/Berlin", `"2026-03-29 02:30:00"`, utc(2026, 3, 29, 1, 30, 0, 0)},  // a time that no clock showed
		{"datetime, zone: Europe/Berlin", `"2026-10-25 02:30:00"`, utc(2026, 10, 25, 0, 30, 0, 0)}, // one shown twice: the first
		{"datetime, zone: Europe/Berlin", `"2026-10-25 03:00:00"`, utc(2026, 10, 25, 2, 0, 0, 0)},
		{`"%d.%m.%Y %H:%M", zone: Europe/Berlin`, `"03.11.2026 10:15"`, utc(2026, 11, 3, 9, 15, 0, 0)},
		{`"%d.%m.%Y %H:%M"`, `"03.11.2026 10:15:00"`, time.Time{}},
		{`"%m/%d/%Y %I:%M:%S %p %z"`, `"11/03/2026 01:15:07 PM -05:00"`, utc(2026, 11, 3, 18, 15, 7, 0)},
		{`"%Y%m%dT%H%M%S%z"`, `"20261103T101507Z"`, utc(2026, 11, 3, 10, 15, 7, 0)},
		{`"%Y%m%d%H%M%S%z"`, `"20261103101507+0100"`, utc(2026, 11, 3, 9, 15, 7, 0)},
		{`[unix, "%e %b %Y"]`, `"3 Nov 2026"`, utc(2026, 11, 3, 0, 0, 0, 0)},
		{`[unix, "%e %b %Y"]`, `1793664000`, utc(2026, 11, 3, 0, 0, 0, 0)},
		{"rfc2822", `"2 Nov 2026 10:15 EST"`, utc(2026, 11, 2, 15, 15, 0, 0)},
		{"rfc2822", `"Mon, 2 Nov 2026 10:15:00 CET"`, time.Time{}},
		{"rfc2822", `"Mon, 16 Aug 2010 03:45:01 +0000"`, utc(2010, 8, 16, 3, 45, 1, 0)},
		{"rfc2822", `"Mon, 2 Aug 2010 03:45:01 +0200"`, utc(2010, 8, 2, 1, 45, 1, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.format+" "+tt.text, func(t *testing.T) {
			got, err := own(t, "{id: {const: x}, time: {path: at, format: "+tt.format+"}}", "{}").Identify(nil, nil, []byte(`{"at":`+tt.text+`}`))
			if err != nil {
				t.Fatal(err)
			}
			if !got[0].Time.Equal(tt.want) || got[0].Time.Location() != time.UTC {
				t.Errorf("got %v, want %v", got[0].Time, tt.want)
			}
			if (got[0].BadTime == "") == tt.want.IsZero() {
				t.Errorf("bad time %q", got[0].BadTime)
			}
		})
	}
}
