package vendors_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

// TestEnvelopes: paths look into what stands in a text, and what is stored stays what came.
func TestEnvelopes(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	jws := func(payload string) string {
		return "eyJhbGciOiJFUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	const doc = `<?xml version="1.0" encoding="UTF-8"?>
<notification a="1"><kind>paid</kind><subject><item id="7">x &amp; y<![CDATA[ <z>]]></item><item><n:id>8</n:id></item></subject><none/></notification>`
	for what, c := range map[string]struct {
		config, body, want string
	}{
		"base64":                     {"{id: message.data.@base64.id}", `{"message":{"data":"` + b64([]byte(`{"id":"7"}`)) + `"}}`, "7"},
		"base64 for URLs, no pad":    {"{id: d.@base64.id}", `{"d":"` + base64.RawURLEncoding.EncodeToString([]byte(`{"id":"7","x":"?~~ÿ"}`)) + `"}`, "7"},
		"base64 in lines":            {"{id: d.@base64.id}", `{"d":"` + b64([]byte(`{"id":"7"}`))[:4] + `\n` + b64([]byte(`{"id":"7"}`))[4:] + `\n"}`, "7"},
		"a JWS in a JWS":             {"{id: p.@jws.data.info.@jws.id}", `{"p":"` + jws(`{"data":{"info":"`+jws(`{"id":7}`)+`"}}`) + `"}`, "7"},
		"JSON in base64 in JSON":     {"{id: a.@fromstr.b.@base64.id}", `{"a":"{\"b\":\"` + b64([]byte(`{"id":"7"}`)) + `\"}"}`, "7"},
		"XML in base64 in a form":    {"{content: form, id: bt_payload.@base64.@xml.notification.kind}", "bt_payload=" + url.QueryEscape(b64([]byte(doc))+"\n"), "paid"},
		"XML":                        {"{content: xml, id: notification.kind}", doc, "paid"},
		"the first of a list in XML": {"{content: xml, id: notification.subject.item.0}", doc, "x & y <z>"},
		"a child in a list in XML":   {"{content: xml, id: notification.subject.item.1.id}", doc, "8"},
		"an attribute in XML":        {"{content: xml, id: notification.-a}", doc, "1"},
	} {
		events, err := own(t, c.config, "{}").Identify(nil, nil, []byte(c.body))
		if err != nil || len(events) != 1 || events[0].ID != c.want || string(events[0].Data) != c.body {
			t.Errorf("%s: %+v, %v; want the ID %q", what, events, err, c.want)
		}
	}
	for what, c := range map[string]struct{ config, body string }{
		"no base64":              {"{id: d.@base64.id}", `{"d":"!"}`},
		"base64 of no JSON":      {"{id: d.@base64.id}", `{"d":"` + b64([]byte(`{"id":`)) + `"}`},
		"no JWS":                 {"{id: d.@jws.id}", `{"d":"a.b"}`},
		"a number for a text":    {"{id: d.@base64.id}", `{"d":{}}`},
		"XML with entities":      {"{content: xml, id: a}", `<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>`},
		"XML that does not end":  {"{content: xml, id: a.b}", `<a><b>1</b>`},
		"XML with another end":   {"{content: xml, id: a.b}", `<a><b>1</c></a>`},
		"two documents":          {"{content: xml, id: a}", `<a>1</a><a>2</a>`},
		"XML too deep":           {"{content: xml, id: a}", strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200)},
		"too many elements":      {"{content: xml, id: a.b}", "<a>" + strings.Repeat("<b/>", 30_000) + "</a>"},
		"XML in another charset": {"{content: xml, id: a}", `<?xml version="1.0" encoding="ISO-8859-1"?><a>1</a>`},
	} {
		if events, err := own(t, c.config, "{}").Identify(nil, nil, []byte(c.body)); err == nil {
			t.Errorf("%s: read as %+v", what, events)
		}
	}
}
