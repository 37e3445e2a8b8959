// Package grafanatest plays a Grafana to tests. It is none: it does what the documentation and source of Grafana 11, 12 and
// 13 say (pkg/api/dashboard.go and folder.go, pkg/services/dashboards/errors.go, pkg/services/ngalert/api/api_provisioning.go,
// pkg/services/ngalert/provisioning). What matters here: boards have versions and a stale one is refused; rules,
// contact points and policies come back with fields that were not written; policies must name contact points that
// exist; who manages a thing, its provenance, cannot be changed from a file to the API; errors are JSON with a
// message.
package grafanatest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Token is the only one that the server accepts.
const Token = "glsa_test"

// Object is a JSON object.
type Object = map[string]any

// Server plays a Grafana.
type Server struct {
	*httptest.Server
	Folders  map[string]Object // by UID
	Boards   map[string]Object // dashboard and folderUid, by UID
	Groups   map[string]Object // alert rules, by folder/title
	Contacts []Object
	Policies Object
	Sources  map[string]string // types of data sources, by UID
	Version  string            // 12.3.1 unless set
	// Instead answers in the server's place where it returns true.
	Instead func(w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	writes []string
}

// New starts a server as Grafana is when new; it ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	f := &Server{
		Folders: map[string]Object{}, Boards: map[string]Object{}, Groups: map[string]Object{},
		Contacts: []Object{{"uid": "", "name": "email receiver", "type": "email", "settings": Object{"addresses": "<example@email.com>"}}},
		Policies: Object{"receiver": "email receiver", "group_by": []any{"grafana_folder", "alertname"}},
		Sources:  map[string]string{}, Version: "12.3.1",
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		Answer(w, http.StatusOK, Object{"database": "ok", "version": f.Version})
	})
	mux.HandleFunc("GET /api/folders/{uid}", func(w http.ResponseWriter, r *http.Request) {
		f.one(w, f.Folders[r.PathValue("uid")], "folder not found")
	})
	mux.HandleFunc("POST /api/folders", f.postFolder)
	mux.HandleFunc("GET /api/dashboards/uid/{uid}", f.getBoard)
	mux.HandleFunc("POST /api/dashboards/db", f.postBoard)
	mux.HandleFunc("GET /api/datasources/uid/{uid}", f.getSource)
	mux.HandleFunc("GET /api/v1/provisioning/folder/{folder}/rule-groups/{group}", func(w http.ResponseWriter, r *http.Request) {
		f.one(w, f.Groups[r.PathValue("folder")+"/"+r.PathValue("group")], "alert rule group not found")
	})
	mux.HandleFunc("PUT /api/v1/provisioning/folder/{folder}/rule-groups/{group}", f.putRules)
	mux.HandleFunc("GET /api/v1/provisioning/alert-rules", f.getRules)
	mux.HandleFunc("GET /api/v1/provisioning/contact-points",
		func(w http.ResponseWriter, _ *http.Request) { Answer(w, http.StatusOK, f.Contacts) })
	mux.HandleFunc("POST /api/v1/provisioning/contact-points", f.postContact)
	mux.HandleFunc("PUT /api/v1/provisioning/contact-points/{uid}", f.putContact)
	mux.HandleFunc("GET /api/v1/provisioning/policies",
		func(w http.ResponseWriter, _ *http.Request) { Answer(w, http.StatusOK, f.Policies) })
	mux.HandleFunc("PUT /api/v1/provisioning/policies", f.putPolicies)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer "+Token {
			message(w, http.StatusUnauthorized, "Invalid API key")
			return
		}
		if f.Instead != nil && f.Instead(w, r) {
			return
		}
		if r.Method != http.MethodGet {
			f.writes = append(f.writes, r.Method+" "+r.URL.EscapedPath())
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// Writes returns the method and path of every request to change something since it was last called.
func (f *Server) Writes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	writes := f.writes
	f.writes = nil
	return writes
}

// Answer writes body as JSON.
func Answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func message(w http.ResponseWriter, status int, text string) {
	Answer(w, status, Object{"message": text})
}

func text(object Object, key string) string {
	text, _ := object[key].(string)
	return text
}

func body(r *http.Request) Object {
	var out Object
	if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
		return Object{}
	}
	return out
}

func (f *Server) one(w http.ResponseWriter, found Object, otherwise string) {
	if found == nil {
		message(w, http.StatusNotFound, otherwise)
		return
	}
	Answer(w, http.StatusOK, found)
}

func (f *Server) postFolder(w http.ResponseWriter, r *http.Request) {
	folder := body(r)
	if f.Folders[text(folder, "uid")] != nil {
		message(w, http.StatusConflict, "a folder/dashboard with the same uid already exists")
		return
	}
	f.Folders[text(folder, "uid")] = folder
	Answer(w, http.StatusOK, folder)
}

func (f *Server) getSource(w http.ResponseWriter, r *http.Request) {
	kind, ok := f.Sources[r.PathValue("uid")]
	if !ok {
		message(w, http.StatusNotFound, "Data source not found")
		return
	}
	Answer(w, http.StatusOK, Object{"id": 1.0, "uid": r.PathValue("uid"), "type": kind, "access": "proxy"})
}

func (f *Server) getBoard(w http.ResponseWriter, r *http.Request) {
	found := f.Boards[r.PathValue("uid")]
	if found == nil {
		message(w, http.StatusNotFound, "Dashboard not found")
		return
	}
	meta := Object{"folderUid": found["folderUid"], "canSave": true, "provisioned": found["provisioned"] == true}
	model := found["dashboard"]
	switch v2 := found["v2"]; {
	case v2 == nil:
	case !f.converts():
		message(w, http.StatusNotAcceptable, "dashboard api version not supported, use /apis/dashboard.grafana.app/v2alpha1/namespaces/default/dashboards/"+r.PathValue("uid")+" instead")
		return
	case r.URL.Query().Get("apiVersion") != "v0alpha1": // as it is stored
		model = v2
	}
	Answer(w, http.StatusOK, Object{"dashboard": model, "meta": meta})
}

// converts says whether it stores boards in any schema and converts them, as Grafana 13 does.
func (f *Server) converts() bool { return strings.HasPrefix(f.Version, "13.") }

// SaveInV2 is what a person does who changes a board in the pages of a Grafana that has the v2 schema.
func (f *Server) SaveInV2(uid, title string) {
	model := f.Boards[uid]["dashboard"].(Object)
	version, _ := model["version"].(float64)
	model["title"], model["version"] = title, version+1
	f.Boards[uid]["v2"] = Object{"uid": uid, "version": version + 1, "title": title, "elements": Object{},
		"layout": Object{"kind": "GridLayout"}}
}

func (f *Server) postBoard(w http.ResponseWriter, r *http.Request) {
	sent := body(r)
	model, _ := sent["dashboard"].(Object)
	uid, _ := model["uid"].(string)
	if f.Folders[text(sent, "folderUid")] == nil {
		message(w, http.StatusBadRequest, "folder not found")
		return
	}
	if model["elements"] != nil {
		message(w, http.StatusBadRequest, "This looks like a v2 spec: it should include an explicit 'apiVersion' and move the body into a 'spec' element")
		return
	}
	version := 0.0
	if found := f.Boards[uid]; found != nil {
		if found["provisioned"] == true {
			message(w, http.StatusBadRequest, "Cannot save provisioned dashboard")
			return
		}
		version, _ = found["dashboard"].(Object)["version"].(float64)
		if sent["overwrite"] != true && model["version"] != version {
			if f.converts() {
				message(w, http.StatusConflict, "Dashboard already exists. Use overwrite flag to update.")
				return
			}
			Answer(w, http.StatusPreconditionFailed,
				Object{"status": "version-mismatch", "message": "The dashboard has been changed by someone else"})
			return
		}
	}
	model["version"], model["id"] = version+1, 7.0
	f.Boards[uid] = Object{"dashboard": model, "folderUid": sent["folderUid"]}
	Answer(w, http.StatusOK, Object{"id": 7.0, "uid": uid, "url": "/d/" + uid, "status": "success", "version": version + 1,
		"folderUid": sent["folderUid"]})
}

// provenance is who manages what a request writes.
func provenance(r *http.Request) string {
	if r.Header.Get("X-Disable-Provenance") != "" {
		return ""
	}
	return "api"
}

// managed refuses to take over what somebody else manages. Only what the API manages may be given back to people.
func managed(w http.ResponseWriter, r *http.Request, stored string) bool {
	if to := provenance(r); stored != "" && stored != to && (stored != "api" || to != "") {
		message(w, http.StatusConflict, fmt.Sprintf("cannot change provenance from '%s' to '%s'", stored, to))
		return true
	}
	return false
}

// putRules stores rules as Grafana does, with what it adds to them.
func (f *Server) putRules(w http.ResponseWriter, r *http.Request) {
	group := body(r)
	if found, ok := f.Groups[r.PathValue("folder")+"/"+r.PathValue("group")]; ok {
		for _, rule := range found["rules"].([]any) {
			if managed(w, r, text(rule.(Object), "provenance")) {
				return
			}
		}
	}
	if f.Folders[r.PathValue("folder")] == nil {
		message(w, http.StatusBadRequest, "folder not found")
		return
	}
	rules, _ := group["rules"].([]any)
	for i, entry := range rules {
		rule := entry.(Object)
		rule["id"], rule["updated"], rule["isPaused"], rule["provenance"], rule["keep_firing_for"] = float64(i), "2026-11-24T00:00:00Z", false, provenance(r), "0s"
		for _, query := range rule["data"].([]any) {
			query := query.(Object)
			query["queryType"] = ""
			model := query["model"].(Object)
			model["intervalMs"], model["maxDataPoints"] = 1000.0, 43200.0
		}
	}
	f.Groups[r.PathValue("folder")+"/"+r.PathValue("group")] = group
	Answer(w, http.StatusOK, group)
}

func (f *Server) getRules(w http.ResponseWriter, _ *http.Request) {
	all := []any{}
	for _, group := range f.Groups {
		rules, _ := group["rules"].([]any)
		all = append(all, rules...)
	}
	Answer(w, http.StatusOK, all)
}

func (f *Server) postContact(w http.ResponseWriter, r *http.Request) {
	point := body(r)
	point["disableResolveMessage"], point["provenance"] = false, provenance(r)
	f.Contacts = append(f.Contacts, point)
	Answer(w, http.StatusAccepted, point)
}

func (f *Server) putContact(w http.ResponseWriter, r *http.Request) {
	point := body(r)
	at := slices.IndexFunc(f.Contacts, func(c Object) bool { return c["uid"] == r.PathValue("uid") })
	if at < 0 {
		message(w, http.StatusNotFound, "contact point not found")
		return
	}
	if managed(w, r, text(f.Contacts[at], "provenance")) {
		return
	}
	maps.Copy(f.Contacts[at], point)
	message(w, http.StatusAccepted, "contactpoint updated")
}

func (f *Server) putPolicies(w http.ResponseWriter, r *http.Request) {
	tree := body(r)
	branches, _ := tree["routes"].([]any)
	for _, branch := range append([]any{tree}, branches...) {
		name := branch.(Object)["receiver"]
		if !slices.ContainsFunc(f.Contacts, func(c Object) bool { return c["name"] == name }) {
			message(w, http.StatusBadRequest, "invalid object specification: receiver does not exist")
			return
		}
	}
	if managed(w, r, text(f.Policies, "provenance")) {
		return
	}
	if tree["provenance"] = provenance(r); tree["provenance"] == "" {
		delete(tree, "provenance")
	}
	f.Policies = tree
	message(w, http.StatusAccepted, "policies updated")
}
