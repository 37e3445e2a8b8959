package ingest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hookline-io/hookline/schemas"
)

// Memory is used again from one delivery to the next: what one says must never turn up in another.
func TestDeliveriesAtOnceKeepApart(t *testing.T) {
	s := newStack(t)
	const senders, each = 16, 60
	body := func(sender, n int) string {
		return fmt.Sprintf(`{"id":"evt_%d_%d","type":"%s"}`, sender, n, strings.Repeat(string(rune('a'+sender)), 1+(sender*n*97)%200)) +
			strings.Repeat(" ", (sender*n*n*389)%3000)
	}
	var posting sync.WaitGroup
	for sender := range senders {
		posting.Go(func() {
			for n := range each {
				answer, err := s.sender.Post(t.Context(), s.sign(body(sender, n)))
				if want := fmt.Sprintf(`{"events":["evt_%d_%d"]}`, sender, n); err != nil || string(answer.Body) != want {
					t.Errorf("got %s, %v, want %s", answer.Body, err, want)
				}
			}
		})
	}
	posting.Wait()
	found := map[string]schemas.Event{}
	for _, r := range s.events() {
		event, err := schemas.DecodeEvent(r)
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Key) != event.ID {
			t.Errorf("the record of %s has the key %s", event.ID, r.Key)
		}
		found[event.ID] = event
	}
	for sender := range senders {
		for n := range each {
			want := body(sender, n)
			got := found[fmt.Sprintf("evt_%d_%d", sender, n)]
			if string(got.Data) != want || !strings.Contains(want, `"type":"`+got.Type+`"`) {
				t.Errorf("event %d of sender %d: %+v", n, sender, got)
			}
		}
	}
}
