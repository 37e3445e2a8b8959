package vendors_test

import (
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// TestIdentifyAgain: what a wrong configuration made of a delivery, the right one makes good, from what is kept.
func TestIdentifyAgain(t *testing.T) {
	const github = "{id: header:X-GitHub-Delivery, type: header:X-GitHub-Event, time: {path: at, format: unix}}"
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	headers := http.Header{"X-Github-Delivery": {"d1"}, "X-Github-Event": {"push"}, "Authorization": {"Basic x"}, "X-Other": {"y"}}
	for name, tt := range map[string]struct {
		wrong, right, body string
		header             http.Header
		want               []vendors.Identity
		kept               []string
	}{
		"headers": {"{id: no, type: kind, time: {path: at, format: unix_ms}}", github, `{"no":7,"kind":"x","at":1767323045}`, headers,
			[]vendors.Identity{{ID: "d1", Type: "push", Time: at}}, []string{"header:X-Github-Delivery", "header:X-Github-Event"}},
		"nothing but the body": {"{}", plainEvents, `{"id":"e1","type":"paid","at":"2026-01-02T03:04:05Z"}`, nil,
			[]vendors.Identity{{ID: "e1", Type: "paid", Time: at}}, nil},
		"a form": {"{content: form, id: x}", "{content: form, id: id}", `x=1&id=2`, nil, []vendors.Identity{{ID: "2"}}, nil},
		"items, and what stands around them": {"{each: items, id: no, type: 'body:kind'}", "{each: items, id: {join: [id, 'body:kind']}, type: 'body:kind'}",
			`{"kind":"k","items":[{"id":1,"no":3},{"id":2,"no":3}]}`, nil,
			[]vendors.Identity{{ID: "1:k", Type: "k"}, {ID: "2:k", Type: "k"}}, []string{"body:kind"}},
		"what was not kept stays":   {"{id: header:X-Other, type: a}", "{id: header:X-Missing, type: b}", `{"a":"1","b":"2"}`, headers, []vendors.Identity{{ID: "y", Type: "2"}}, []string{"header:X-Github-Delivery", "header:X-Github-Event", "header:X-Other"}},
		"an absence is kept":        {"{id: {first: [header:X-A, a]}}", "{id: {first: [header:X-A, b]}}", `{"a":"1","b":"2"}`, nil, []vendors.Identity{{ID: "2"}}, []string{"header:X-A"}},
		"no ID any more":            {"{id: a}", "{id: b}", `{"a":"1"}`, nil, []vendors.Identity{{ID: "1"}}, nil},
		"no time any more":          {"{id: a, time: {path: t}}", "{id: a}", `{"a":"1","t":"2026-01-02T03:04:05Z"}`, nil, []vendors.Identity{{ID: "1"}}, nil},
		"a credential is not kept":  {"{id: header:Authorization}", "{id: id}", `{"id":1}`, headers, []vendors.Identity{{ID: "1"}}, []string{"header:X-Github-Delivery", "header:X-Github-Event"}},
		"a long header is not kept": {"{id: header:X-Long}", "{id: id}", `{"id":1}`, http.Header{"X-Long": {strings.Repeat("x", 2000)}}, []vendors.Identity{{ID: "1"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := own(t, tt.wrong, "{}").Identify(nil, tt.header, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			right := own(t, tt.right, "{}")
			for i, e := range before {
				if got := slices.Sorted(maps.Keys(e.Delivery)); !reflect.DeepEqual(got, tt.kept) {
					t.Errorf("kept %q, want %q", got, tt.kept)
				}
				got := right.IdentifyAgain(e)
				if want := tt.want[i]; got.ID != want.ID || got.Type != want.Type || !got.Time.Equal(want.Time) || got.BadID != "" || got.BadTime != "" || string(got.Data) != string(e.Data) {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if again := right.IdentifyAgain(got); !reflect.DeepEqual(again, got) {
					t.Errorf("a second look makes %+v of %+v", again, got)
				}
			}
		})
	}
}

// TestPresetHeaders: each header that a preset reads is kept.
func TestPresetHeaders(t *testing.T) {
	header := regexp.MustCompile(`header:([A-Za-z-]+)`)
	var read []string
	files, err := os.ReadDir("presets")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile("presets/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "template:") || strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, m := range header.FindAllStringSubmatch(line, -1) {
				read = append(read, http.CanonicalHeaderKey(m[1]))
			}
		}
	}
	slices.Sort(read)
	text, err := os.ReadFile("kept.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Compact(read) {
		if !strings.Contains(string(text), `"`+name+`"`) {
			t.Errorf("presetHeaders in kept.go lacks %q, which a preset reads", name)
		}
	}
}
