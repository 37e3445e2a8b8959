package ingest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// bomb is a body that costs some readers much more than its megabyte.
type bomb struct{ contentType, body string }

// bombs are tried on whatever reads a body before it is proven.
func bombs() []bomb {
	const size, json, form = 1<<20 - 512, "application/json", "application/x-www-form-urlencoded"
	fill := func(text string) string { return strings.Repeat(text, size/len(text)) }
	mailgun := `{"signature":{"timestamp":"1767225600","token":"` + strings.Repeat("t", 50) + `","signature":"` + strings.Repeat("0", 64) + `"},"event-data":`
	item := `{"NotificationRequestItem":{"amount":{"value":1},"additionalData":{"hmacSignature":"` + strings.Repeat("A", 43) + `="}}}`
	return []bomb{
		{json, fill("[")},
		{json, fill(`{"a":`)},
		{json, fill(`[{"a":`)},
		{json, `{"a":"` + fill("x") + `"}`},
		{json, `{"signature":"` + fill(`\u0041`) + `"}`},
		{json, `{"webhookTimestamp":` + fill("9") + "}"},
		{json, mailgun + fill("[")},
		{json, mailgun + "[" + fill("[],") + "[]]}"},
		{json, `{"signature":{"timestamp":"1767225600","token":"` + strings.Repeat("t", 50) + `","signature":"` + fill("0") + `"}}`},
		{json, `{"notificationItems":[` + strings.TrimSuffix(fill(item+","), ",") + "]}"},
		{json, `{"notificationItems":[` + strings.TrimSuffix(fill(`{"NotificationRequestItem":{}},`), ",") + "]}"},
		{json, `{"notificationItems":[{"NotificationRequestItem":{"amount":{},"pspReference":"` + fill("x") + `","additionalData":{"hmacSignature":"A"}}}]}`},
		{json, `{"notificationItems":` + fill("[")},
		{form, fill("&a=")},
		{form, "a=" + fill("%41")},
		{form, "token=" + fill("+")},
	}
}

// presetVendors writes a vendors.yaml with a vendor for every preset and a secret each, none of which the caller knows,
// into dir and returns its path, and the preset's verifiers with other secrets: a stranger's.
func presetVendors(t *testing.T, dir string) (file string, strangers map[string]signature.Verifier) {
	t.Helper()
	strangers = map[string]signature.Verifier{}
	var yaml strings.Builder
	yaml.WriteString("vendors:\n")
	for _, preset := range vendors.Presets() {
		for _, text := range secretForms(t) {
			stranger, err := signature.New(preset.Signature, []vendors.Key{{ID: "k", Secret: secret.New([]byte(text()))}}, signature.NewCertClient(nil, nil))
			if err != nil {
				continue
			}
			strangers[preset.Name] = stranger
			write(t, filepath.Join(dir, preset.Name), text())
			fmt.Fprintf(&yaml, "  %s: {preset: %s, secrets: ['file:%s']}\n", preset.Name, preset.Name, preset.Name)
			break
		}
		if strangers[preset.Name] == nil {
			t.Logf("%s is left out: no secret that is made here fits it", preset.Name)
		}
	}
	if len(strangers) < 28 {
		t.Fatalf("only %d presets are tried", len(strangers))
	}
	file = filepath.Join(dir, "presets.yaml")
	write(t, file, yaml.String())
	return file, strangers
}

// secretForms make secrets in all forms that schemes ask for, the most particular first.
func secretForms(t *testing.T) []func() string {
	random := func() []byte { b := make([]byte, 32); _, _ = rand.Read(b); return b }
	private := func(key any, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	return []func() string{
		func() string { return "whsec_" + base64.StdEncoding.EncodeToString(random()) },
		func() string { return hex.EncodeToString(random()) },
		func() string { _, key, err := ed25519.GenerateKey(rand.Reader); return private(key, err) },
		func() string { return private(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) },
	}
}

// TestUnprovenBodiesCostLittle: invariants 8 and 9. Nobody who has not proven who they are makes ingest work, whatever
// the preset, within the memory that compose gives it. With -v it prints its figures.
func TestUnprovenBodiesCostLittle(t *testing.T) {
	const atOnce = 64
	t.Setenv("GOMEMLIMIT", "800MiB") // as compose/compose.yaml has it, in a container of 1 GiB
	file, strangers := presetVendors(t, t.TempDir())
	p := newProcess(t, func(o *ingest.Options) { o.Limits.MaxInflight, o.Vendors = 128<<20, file })
	all := bombs()
	for preset, stranger := range strangers {
		var wg sync.WaitGroup
		before, start := p.memory(), p.cpu()
		peak := p.peakMemory()
		for i := range atOnce {
			wg.Go(func() { p.postUnproven(preset, stranger, all[i%len(all)]) })
		}
		wg.Wait()
		highest, cpu := peak(), p.cpu()-start
		t.Logf("%-18s %s before, at most %s during, %s of CPU for each", preset, before, highest, (cpu / atOnce).Round(10*time.Microsecond))
		if raceDetector() { // both are many times as much
			continue
		}
		if highest.resident > before.resident+256 {
			t.Errorf("%s: memory grew from %s to %s", preset, before, highest)
		}
		if cpu/atOnce > 50*time.Millisecond {
			t.Errorf("%s: %s of CPU for each request", preset, cpu/atOnce)
		}
	}
	p.stop()
}

// postUnproven posts a body under the signature that a stranger's secret makes for another.
func (p *process) postUnproven(preset string, stranger signature.Verifier, b bomb) {
	url := "http://" + p.listen + "/webhooks/" + preset
	r := signature.Request{Method: http.MethodPost, URL: url, Header: http.Header{}, Body: []byte(`{"type":1}`), Now: time.Now()}
	if err := stranger.Sign(&r, "evt_1"); err != nil {
		r.Header = http.Header{} // PayPal alone, and bodies that carry their own signature
	}
	r.Header.Set("Content-Type", b.contentType)
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, url, bytes.NewReader([]byte(b.body)))
	if err != nil {
		p.t.Error(err)
		return
	}
	request.Header = r.Header
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Errorf("%s: %v", preset, err)
		return
	}
	_ = answer.Body.Close()
	if answer.StatusCode < 400 || answer.StatusCode >= 500 {
		p.t.Errorf("%s: got %s for a body that nobody signed", preset, answer.Status)
	}
}

// cpu is the processor time that the process has used.
func (p *process) cpu() time.Duration {
	return time.Duration(metric(p.t, "http://"+p.admin, "process_cpu_seconds_total") * float64(time.Second))
}
