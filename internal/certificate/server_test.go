package certificate_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/internal/certificate"
	"github.com/hookline-io/hookline/internal/testkit"
)

// replace puts one pair's files in the place of another's, with a time that tells them apart on any file system.
func replace(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	temp := to + ".new"
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		t.Fatal(err)
	}
	stamped = stamped.Add(time.Second)
	if err := os.Chtimes(temp, stamped, stamped); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, to); err != nil {
		t.Fatal(err)
	}
}

var stamped = time.Now()

func TestServerTakesANewCertificateAsItIsReplaced(t *testing.T) {
	authority := testkit.NewAuthority(t)
	old, fresh := authority.Issue(t, []string{"old"}), authority.Issue(t, []string{"new"})
	var log bytes.Buffer
	s, err := certificate.NewServer(old.Cert, old.Key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serves := func(name string) {
		t.Helper()
		pair, err := s.Config().GetCertificate(&tls.ClientHelloInfo{})
		if err != nil || pair.Leaf.Subject.CommonName != name {
			t.Errorf("serves %v (%v), want %s", pair.Leaf.Subject, err, name)
		}
	}
	serves("old")
	replace(t, fresh.Cert, old.Cert)
	for range 10 {
		serves("old") // its key is not there yet
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("complained %d times, want once: %s", n, log.String())
	}
	replace(t, fresh.Key, old.Key)
	serves("new")
	if err := os.Remove(old.Cert); err != nil {
		t.Fatal(err)
	}
	serves("new")
	if !strings.Contains(log.String(), "certificate replaced") || s.Expires().Before(time.Now()) {
		t.Errorf("logged %s", log.String())
	}
}

func TestServerFilesThatDoNotFit(t *testing.T) {
	authority := testkit.NewAuthority(t)
	one, other := authority.Issue(t, []string{"a"}), authority.Issue(t, []string{"b"})
	for _, test := range []struct{ cert, key, want string }{
		{one.Cert, "", "go together"}, {"", one.Key, "go together"}, {"/not/there", one.Key, "no such file"},
		{one.Cert, other.Key, "does not match"}, {one.Key, one.Key, "--tls-cert"},
	} {
		if _, err := certificate.NewServer(test.cert, test.key, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: got %v, want %q", test.cert, test.key, err, test.want)
		}
	}
}
