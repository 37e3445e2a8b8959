package ingest_test

import (
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// A secret is rotated with no delivery refused: both are live for a while, and which one verified an event is
// recorded by its ID.
func TestSecretsAreRotatedOnSIGHUP(t *testing.T) {
	s := newStack(t)
	file := filepath.Join(s.dir, "vendors.yaml")
	oldSender := s.sender
	post := func(from *sender.Sender, id string) int {
		signed, err := from.Sign(sender.Delivery{Vendor: "acme", Body: []byte(`{"id":"` + id + `"}`)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return s.post(signed).Status
	}
	hangup := func() {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	newSender := func(secret string) *sender.Sender {
		write(t, filepath.Join(s.dir, "new"), secret)
		config, err := vendors.Parse("new.yaml", []byte("vendors: {acme: {preset: hub, secrets: ['file:"+filepath.Join(s.dir, "new")+"']}}"), vendors.Options{Schemes: signature.Names()})
		if err != nil {
			t.Fatal(err)
		}
		out, err := sender.New(s.url, config, http.DefaultClient)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}("a newer secret")

	if got := post(newSender, "early"); got != http.StatusForbidden {
		t.Errorf("the new secret before it is configured: %d", got)
	}
	write(t, file, "vendors:\n  acme:\n    preset: hub\n    secrets: [file:secret, file:new]\n")
	hangup()
	eventually(t, 30*time.Second, func() bool { return post(newSender, "new") == http.StatusOK })
	if got := post(oldSender, "old"); got != http.StatusOK {
		t.Errorf("the old secret while both are live: %d", got)
	}

	write(t, file, "vendors:\n  acme:\n    preset: nonsense\n") // changes nothing
	hangup()
	for range 20 {
		if got := post(oldSender, "still"); got != http.StatusOK {
			t.Fatalf("after a bad file: %d", got)
		}
	}

	write(t, file, "vendors:\n  acme:\n    preset: hub\n    secrets: [file:new]\n")
	hangup()
	eventually(t, 30*time.Second, func() bool { return post(oldSender, "late") == http.StatusForbidden })

	keys := map[string]string{}
	for _, r := range s.events() {
		e, err := schemas.DecodeEvent(r)
		if err != nil {
			t.Fatal(err)
		}
		keys[e.ID] = e.KeyID
	}
	if keys["old"] == "" || keys["new"] == "" || keys["old"] == keys["new"] {
		t.Errorf("key IDs %v do not tell the secrets apart", keys)
	}
}
