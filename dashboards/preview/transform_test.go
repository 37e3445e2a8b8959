package preview

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func matrix(empty string) dashboard.DataTransformerConfig {
	return dashboard.DataTransformerConfig{Id: "groupingToMatrix", Options: map[string]any{
		"rowField": "Month", "columnField": "Vendor", "valueField": "Net", "emptyValue": empty,
	}}
}

func unitFrom(refID string) dashboard.DataTransformerConfig {
	return dashboard.DataTransformerConfig{Id: "configFromData", Options: map[string]any{
		"configRefId": refID,
		"mappings": []map[string]any{
			{"fieldName": "unit", "handlerKey": "unit", "reducerId": "lastNotNull"},
			{"fieldName": "decimals", "handlerKey": "decimals", "reducerId": "lastNotNull"},
		},
	}}
}

func sales() []Frame {
	return []Frame{
		{RefID: "A", Fields: []Field{
			{Name: "Month", Kind: KindString, Values: []any{"Jan", "Jan", "Feb"}},
			{Name: "Vendor", Kind: KindString, Values: []any{"a", "<b>", "<b>"}},
			{Name: "Net", Kind: KindNumber, Values: []any{1.0, 2.0, 3.0}},
		}},
		{RefID: "unit", Fields: []Field{
			{Name: "unit", Kind: KindString, Values: []any{"currency:financial:JPY "}},
			{Name: "decimals", Kind: KindNumber, Values: []any{0.0}},
		}},
	}
}

func TestTransform(t *testing.T) {
	yen := map[string]any{"unit": "currency:financial:JPY ", "decimals": 0.0}
	got, err := transform(sales(), []dashboard.DataTransformerConfig{unitFrom("unit"), matrix("null")})
	if err != nil {
		t.Fatal(err)
	}
	want := []Frame{{RefID: "A", Fields: []Field{
		{Name: `Month\Vendor`, Kind: KindString, Values: []any{"Jan", "Feb"}},
		{Name: "a", Kind: KindNumber, Config: yen, Values: []any{1.0, nil}},
		{Name: "<b>", Kind: KindNumber, Config: yen, Values: []any{2.0, 3.0}},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTransformLeavesAloneWhatGrafanaDoes(t *testing.T) {
	disabled := matrix("null")
	disabled.Disabled = cog.ToPtr(true)
	for name, steps := range map[string][]dashboard.DataTransformerConfig{
		"two frames are no matrix": {matrix("null")},
		"no such query":            {unitFrom("other")},
		"disabled":                 {disabled},
	} {
		got, err := transform(sales(), steps)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(sales(), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTransformNamesWhatItDoesNotKnow(t *testing.T) {
	for want, step := range map[string]dashboard.DataTransformerConfig{
		`transformation "merge"`: {Id: "merge"},
		`empty value null`:       matrix("empty"),
		`mapping of a to max`: {Id: "configFromData", Options: map[string]any{
			"configRefId": "unit", "mappings": []map[string]any{{"fieldName": "a", "handlerKey": "max", "reducerId": "lastNotNull"}},
		}},
	} {
		if _, err := transform(sales(), []dashboard.DataTransformerConfig{step}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want an error with %q", err, want)
		}
	}
}

func TestConfigure(t *testing.T) {
	source := dashboard.NewFieldConfigSource()
	source.Defaults.Unit, source.Defaults.Decimals = cog.ToPtr("locale"), cog.ToPtr(0.0)
	source.Defaults.Links = []dashboard.DashboardLink{{Title: "more", Url: cog.ToPtr("/d/x?${currency:queryparam}&var-id=${__value.raw}")}}
	source.Overrides = []dashboard.DashboardFieldConfigSourceOverrides{
		{Matcher: dashboard.MatcherConfig{Id: "byName", Options: "Orders"}, Properties: []dashboard.DynamicConfigValue{{Id: "unit", Value: "short"}}},
		{Matcher: dashboard.MatcherConfig{Id: "byRegexp", Options: "/^Net/"}, Properties: []dashboard.DynamicConfigValue{
			{Id: "custom.width", Value: 80.0}, {Id: "displayName", Value: "${__field.labels.Vendor} of ${__field.name}"},
		}},
	}
	frames := []Frame{{RefID: "A", Fields: []Field{
		{Name: "Gross", Kind: KindNumber},
		{Name: "Net", Kind: KindNumber, Labels: map[string]string{"Vendor": "${currency} & co"}, Config: map[string]any{"unit": "currency:€"}},
		{Name: "Orders", Kind: KindNumber, Labels: map[string]string{"Vendor": "acme"}, Config: map[string]any{"unit": "currency:€"}},
	}}}
	if err := configure(frames, source, Choices{"currency": {Values: []string{"EUR"}}}); err != nil {
		t.Fatal(err)
	}
	type shown struct {
		title, unit string
		custom      map[string]any
	}
	var got []shown
	for _, field := range frames[0].Fields {
		custom, _ := field.Config["custom"].(map[string]any)
		got = append(got, shown{field.Title, field.Config["unit"].(string), custom})
	}
	want := []shown{
		{"Gross", "locale", nil},
		{"${currency} & co of Net", "currency:€", map[string]any{"width": 80.0}},
		{"Orders acme", "short", nil},
	}
	if raw, err := json.Marshal(frames[0].Fields[0].Config["links"]); err != nil || string(raw) != `[{"title":"more","url":"/d/x?var-currency=EUR\u0026var-id=${__value.raw}"}]` {
		t.Errorf("links: %s, %v", raw, err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(shown{})); diff != "" {
		t.Error(diff)
	}
	source.Overrides[0].Matcher.Id = "byValue"
	if err := configure(frames, source, nil); err == nil || !strings.Contains(err.Error(), "byValue") {
		t.Errorf("an unknown matcher: %v", err)
	}
}
