package ingest_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/schemas"
)

func TestAcceptedDeliveryIsOnKafkaByteForByte(t *testing.T) { // invariants 1 and 2
	s := newStack(t)
	body := "{\"id\":\"evt_1\",\r\n \"type\":\"order.paid\", \"at\":\"2026-01-31T23:30:00+01:00\", \"n\": 1.10, \"x\":\"\\u0000\xff\"}\r\n"
	before := time.Now().Add(-time.Millisecond)
	answer := s.post(s.sign(body))
	if answer.Status != http.StatusOK || strings.TrimSpace(string(answer.Body)) != `{"events":["evt_1"]}` {
		t.Fatalf("got %d %s", answer.Status, answer.Body)
	}
	records := s.events()
	if len(records) != 1 {
		t.Fatalf("got %d records, want 1", len(records))
	}
	e, err := schemas.DecodeEvent(records[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(e.Data) != body {
		t.Errorf("stored %q, want %q", e.Data, body)
	}
	if string(records[0].Key) != "evt_1" || e.Vendor != "acme" || e.Type != "order.paid" || e.KeyID == "" || e.Proof != schemas.ProofBody {
		t.Errorf("got %+v with key %q", e, records[0].Key)
	}
	if want := time.Date(2026, 1, 31, 22, 30, 0, 0, time.UTC); !e.Time.Equal(want) {
		t.Errorf("event time %s, want %s", e.Time, want)
	}
	if e.Received.Before(before.Truncate(time.Millisecond)) || e.Received.After(time.Now()) {
		t.Errorf("received %s is not the time it was received", e.Received)
	}
}

// TestOddHeaders: what a header says of a body in a way of its own changes nothing about it.
func TestOddHeaders(t *testing.T) {
	s := newStack(t)
	for name, edit := range map[string]func(*sender.Signed){
		"charset as content coding": func(d *sender.Signed) { d.Header.Set("Content-Encoding", "UTF-8") },
		"no coding":                 func(d *sender.Signed) { d.Header.Set("Content-Encoding", "Identity") },
		"charset without its name":  func(d *sender.Signed) { d.Header.Set("Content-Type", "application/json; utf-8") },
		"upper case, an empty part": func(d *sender.Signed) { d.Header.Set("Content-Type", "Application/JSON ;") },
		"a suffix":                  func(d *sender.Signed) { d.Header.Set("Content-Type", "application/cloudevents+json; charset=UTF-8") },
	} {
		d := s.sign(`{"id":"evt_1","type":"t"}`)
		edit(&d)
		answer, err := s.sender.Post(t.Context(), d)
		if err != nil || answer.Status != http.StatusOK {
			t.Errorf("%s: %d %s, %v", name, answer.Status, answer.Body, err)
		}
	}
	marked := "\ufeff" + `{"id":"evt_bom","type":"t"}`
	answer, err := s.sender.Post(t.Context(), s.sign(marked))
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("a byte order mark: %d %s, %v", answer.Status, answer.Body, err)
	}
	if !slices.ContainsFunc(s.events(), func(r *kgo.Record) bool { return string(r.Value) == marked }) {
		t.Error("the body with the mark is not stored as it came")
	}
}

// TestBadItemKeepsNoneOut: invariant 1 for a delivery one of whose events has no ID: it is on Kafka too, and says where it stood.
func TestBadItemKeepsNoneOut(t *testing.T) {
	s := newStack(t, func(with *setup) {
		with.vendors = strings.Replace(vendorsYAML, "events: {", "events: {each: '@this', ", 1)
	})
	answer := s.post(s.sign(`[{"id":"b1","type":"t"},{"type":"t","n":2},{"id":"b2","type":"t"}]`))
	if answer.Status != http.StatusOK {
		t.Fatalf("got %d %s", answer.Status, answer.Body)
	}
	found := map[string]string{}
	for _, record := range s.events() {
		event, err := schemas.DecodeEvent(record)
		if err != nil {
			t.Fatal(err)
		}
		found[string(event.Data)] = event.BadID
	}
	want := map[string]string{`{"id":"b1","type":"t"}`: "", `{"type":"t","n":2}`: "event 2: event ID: nothing at id", `{"id":"b2","type":"t"}`: ""}
	if !maps.Equal(found, want) {
		t.Errorf("on Kafka: %v, want %v", found, want)
	}
	wantProblem(t, s.post(s.sign(`[{"type":"t"},{"type":"t"}]`)), 400, "body_malformed")
}

func TestRefusals(t *testing.T) {
	s := newStack(t)
	good := `{"id":"evt_2","type":"t"}`
	with := func(edit func(*sender.Signed)) sender.Signed {
		d := s.sign(good)
		edit(&d)
		return d
	}
	for _, tc := range []struct {
		name   string
		d      sender.Signed
		status int
		reason string
	}{
		{"wrong signature", with(func(d *sender.Signed) { d.Body = []byte(`{"id":"evt_3","type":"t"}`) }), 403, "signature_mismatch"},
		{"no signature", with(func(d *sender.Signed) { d.Header = http.Header{} }), 403, "signature_missing"},
		{"unknown vendor", with(func(d *sender.Signed) { d.URL = s.url + "/webhooks/nobody" }), 404, "unknown_vendor"},
		{"no such path", with(func(d *sender.Signed) { d.URL = s.url + "/elsewhere" }), 404, "no_such_path"},
		{"not JSON", s.sign(`{"id":"evt_4",`), 400, "body_malformed"},
		{"no event ID", s.sign(`{"type":"t"}`), 400, "body_malformed"},
		{"2 MB", s.sign(`{"id":"` + strings.Repeat("x", 2<<20) + `"}`), 413, "body_too_large"},
		{"compressed twice", with(func(d *sender.Signed) { d.Header.Set("Content-Encoding", "utf-8, GZIP") }), 415, "content_type"},
		{"compressed", with(func(d *sender.Signed) { d.Header.Set("Content-Encoding", "gzip") }), 415, "content_type"},
		{"curl's default type", with(func(d *sender.Signed) { d.Header.Set("Content-Type", "application/x-www-form-urlencoded") }), 415, "content_type"},
	} {
		t.Run(tc.name, func(t *testing.T) { wantProblem(t, s.post(tc.d), tc.status, tc.reason) })
	}
	t.Run("2 MB without a length", func(t *testing.T) {
		resp, err := http.Post(s.url+"/webhooks/acme", "application/json", io.MultiReader(strings.NewReader(strings.Repeat(" ", 2<<20))))
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, read(t, resp), 413, "body_too_large")
	})
	t.Run("GET", func(t *testing.T) {
		req, _ := http.NewRequest(http.MethodGet, s.url+"/webhooks/acme", nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, read(t, resp), 405, "method_not_allowed")
	})
	t.Run("slow body", func(t *testing.T) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		fmt.Fprintf(conn, "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		got, _ := io.ReadAll(conn)
		if !bytes.Contains(got, []byte("408 Request Timeout")) || !bytes.Contains(got, []byte("body_too_slow")) {
			t.Errorf("got %q", got)
		}
	})
	// Refusals cost only themselves.
	if answer := s.post(s.sign(good)); answer.Status != http.StatusOK {
		t.Errorf("a good delivery after the refusals got %d %s", answer.Status, answer.Body)
	}
	if records := s.events(); len(records) != 1 {
		t.Errorf("%d records on Kafka, want only the good one", len(records))
	}
}

func TestNo200WithoutTheBroker(t *testing.T) { // invariant 1
	s := newStack(t)
	if answer := s.post(s.sign(`{"id":"before"}`)); answer.Status != http.StatusOK {
		t.Fatalf("with the broker up: %d %s", answer.Status, answer.Body)
	}
	s.broker.Close()
	start := time.Now()
	answer := s.post(s.sign(`{"id":"during"}`))
	wantProblem(t, answer, 500, "not_enqueued")
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("the vendor waited %s for a 500", took)
	}
	if got := s.get(s.admin + "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("readyz says %d while the broker is down", got)
	}
	if got := s.get(s.admin + "/livez"); got != http.StatusOK {
		t.Errorf("livez says %d while the broker is down", got)
	}
	s.startBroker()
	eventually(t, 10*time.Second, func() bool { return s.post(s.sign(`{"id":"after"}`)).Status == http.StatusOK })
}
