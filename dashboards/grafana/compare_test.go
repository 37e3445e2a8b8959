package grafana

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline-io/hookline/dashboards/grafana/grafanatest"
	"github.com/hookline-io/hookline/internal/secret"
)

// sample is a small thing to want.
func sample() Wanted {
	rule := map[string]any{
		"uid": "r", "title": "Rule", "condition": "A", "for": "5m",
		"data": []any{map[string]any{"refId": "A", "model": map[string]any{"rawSql": "SELECT 1"}}},
	}
	return Wanted{
		Folder: Folder{UID: "sales", Title: "Sales"},
		Boards: []Document{
			{"uid": "one", "title": "One", "panels": []any{map[string]any{"title": "<b>&"}}},
			{"uid": "two", "title": "Two", "panels": []any{}},
		},
		Rules:   Document{"title": "group", "folderUid": "sales", "interval": 60.0, "rules": []any{rule}},
		Contact: Document{"uid": "hook", "name": "hook", "type": "webhook", "settings": map[string]any{"url": "http://chat.example/T0/s3cret"}},
		Policy:  Document{"receiver": "hook", "object_matchers": []any{[]any{"service", "=", "sales"}}, "repeat_interval": "4h"},
	}
}

func clientOf(t *testing.T, f *grafanatest.Server) *Client {
	t.Helper()
	client, err := New(f.URL, secret.New([]byte(grafanatest.Token)))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// compare returns the changes and the names of those that are needed.
func compare(t *testing.T, f *grafanatest.Server, wanted Wanted) ([]Change, []string) {
	t.Helper()
	changes, err := clientOf(t, f).Compare(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	var needed []string
	for _, change := range changes {
		if change.Needed() {
			needed = append(needed, change.Name)
		}
	}
	return changes, needed
}

func push(t *testing.T, f *grafanatest.Server, wanted Wanted) {
	t.Helper()
	changes, _ := compare(t, f, wanted)
	for _, change := range changes {
		if change.Needed() {
			if err := change.Apply(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPushingTwiceWritesOnce(t *testing.T) {
	f := grafanatest.New(t)
	changes, _ := compare(t, f, sample())
	if wrote := f.Writes(); len(wrote) > 0 {
		t.Fatalf("to compare wrote %q", wrote)
	}
	for _, change := range changes {
		if !change.New() || !change.Needed() || !strings.Contains(change.Diff(), "+++ hookline: "+change.Name) {
			t.Errorf("%s is not new: %s", change.Name, change.Diff())
		}
	}
	push(t, f, sample())
	want := []string{
		"POST /api/folders", "POST /api/dashboards/db", "POST /api/dashboards/db",
		"POST /api/v1/provisioning/contact-points", "PUT /api/v1/provisioning/policies",
		"PUT /api/v1/provisioning/folder/sales/rule-groups/group",
	}
	if diff := cmp.Diff(want, f.Writes()); diff != "" {
		t.Error(diff)
	}
	// What Grafana adds is no difference.
	if _, needed := compare(t, f, sample()); len(needed) > 0 {
		t.Errorf("after the push, %q differ", needed)
	}
	push(t, f, sample())
	if wrote := f.Writes(); len(wrote) > 0 {
		t.Errorf("the second push wrote %q", wrote)
	}
}

// Every change made in Grafana's own pages is seen, shown in a diff, and undone by a push.
func TestChangesInGrafanaAreSeen(t *testing.T) {
	for name, test := range map[string]struct {
		change func(f *grafanatest.Server)
		want   string // what needs a change
		diff   string // a line of its diff
	}{
		"a panel's title": {func(f *grafanatest.Server) {
			f.Boards["one"]["dashboard"].(map[string]any)["panels"].([]any)[0].(map[string]any)["title"] = "mine"
		}, "board One", `-        "title": "mine"`},
		"a key we do not have": {func(f *grafanatest.Server) { f.Boards["two"]["dashboard"].(map[string]any)["liveNow"] = true }, "board Two", `-    "liveNow": true,`},
		"moved":                {func(f *grafanatest.Server) { f.Boards["one"]["folderUid"] = "elsewhere" }, "board One", `-  "folder": "elsewhere"`},
		"deleted":              {func(f *grafanatest.Server) { delete(f.Boards, "one") }, "board One", `+    "title": "One",`},
		"one more rule": {func(f *grafanatest.Server) {
			group := f.Groups["sales/group"]
			group["rules"] = append(group["rules"].([]any), map[string]any{"uid": "more"})
		}, "alert rules group", `-      "uid": "more"`},
		"another interval": {func(f *grafanatest.Server) { f.Groups["sales/group"]["interval"] = 10.0 }, "alert rules group", `-  "interval": 10,`},
		"no policy":        {func(f *grafanatest.Server) { delete(f.Policies, "routes") }, "notification policy for hook", `+  "repeat_interval": "4h"`},
		"another address": {func(f *grafanatest.Server) {
			f.Contacts[1]["settings"] = map[string]any{"url": "http://chat.example/T1/0ther"}
		}, "contact point hook", `-    "url": "[redacted ` + secret.New([]byte("http://chat.example/T1/0ther")).ID() + `]"`},
	} {
		t.Run(name, func(t *testing.T) {
			f := grafanatest.New(t)
			push(t, f, sample())
			test.change(f)
			changes, needed := compare(t, f, sample())
			if !slices.Equal(needed, []string{test.want}) {
				t.Fatalf("%q differ, want %s", needed, test.want)
			}
			for _, change := range changes {
				if change.Needed() && !strings.Contains(change.Diff(), "\n"+test.diff+"\n") {
					t.Errorf("%s lacks the line\n%s", change.Diff(), test.diff)
				}
				for _, hidden := range []string{"s3cret", "0ther"} {
					if strings.Contains(change.Diff(), hidden) {
						t.Errorf("the address is shown: %s", change.Diff())
					}
				}
			}
			push(t, f, sample())
			if _, needed := compare(t, f, sample()); len(needed) > 0 {
				t.Errorf("after the push, %q differ", needed)
			}
		})
	}
}

// Other people's folders, boards, contact points and policies stay as they are.
func TestOthersAreLeftAlone(t *testing.T) {
	f := grafanatest.New(t)
	f.Folders["sales"] = grafanatest.Object{"uid": "sales", "title": "Our own title"}
	theirs := map[string]any{"receiver": "email receiver", "object_matchers": []any{[]any{"team", "=", "web"}}, "continue": true}
	f.Policies["routes"] = []any{theirs}
	f.Policies["group_wait"] = "45s"
	push(t, f, sample())
	if title := f.Folders["sales"]["title"]; title != "Our own title" {
		t.Errorf("the folder was renamed to %v", title)
	}
	branches := f.Policies["routes"].([]any)
	if len(branches) != 2 || branches[0].(map[string]any)["receiver"] != "hook" || f.Policies["group_wait"] != "45s" || f.Policies["provenance"] != nil {
		t.Errorf("policies are %v", f.Policies)
	}
	if diff := cmp.Diff(any(theirs), branches[1]); diff != "" {
		t.Error(diff)
	}
	if f.Contacts[0]["name"] != "email receiver" || len(f.Contacts) != 2 {
		t.Errorf("contact points are %v", f.Contacts)
	}
}

// Who manages the policies stays who it was, and what a file manages is not touched.
func TestWhoManagesAThingIsLeftAlone(t *testing.T) {
	f := grafanatest.New(t)
	f.Policies["provenance"] = "api"
	push(t, f, sample())
	if len(f.Policies["routes"].([]any)) != 1 || f.Policies["provenance"] != "api" {
		t.Errorf("policies are %v", f.Policies)
	}
	for name, change := range map[string]func(*grafanatest.Server, *Wanted){
		"notification policy for hook": func(f *grafanatest.Server, _ *Wanted) { f.Policies["provenance"], f.Policies["routes"] = "file", nil },
		"contact point hook": func(f *grafanatest.Server, w *Wanted) {
			f.Contacts[1]["provenance"] = "file"
			w.Contact["type"] = "slack"
		},
		"alert rules group": func(f *grafanatest.Server, w *Wanted) {
			f.Groups["sales/group"]["rules"].([]any)[0].(map[string]any)["provenance"] = "file"
			w.Rules["interval"] = 30.0
		},
	} {
		f := grafanatest.New(t)
		push(t, f, sample())
		wanted := sample()
		change(f, &wanted)
		changes, needed := compare(t, f, wanted)
		if !slices.Equal(needed, []string{name}) {
			t.Errorf("%q differ, want %s", needed, name)
		}
		for _, change := range changes {
			if !change.Needed() {
				continue
			}
			if err := change.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "managed by other means") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestMissingDataSources(t *testing.T) {
	f := grafanatest.New(t)
	f.Sources["right"], f.Sources["other"] = "prometheus", "loki"
	got, err := clientOf(t, f).Missing(t.Context(), []Source{{"right", "prometheus"}, {"other", "prometheus"}, {"none", "mysql"}})
	want := []string{"the data source other is of type loki, not prometheus", "there is no data source with the UID none, of type mysql"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	f.Instead = func(w http.ResponseWriter, _ *http.Request) bool {
		grafanatest.Answer(w, http.StatusForbidden, grafanatest.Object{"message": "Permissions needed: datasources:read"})
		return true
	}
	if _, err := clientOf(t, f).Missing(t.Context(), []Source{{"right", "prometheus"}}); err == nil || !strings.Contains(err.Error(), "datasources:read") {
		t.Errorf("error is %v", err)
	}
}

func TestWithoutContactWhomAlertsTellIsLeftAlone(t *testing.T) {
	f := grafanatest.New(t)
	wanted := sample()
	wanted.Contact = nil
	push(t, f, wanted)
	if len(f.Contacts) != 1 || f.Policies["routes"] != nil || f.Groups["sales/group"] == nil {
		t.Errorf("contact points %v, policies %v, groups %v", f.Contacts, f.Policies, f.Groups)
	}
}

// A board that somebody saves between Compare and Apply is not overwritten.
func TestABoardChangedMeanwhileIsNotOverwritten(t *testing.T) {
	f := grafanatest.New(t)
	push(t, f, sample())
	wanted := sample()
	wanted.Boards[0]["title"] = "New title"
	changes, _ := compare(t, f, wanted)
	meanwhile := sample()
	meanwhile.Boards[0]["title"] = "Saved meanwhile"
	push(t, f, meanwhile)
	err := changes[1].Apply(t.Context())
	if err == nil || !strings.Contains(err.Error(), "board New title") || !strings.Contains(err.Error(), "412") || !strings.Contains(err.Error(), "changed it at the same time") {
		t.Errorf("error is %v", err)
	}
	if title := f.Boards["one"]["dashboard"].(map[string]any)["title"]; title != "Saved meanwhile" {
		t.Errorf("the board is %v", title)
	}
}
