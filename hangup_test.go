package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hookline-io/hookline/internal/testkit"
)

// SIGHUP has the local stack read vendors.yaml again, as docs/operating.md says of its parts, and does not end it.
func TestLocalReloadsOnHangup(t *testing.T) {
	const vendor = "  %s:\n    preset: hub\n    secrets: [file:secret]\n"
	s := start(t, "vendors:\n"+fmt.Sprintf(vendor, "acme"), map[string]string{"secret": "a secret for tests"})
	post := func(name string) int {
		response, err := http.Post(s.ingest+"/webhooks/"+name, "application/json", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	if got := post("later"); got != http.StatusNotFound {
		t.Fatalf("a vendor that is not there yet: %d", got)
	}
	write(t, filepath.Join(s.dir, "vendors.yaml"), "vendors:\n"+fmt.Sprintf(vendor, "acme")+fmt.Sprintf(vendor, "later"))
	if err := s.program.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if got := post("later"); got != http.StatusForbidden {
			return fmt.Errorf("the new vendor's endpoint answers %d", got)
		}
		return nil
	})
}
