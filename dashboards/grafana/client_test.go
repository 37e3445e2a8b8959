package grafana

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/dashboards/grafana/grafanatest"
	"github.com/hookline-io/hookline/internal/secret"
)

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
		"refreshed often": {say(400, "Dashboard refresh interval is too low"), []string{"min_refresh_interval"}},
		"by other means":  {say(409, "cannot change provenance from 'file' to 'api'"), []string{"managed by other means"}},
		"too often":       {say(429, "slow down"), []string{"try again later"}},
		"another program": {page(404, ""), []string{"404", "Grafana's own address"}},
		"a login page":    {page(302, "https://sso.example/login"), []string{"redirects to https://sso.example/login"}},
		"a page":          {page(200, ""), []string{"text/html", "not JSON"}},
		"something else":  {say(418, ""), []string{"418", "Grafana 11"}},
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
