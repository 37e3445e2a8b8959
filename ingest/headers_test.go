package ingest_test

import (
	"net/http"
	"strings"
	"testing"
)

// Of a request's headers only those that the vendor's configuration reads get any further: what authenticates it, or
// follows somebody around, stays out of Kafka (invariant 7).
func TestInvariant7_HeadersOfARequestStayOutOfKafka(t *testing.T) {
	s := newStack(t)
	d := s.sign(`{"id":"evt_1","type":"t"}`)
	private := map[string]string{
		"Authorization": "Bearer abc-private", "Proxy-Authorization": "Basic abc-private", "Cookie": "session=abc-private", "X-Api-Key": "abc-private",
		"X-Forwarded-For": "203.0.113.7", "User-Agent": "abc-private", "Referer": "https://abc-private", "Ce-Id": "abc-private", "Ce_Traceparent": "abc-private",
	}
	for name, value := range private {
		d.Header.Set(name, value)
	}
	if answer := s.post(d); answer.Status != http.StatusOK {
		t.Fatalf("got %d %s", answer.Status, answer.Body)
	}
	records := s.events()
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	signature := strings.TrimPrefix(d.Header.Get("X-Hub-Signature-256"), "sha256=")
	if signature == "" {
		t.Fatal("the delivery is not signed")
	}
	known := map[string]bool{"ce_specversion": true, "ce_id": true, "ce_source": true, "ce_type": true, "ce_time": true, "content-type": true, "ce_keyid": true, "ce_proof": true}
	for _, h := range records[0].Headers {
		if value := string(h.Value); !known[h.Key] || strings.Contains(value, "private") || strings.Contains(value, "203.0.113") || strings.Contains(value, signature) || strings.Contains(value, theSecret) {
			t.Errorf("the record has the header %s: %q", h.Key, value)
		}
	}
}
