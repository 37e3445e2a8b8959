package ingest_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOptions: CloudEvents' question whether deliveries are wanted is answered where it is configured, to the origin named there.
func TestOptions(t *testing.T) {
	s := newStack(t, func(with *setup) {
		with.vendors = `
vendors:
  grid:
    secrets: [file:secret]
    signature: {scheme: token, at: "query:token"}
    answers: {origin: eventgrid.azure.net}
    limits: {rate: 2, burst: 10}
    events: {id: id}
  other:
    secrets: [file:secret]
    signature: {scheme: token, at: "query:token"}
    events: {id: id}
`
	})
	ask := func(vendor, origin string) *http.Response {
		r, err := http.NewRequest(http.MethodOptions, s.url+"/webhooks/"+vendor, nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("WebHook-Request-Origin", origin)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	yes := ask("grid", "eventgrid.azure.net")
	if yes.StatusCode != http.StatusOK || yes.Header.Get("WebHook-Allowed-Origin") != "eventgrid.azure.net" || yes.Header.Get("WebHook-Allowed-Rate") != "120" {
		t.Errorf("%d %v", yes.StatusCode, yes.Header)
	}
	for what, c := range map[string]struct {
		vendor, origin string
		status         int
	}{
		"another origin":      {"grid", "evil.example", http.StatusForbidden},
		"no origin":           {"grid", "", http.StatusForbidden},
		"a vendor without it": {"other", "eventgrid.azure.net", http.StatusMethodNotAllowed},
	} {
		if got := ask(c.vendor, c.origin); got.StatusCode != c.status || got.Header.Get("WebHook-Allowed-Origin") != "" {
			t.Errorf("%s: %d %v, want %d", what, got.StatusCode, got.Header, c.status)
		}
	}
}

// TestAnswers: a vendor that insists on a status or a body gets it, and the event is enqueued all the same.
func TestAnswers(t *testing.T) {
	s := newStack(t, func(with *setup) {
		write(t, filepath.Join(filepath.Dir(with.options.Vendors), "login"), "user:password")
		with.vendors = `
vendors:
  books:
    preset: xero
    secrets: [file:secret]
  login:
    secrets: [file:login]
    signature: {scheme: basic}
    events: {id: id}
  cloud:
    secrets: [file:secret]
    signature: {scheme: hmac, header: X-Signature}
    answers: {accepted: {type: application/json, body: '{"code":0}'}}
    events: {id: id}
`
	})
	const books = `{"events":[{"resourceId":"r","eventDateUtc":"2017-06-21T01:15:39.902","eventType":"UPDATE","eventCategory":"CONTACT"}]}`
	good := s.signAs("books", books, time.Now())
	if answer := s.post(good); answer.Status != http.StatusOK || len(answer.Body) != 0 {
		t.Errorf("a good delivery: %d %q, want 200 without a body", answer.Status, answer.Body)
	}
	good.Body = []byte(strings.Replace(books, "UPDATE", "CREATE", 1))
	if answer := s.post(good); answer.Status != http.StatusUnauthorized {
		t.Errorf("a bad signature: %d %q, want 401", answer.Status, answer.Body)
	}
	login, err := http.Post(s.url+"/webhooks/login", "application/json", strings.NewReader(`{"id":"1"}`))
	if err != nil {
		t.Fatal(err)
	}
	login.Body.Close()
	if login.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(login.Header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("without a password: %d %v, want 401 and a question for it", login.StatusCode, login.Header)
	}
	if answer := s.post(s.signAs("cloud", `{"id":"1"}`, time.Now())); answer.Status != http.StatusOK || string(answer.Body) != `{"code":0}` {
		t.Errorf("a body of its own: %d %q", answer.Status, answer.Body)
	}
	if events := s.events(); len(events) != 2 {
		t.Errorf("%d events on Kafka, want 2", len(events))
	}
}
