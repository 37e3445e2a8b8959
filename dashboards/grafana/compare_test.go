package grafana

import (
	"context"
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

// Every change made in Grafana's own pages is seen, told in a diff, and undone by a push.
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
	if len(branches) != 2 || branches[0].(map[string]any)["receiver"] != "hook" || f.Policies["group_wait"] != "45s" || f.Policies["provenance"] != "" {
		t.Errorf("policies are %v", f.Policies)
	}
	if diff := cmp.Diff(any(theirs), branches[1]); diff != "" {
		t.Error(diff)
	}
	if f.Contacts[0]["name"] != "email receiver" || len(f.Contacts) != 2 {
		t.Errorf("contact points are %v", f.Contacts)
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

// Every answer that is no success says what was asked, what Grafana said and what to do.
func TestAnswersAreExplained(t *testing.T) {
	say := func(status int, text string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			grafanatest.Answer(w, status, grafanatest.Object{"message": text})
			return true
		}
	}
	page := func(status int, location string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>log in</html>"))
			return true
		}
	}
	for name, test := range map[string]struct {
		instead func(http.ResponseWriter, *http.Request) bool
		want    []string
	}{
		"no permission":   {say(403, "You'll need additional permissions to perform this action. Permissions needed: folders:read"), []string{"GET /api/folders/sales", "403", "folders:read", "role Admin"}},
		"Grafana is ill":  {say(500, "database is locked"), []string{"500", "database is locked", "its log says why"}},
		"by a file":       {say(400, "Cannot save provisioned dashboard"), []string{"comes from a file"}},
		"by other means":  {say(409, "cannot change provenance from 'file' to 'api'"), []string{"managed by other means"}},
		"too often":       {say(429, "slow down"), []string{"try again later"}},
		"another program": {page(404, ""), []string{"404", "Grafana's own address"}},
		"a login page":    {page(302, "https://sso.example/login"), []string{"redirects to https://sso.example/login"}},
		"a page":          {page(200, ""), []string{"text/html", "not JSON"}},
		"something else":  {say(418, ""), []string{"418", "Grafana 12"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := grafanatest.New(t)
			f.Instead = test.instead
			_, err := clientOf(t, f).Compare(t.Context(), sample())
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), grafanatest.Token) {
					t.Errorf("%v lacks %q", err, want)
				}
			}
		})
	}
	t.Run("a wrong token", func(t *testing.T) {
		client, err := New(grafanatest.New(t).URL, secret.New([]byte("wrong")))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = client.Compare(t.Context(), sample()); err == nil || !strings.Contains(err.Error(), "does not accept the token") || strings.Contains(err.Error(), "wrong") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		f := grafanatest.New(t)
		f.Close()
		if _, err := clientOf(t, f).Compare(t.Context(), sample()); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := clientOf(t, grafanatest.New(t)).Compare(ctx, sample()); err == nil || !strings.Contains(err.Error(), "canceled") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://grafana.example.com": true, "http://127.0.0.1:3000/": true, "https://example.com/grafana": true,
		"": false, "grafana.example.com": false, "ftp://grafana.example.com": false, "https://": false, "https://admin:hunter2@grafana.example.com": false, "://hunter2": false,
	} {
		_, err := New(address, secret.Value{})
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A Grafana behind a path, and IDs with characters that mean something in a path.
func TestPathsAreEscaped(t *testing.T) {
	f := grafanatest.New(t)
	outer := http.NewServeMux()
	outer.Handle("/monitoring/grafana/", http.StripPrefix("/monitoring/grafana", f.Config.Handler))
	f.Config.Handler = outer
	client, err := New(f.URL+"/monitoring/grafana/", secret.New([]byte(grafanatest.Token)))
	if err != nil {
		t.Fatal(err)
	}
	wanted := sample()
	wanted.Folder.UID = "a/b?c"
	changes, err := client.Compare(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		if err := change.Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if f.Folders["a/b?c"] == nil || f.Groups["a/b?c/group"] == nil {
		t.Errorf("folders %v, groups %v", f.Folders, f.Groups)
	}
}
