package grafana

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/dashboards/grafana/grafanatest"
)

// One push suits all versions, and so does a second, after somebody changed a board meanwhile.
func TestEveryVersionTakesThePush(t *testing.T) {
	for _, version := range []string{"11.6.0", "12.3.1", "13.3.0"} {
		f := grafanatest.New(t)
		f.Version = version
		if said, err := clientOf(t, f).Version(t.Context()); err != nil || said != version {
			t.Errorf("version is %q, %v", said, err)
		}
		push(t, f, sample())
		if _, needed := compare(t, f, sample()); len(needed) > 0 {
			t.Errorf("Grafana %s: after the push, %q differ", version, needed)
		}
		wanted := sample()
		wanted.Boards[0]["title"] = "New title"
		changes, _ := compare(t, f, wanted)
		push(t, f, wanted)
		wanted.Boards[0]["title"] = "Newer title"
		if err := changes[1].Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "changed it at the same time") {
			t.Errorf("Grafana %s: error is %v", version, err)
		}
	}
}

// A board that a person saved in the v2 schema is compared in the classic one, and pushed over. Where Grafana cannot give
// it back so, the error says what to do, and nothing is written.
func TestABoardSavedInV2(t *testing.T) {
	f := grafanatest.New(t)
	f.Version = "13.3.0"
	push(t, f, sample())
	f.SaveInV2("one", "mine")
	changes, needed := compare(t, f, sample())
	if !slices.Equal(needed, []string{"board One"}) || !strings.Contains(changes[1].Diff(), `-    "title": "mine"`) || strings.Contains(changes[1].Diff(), "elements") {
		t.Errorf("%q differ: %s", needed, changes[1].Diff())
	}
	push(t, f, sample())
	if _, needed := compare(t, f, sample()); len(needed) > 0 || f.Boards["one"]["v2"] != nil {
		t.Errorf("after the push, %q differ", needed)
	}

	f = grafanatest.New(t)
	push(t, f, sample())
	f.SaveInV2("one", "mine")
	f.Writes()
	_, err := clientOf(t, f).Compare(t.Context(), sample())
	if err == nil || !strings.Contains(err.Error(), "406") || !strings.Contains(err.Error(), "delete the board in Grafana and push again") {
		t.Errorf("error is %v", err)
	}
	if wrote := f.Writes(); len(wrote) > 0 {
		t.Errorf("wrote %q", wrote)
	}
}

// A proxy that keeps the health to itself is an error, which a push does not mind.
func TestVersionBehindAProxy(t *testing.T) {
	f := grafanatest.New(t)
	f.Instead = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/health" {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	if version, err := clientOf(t, f).Version(t.Context()); err == nil || version != "" {
		t.Errorf("version is %q, %v", version, err)
	}
	push(t, f, sample())
}
