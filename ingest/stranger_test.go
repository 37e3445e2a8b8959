package ingest_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline-io/hookline/internal/testkit"
)

// strangers are requests of people who have no secret: to each scheme, by each method, with every part missing, doubled, huge or
// nonsense.
func strangers(vendors []string) []string {
	var out []string
	add := func(method, path, header, body string) {
		out = append(out, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s", method, path, header, len(body), body))
	}
	signature := strings.Repeat("0a", 32)
	headers := []string{
		"", "Content-Type: application/json\r\n", "Content-Type: application/x-www-form-urlencoded\r\n", "Content-Encoding: gzip\r\n",
		"X-Forwarded-For: evil\r\nX-Forwarded-Proto: https\r\n",
		"X-Hub-Signature-256: sha256=" + signature + "\r\n", "X-Hub-Signature: sha256=" + signature + "\r\n",
		"X-Hub-Signature-256: sha256=" + signature + "\r\nX-Hub-Signature-256: sha256=" + signature + "\r\n",
		"Stripe-Signature: t=1,v1=" + signature + "\r\n", "Webhook-Id: a\r\nWebhook-Timestamp: 1\r\nWebhook-Signature: v1," + signature + "\r\n",
		"X-Twilio-Signature: AAAA\r\nContent-Type: application/x-www-form-urlencoded\r\n", "Authorization: Basic AAAA\r\n",
		"Paypal-Transmission-Id: a\r\nPaypal-Transmission-Time: b\r\nPaypal-Auth-Algo: SHA256withRSA\r\nPaypal-Transmission-Sig: " +
			strings.Repeat("AAAA", 86) + "\r\nPaypal-Cert-Url: https://api.paypal.com.invalid/v1/notifications/certs/C\r\n",
	}
	bodies := []string{
		"", "{}", "[", strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 50_000), "webhook_id=1", `{"signature":{"timestamp":"1","token":"x","signature":"y"}}`,
		`{"notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":"AAAA"},"pspReference":"p"}}]}`,
		`{"type":"url_verification","challenge":"x"}`, `{"event":"endpoint.url_validation","payload":{"plainToken":"x"}}`, "\x00\xff\xfe", "a=1&a=2&%zz",
	}
	for _, vendor := range append(slices.Clone(vendors), "nobody", "..", "%00", strings.Repeat("x", 2000)) {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "X"} {
			for _, query := range []string{"", "?hub.mode=subscribe&hub.challenge=x&hub.verify_token=guess", "?hub.mode=subscribe", "?%zz"} {
				add(method, "/webhooks/"+vendor+query, "", "")
			}
		}
		for _, header := range headers {
			for _, body := range bodies {
				add("POST", "/webhooks/"+vendor, header, body)
			}
		}
	}
	for _, path := range []string{"/", "/metrics", "/webhooks", "/webhooks/", "/webhooks/acme/", "//webhooks/acme", "/webhooks/acme/more", "/debug/pprof/", "*"} {
		add("POST", path, "", "{}")
		add("GET", path, "", "")
	}
	return append(out,
		"POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n",
		"POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
	)
}

// No stranger causes a 5xx, which would raise an alert, nor a line in the log for each request, nor more series, records or memory.
func TestStrangersCauseNothing(t *testing.T) {
	var file strings.Builder
	file.WriteString("vendors:\n")
	presets := []string{
		"adyen", "discord", "flutterwave-v3", "github", "hub", "hubspot", "linear", "mailgun", "meta", "paypal", "sendgrid", "shopify", "slack",
		"square", "standard-webhooks", "stripe", "telnyx", "twilio", "woocommerce", "zoom",
	}
	for _, preset := range presets {
		secret := map[string]string{"adyen": "hex", "standard-webhooks": "base64", "discord": "hex", "telnyx": "base64", "sendgrid": "spki"}[preset]
		if secret == "" {
			secret = "secret"
		}
		fmt.Fprintf(&file, "  %s: {preset: %s, secrets: [file:%s]}\n", preset, preset, secret)
	}
	// One whose only secret has expired: its own deliveries are our fault, strangers' are not.
	file.WriteString("  expired: {preset: hub, secrets: [{from: file:secret, until: 2020-01-01}]}\n")
	file.WriteString("  listed: {preset: hub, secrets: [file:secret], limits: {allow: [192.0.2.0/24]}}\n")
	log := new(testkit.Text)
	s := newStack(t, func(with *setup) {
		dir := filepath.Dir(with.options.Vendors)
		write(t, filepath.Join(dir, "hex"), strings.Repeat("0a", 32))
		write(t, filepath.Join(dir, "base64"), "d2hhdGV2ZXIgaXMgMzIgYnl0ZXMgbG9uZyBpcyBvayE=")
		write(t, filepath.Join(dir, "spki"), "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==")
		with.vendors = with.vendors + strings.TrimPrefix(file.String(), "vendors:\n")
		with.log = slog.New(slog.NewTextHandler(log, nil))
		with.options.Limits.MaxConnections, with.options.Limits.MaxDeliveries, with.options.Limits.MaxInflight = 256, 128, 256<<20
	})
	send := func() map[int]int {
		counts := map[int]int{}
		for _, text := range strangers(append(presets, "acme", "expired", "listed")) {
			conn := s.dial(text)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%.100q: %v", text, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = conn.Close()
			counts[resp.StatusCode]++
			if resp.StatusCode >= 500 {
				t.Errorf("%d for %.300q", resp.StatusCode, text)
			}
		}
		return counts
	}
	counts := send()
	series, lines := strings.Count(s.metrics(), "\n"), strings.Count(log.String(), "\n")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	send()
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%v", counts)
	if more := strings.Count(s.metrics(), "\n") - series; more > 0 {
		t.Errorf("%d more series after the same again", more)
	}
	if more := strings.Count(log.String(), "\n") - lines; more > 3 {
		t.Errorf("%d more lines in the log:\n%s", more, log.String())
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d MB more are held", grown>>20)
	}
	for _, alarm := range []string{"hookline_ingest_connections_closed_total 0"} {
		if !strings.Contains(s.metrics(), alarm) {
			t.Errorf("no longer %s", alarm)
		}
	}
	if strings.Contains(s.metrics(), `status="5`) {
		t.Error("a 5xx was counted")
	}
	s.stop()
	if events := s.events(); len(events) > 0 {
		t.Errorf("%d events are on Kafka", len(events))
	}
	if _, records := rejections(t, s.seed(), s.topics.Rejections); records > 400 {
		t.Errorf("%d records of rejections", records)
	}
}

func (s *stack) metrics() string {
	resp, err := http.Get(s.admin + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	return string(read(s.t, resp).Body)
}

// A vendor that sends as much as it can does not keep out the others: what waits for Kafka is shared.
func TestOneVendorCannotTakeTheQueue(t *testing.T) {
	s := newStack(t, func(with *setup) {
		with.vendors += "  hostile:\n    preset: hub\n    secrets: [file:secret]\n    events: {each: items, id: id, type: type}\n"
		with.options.MaxWaiting, with.options.ReadTimeout = 2000, 3*time.Second
	})
	var items strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&items, `{"id":"h%d","type":"t"},`, i)
	}
	large := s.signAs("hostile", `{"items":[`+strings.TrimSuffix(items.String(), ",")+`]}`, time.Now())
	stop := make(chan struct{})
	var hostile sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for range 6 {
		hostile.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				answer, err := s.sender.Post(t.Context(), large)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				answers[answer.Status]++
				mu.Unlock()
			}
		})
	}
	honest := s.sign(`{"id":"evt_1","type":"t"}`)
	for range 60 {
		wantAccepted(t, s.post(honest))
	}
	close(stop)
	hostile.Wait()
	for status := range answers {
		if status != http.StatusOK && status != http.StatusTooManyRequests {
			t.Errorf("the hostile vendor got %v, want 200 and 429 alone", answers)
		}
	}
	if answers[http.StatusOK] == 0 {
		t.Errorf("the hostile vendor got %v, want some 200", answers)
	}
	t.Logf("%v", answers)
}
