package ingest_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestTLS(t *testing.T) {
	authority := testkit.NewAuthority(t)
	pair, next := authority.Issue(t, []string{"127.0.0.1"}), authority.Issue(t, []string{"127.0.0.1", "next.example.com"})
	s := newStack(t, func(with *setup) { with.options.TLS.Cert, with.options.TLS.Key = pair.Cert, pair.Key })
	config, err := vendors.Load(s.dir+"/vendors.yaml", vendors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	client := func(edit func(*tls.Config)) *http.Client {
		config := &tls.Config{RootCAs: authority.Pool()}
		if edit != nil {
			edit(config)
		}
		return &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DisableKeepAlives: true}, Timeout: 5 * time.Second}
	}
	url := strings.Replace(s.url, "http://", "https://", 1)
	post := func(c *http.Client, id string) (*http.Response, error) {
		vendor, err := sender.New(url, config, c)
		if err != nil {
			t.Fatal(err)
		}
		d, err := vendor.Sign(sender.Delivery{Vendor: "acme", Body: []byte(`{"id":"` + id + `","type":"t"}`)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL, strings.NewReader(string(d.Body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = d.Header
		resp, err := c.Do(req)
		if err == nil {
			defer resp.Body.Close()
			if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
				err = fmt.Errorf("%s: %s", resp.Status, text)
			}
		}
		return resp, err
	}
	resp, err := post(client(nil), "evt_1")
	if err != nil {
		t.Fatal(err)
	}
	if resp.TLS == nil || resp.ProtoMajor != 1 {
		t.Errorf("answered over %s, TLS %v", resp.Proto, resp.TLS)
	}
	if _, err := post(client(func(c *tls.Config) { c.RootCAs = testkit.NewAuthority(t).Pool() }), "evt_2"); err == nil {
		t.Error("a stranger to the authority is served")
	}
	if _, err := post(client(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }), "evt_3"); err == nil {
		t.Error("TLS 1.1 is taken")
	}
	plain, err := http.Post(s.url+"/webhooks/acme", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP gets %d", plain.StatusCode)
	}
	if n := len(s.events()); n != 1 {
		t.Errorf("%d events on Kafka, want 1", n)
	}
	metrics, err := http.Get(s.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	if text, _ := io.ReadAll(metrics.Body); !strings.Contains(string(text), "\nhookline_ingest_certificate_expiry_timestamp_seconds 1.") {
		t.Error("the metrics do not say when the certificate expires")
	}

	// A certificate that is replaced is taken by the next connection.
	for from, to := range map[string]string{next.Cert: pair.Cert, next.Key: pair.Key} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(time.Second)
		if err := os.Chtimes(to, later, later); err != nil {
			t.Fatal(err)
		}
	}
	resp, err = post(client(nil), "evt_4")
	if err != nil {
		t.Fatal(err)
	}
	if names := resp.TLS.PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != "next.example.com" {
		t.Errorf("the certificate is for %v still", names)
	}
}
