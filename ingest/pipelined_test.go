package ingest_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Pipelined requests are all answered, in order.
func TestPipelinedDeliveries(t *testing.T) {
	s := newStack(t)
	var text strings.Builder
	for n := range 3 {
		d := s.sign(fmt.Sprintf(`{"id":"evt_%d"}`, n))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL, strings.NewReader(string(d.Body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = d.Header
		if err := req.Write(&text); err != nil {
			t.Fatal(err)
		}
	}
	whole := text.String()
	for _, cut := range []int{len(whole), len(whole)/3 + 1, 2 * len(whole) / 3} {
		conn := s.dial(whole[:cut])
		answers := bufio.NewReader(conn)
		for n := range 3 {
			if n == 1 {
				_, _ = io.WriteString(conn, whole[cut:])
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatalf("cut at %d of %d, answer %d: %v", cut, len(whole), n, err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := fmt.Sprintf(`{"events":["evt_%d"]}`, n); resp.StatusCode != http.StatusOK || string(body) != want {
				t.Errorf("cut at %d, answer %d: %d %s, want %s", cut, n, resp.StatusCode, body, want)
			}
		}
		conn.Close()
	}
}
