package ingest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnswers: a vendor that insists on a status or a body gets it, and the event is enqueued all the same.
func TestAnswers(t *testing.T) {
	s := newStack(t, func(with *setup) {
		with.vendors = `
vendors:
  books:
    preset: xero
    secrets: [file:secret]
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
	if answer := s.post(s.signAs("cloud", `{"id":"1"}`, time.Now())); answer.Status != http.StatusOK || string(answer.Body) != `{"code":0}` {
		t.Errorf("a body of its own: %d %q", answer.Status, answer.Body)
	}
	if events := s.events(); len(events) != 2 {
		t.Errorf("%d events on Kafka, want 2", len(events))
	}
}
