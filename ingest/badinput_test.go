package ingest_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/internal/testkit"
)

// One vendor for each kind of signature. The Discord key is a public one, of a private key that nobody has.
const manyVendorsYAML = `
vendors:
  hub: {preset: hub, secrets: [file:secret]}
  stripe: {preset: stripe, secrets: [file:secret]}
  brief:
    preset: stripe
    secrets: [file:secret]
    signature: {tolerance: 3s}
  standard: {preset: standard-webhooks, secrets: [file:standard]}
  plain:
    secrets: [file:secret]
    signature: {scheme: hmac, header: X-Sig, encoding: base64}
    events: {id: id}
  discord: {preset: discord, secrets: [file:discord]}
  expired: {preset: hub, secrets: [{from: file:secret, until: 2020-01-01}]}
`

const (
	standardSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	discordKey     = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
)

func manyVendors(t *testing.T, j *testkit.Text) *stack {
	t.Helper()
	return newStack(t, func(with *setup) {
		with.vendors = manyVendorsYAML
		with.log = slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
		dir := filepath.Dir(with.options.Vendors)
		write(t, filepath.Join(dir, "standard"), standardSecret)
		write(t, filepath.Join(dir, "discord"), discordKey+"\n")
	})
}

// signatures are the values of the headers that carry one.
func signatures(h http.Header) (out []string) {
	for name, values := range h {
		if strings.Contains(name, "Sig") {
			for _, v := range values {
				_, after, _ := strings.Cut(v, "v1=")
				out = append(out, v, after)
			}
		}
	}
	return out
}

func TestBadInput(t *testing.T) { // invariant 7
	var logged testkit.Text
	s := manyVendors(t, &logged)
	const crlf = "{\"id\":\"evt_1\",\r\n\"type\":\"t\"}\r\n"
	from := func(vendor string) sender.Signed { return s.signAs(vendor, crlf, time.Now()) }
	set := func(vendor, name string, values ...string) sender.Signed {
		d := from(vendor)
		d.Header[http.CanonicalHeaderKey(name)] = values
		return d
	}
	edit := func(vendor, name string, change func(string) string) sender.Signed {
		d := from(vendor)
		d.Header.Set(name, change(d.Header.Get(name)))
		return d
	}
	stripeAt := func(stamp string) sender.Signed {
		return edit("stripe", "Stripe-Signature", func(v string) string {
			_, rest, _ := strings.Cut(v, ",")
			return "t=" + stamp + "," + rest
		})
	}
	empty := hmac.New(sha256.New, nil)
	empty.Write([]byte(crlf))
	// A signature whose base64 differs from its base64url.
	var plain sender.Signed
	for i := 0; !strings.ContainsAny(plain.Header.Get("X-Sig"), "+/"); i++ {
		plain = s.signAs("plain", fmt.Sprintf(`{"id":"evt_%d"}`, i), time.Now())
	}
	urlSafe := sender.Signed{URL: plain.URL, Header: plain.Header.Clone(), Body: plain.Body}
	urlSafe.Header.Set("X-Sig", strings.NewReplacer("+", "-", "/", "_").Replace(plain.Header.Get("X-Sig")))
	unixLines := from("hub")
	unixLines.Body = []byte(strings.ReplaceAll(crlf, "\r\n", "\n"))
	moreLines := from("hub")
	moreLines.Body = []byte(crlf + "\r\n")
	hubSignature := from("hub").Header.Get("X-Hub-Signature-256")

	for _, tc := range []struct {
		name   string
		d      sender.Signed
		status int
		reason string
	}{
		{"CRLF in the body, signed", from("hub"), 200, ""},
		{"CRLF become LF", unixLines, 403, "signature_mismatch"},
		{"a line break more", moreLines, 403, "signature_mismatch"},
		{"no header", set("hub", "X-Hub-Signature-256"), 403, "signature_missing"},
		{"empty header", set("hub", "X-Hub-Signature-256", ""), 403, "signature_missing"},
		{"doubled header", set("hub", "X-Hub-Signature-256", hubSignature, hubSignature), 403, "signature_malformed"},
		{"doubled header, one forged", set("hub", "X-Hub-Signature-256", hubSignature, "sha256=00"), 403, "signature_malformed"},
		{"uppercase hex", edit("hub", "X-Hub-Signature-256", func(v string) string { return "sha256=" + strings.ToUpper(v[7:]) }), 403, "signature_malformed"},
		{"no prefix", edit("hub", "X-Hub-Signature-256", func(v string) string { return v[7:] }), 403, "signature_malformed"},
		{"a space more", edit("hub", "X-Hub-Signature-256", func(v string) string { return v + " x" }), 403, "signature_malformed"},
		{"cut short", edit("hub", "X-Hub-Signature-256", func(v string) string { return v[:20] }), 403, "signature_malformed"},
		{"signed with an empty secret", set("hub", "X-Hub-Signature-256", "sha256="+hex.EncodeToString(empty.Sum(nil))), 403, "signature_mismatch"},
		{"32 KB of signature", set("hub", "X-Hub-Signature-256", "sha256="+strings.Repeat("ab", 14000)), 403, "signature_malformed"},
		{"base64", plain, 200, ""},
		{"base64url in place of base64", urlSafe, 403, "signature_malformed"},
		{"hex in place of base64", set("plain", "X-Sig", strings.Repeat("ab", 32)), 403, "signature_malformed"},
		{"huge timestamp", stripeAt("99999999999999999999999"), 403, "signature_malformed"},
		{"far timestamp", stripeAt("999999999999999"), 403, "timestamp_outside_window"},
		{"negative timestamp", stripeAt("-1"), 403, "signature_malformed"},
		{"timestamp in words", stripeAt("tomorrow"), 403, "signature_malformed"},
		{"no timestamp", edit("stripe", "Stripe-Signature", func(v string) string { return v[strings.Index(v, "v1="):] }), 403, "signature_malformed"},
		{"two timestamps", edit("stripe", "Stripe-Signature", func(v string) string { return "t=1," + v }), 403, "signature_malformed"},
		{"only the test signature", edit("stripe", "Stripe-Signature", func(v string) string { return strings.Replace(v, "v1=", "v0=", 1) }), 403, "signature_malformed"},
		{"a thousand signatures", edit("stripe", "Stripe-Signature", func(v string) string { return v + strings.Repeat(",v1=ab", 1000) }), 403, "signature_malformed"},
		{"no ID where one is signed", set("standard", "Webhook-Id"), 403, "signature_missing"},
		{"two IDs where one is signed", set("standard", "Webhook-Id", "msg_1", "msg_1"), 403, "signature_malformed"},
		{"another version", edit("standard", "Webhook-Signature", func(v string) string { return strings.Replace(v, "v1,", "v9,", 1) }), 403, "signature_malformed"},
		{"a vendor who insists on 401", sender.Signed{URL: s.url + "/webhooks/discord", Header: http.Header{
			"X-Signature-Ed25519": {strings.Repeat("ab", 64)}, "X-Signature-Timestamp": {"1"}}}, 401, "signature_mismatch"},
		{"no secret is live", sender.Signed{URL: s.url + "/webhooks/expired", Header: from("hub").Header, Body: []byte(crlf)}, 500, "no_live_key"},
		{"not JSON", s.signAs("hub", "\x00\xff{", time.Now()), 400, "body_malformed"},
		{"nested a million deep", s.signAs("hub", strings.Repeat("[", 1_000_000), time.Now()), 400, "body_malformed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer := s.post(tc.d)
			if tc.status == http.StatusOK {
				wantAccepted(t, answer)
				return
			}
			wantProblem(t, answer, tc.status, tc.reason)
			for _, signature := range signatures(tc.d.Header) {
				if len(signature) > 16 && (strings.Contains(string(answer.Body), signature) || strings.Contains(logged.String(), signature)) {
					t.Errorf("the answer or the log shows the signature")
				}
			}
		})
	}
	wantAccepted(t, s.post(from("standard")))
	text := logged.String()
	if !strings.Contains(text, "delivery refused") {
		t.Fatal("nothing was logged at DEBUG")
	}
	for _, secret := range []string{theSecret, standardSecret, standardSecret[6:], discordKey} {
		if strings.Contains(text, secret) {
			t.Error("the log holds a secret (invariant 7)")
		}
	}
	if strings.Contains(text, "panic") {
		t.Error("something panicked")
	}
}

// What is not even HTTP is refused by net/http, in plain text, and costs only its own connection.
func TestBadHTTP(t *testing.T) {
	s := newStack(t)
	for name, request := range map[string]string{
		"NUL in a header":        "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nX-Hub-Signature-256: sha256=\x00\r\nContent-Length: 0\r\n\r\n",
		"two lengths":            "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
		"a negative length":      "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
		"an overflowing length":  "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"a space before a colon": "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nX-Hub-Signature-256 : x\r\n\r\n",
		"no host":                "POST /webhooks/acme HTTP/1.1\r\n\r\n",
		"TLS":                    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	} {
		resp, err := http.ReadResponse(bufio.NewReader(s.dial(request)), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %d, want 400", name, resp.StatusCode)
		}
	}
	for name, request := range map[string]string{
		"a bad chunk":       "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"an endless length": "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
	} {
		resp, err := http.ReadResponse(bufio.NewReader(s.dial(request)), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wantProblem(t, read(t, resp), 400, "body_unreadable")
	}
	wantAccepted(t, s.post(s.sign(`{"id":"evt_1"}`)))
}

func TestReplay(t *testing.T) {
	s := manyVendors(t, new(testkit.Text))
	t.Run("timed", func(t *testing.T) {
		captured := s.signAs("brief", `{"id":"evt_1","type":"t"}`, time.Now())
		wantAccepted(t, s.post(captured))
		var answer sender.Answer
		eventually(t, 10*time.Second, func() bool { answer = s.post(captured); return answer.Status != http.StatusOK })
		wantProblem(t, answer, 403, "timestamp_outside_window")
	})
	t.Run("long ago", func(t *testing.T) {
		for _, vendor := range []string{"stripe", "standard"} {
			wantProblem(t, s.post(s.signAs(vendor, `{"id":"evt_2"}`, time.Now().Add(-6*time.Minute))), 403, "timestamp_outside_window")
			wantProblem(t, s.post(s.signAs(vendor, `{"id":"evt_2"}`, time.Now().Add(6*time.Minute))), 403, "timestamp_outside_window")
			wantAccepted(t, s.post(s.signAs(vendor, `{"id":"evt_2"}`, time.Now().Add(-4*time.Minute))))
		}
	})
	t.Run("no time is signed", func(t *testing.T) {
		// Nothing tells a replay from a retry, so it is taken; on Kafka it is the same event, which is stored once.
		captured := s.signAs("hub", `{"id":"evt_replayed"}`, time.Now())
		wantAccepted(t, s.post(captured))
		wantAccepted(t, s.post(captured))
		var replays int
		for _, record := range s.events() {
			if string(record.Key) == "evt_replayed" {
				replays++
			}
		}
		if replays != 2 {
			t.Errorf("%d records of the event, want 2 with one key", replays)
		}
	})
}

func TestNoStart(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secret"), "\n")
	write(t, filepath.Join(dir, "good"), theSecret)
	file := filepath.Join(dir, "vendors.yaml")
	vendor := func(secret string) string {
		return "vendors:\n  acme:\n    preset: hub\n    secrets: [" + secret + "]\n"
	}
	for _, tc := range []struct {
		name, vendors string
		o             ingest.Options
		want          string
	}{
		{"empty secret", vendor("file:secret"), ingest.Options{}, "vendors.yaml:4:15: secret file:secret: the file is empty"},
		{"no such variable", vendor("env:HOOKLINE_TEST_NOT_SET"), ingest.Options{}, "HOOKLINE_TEST_NOT_SET is not set or empty"},
		{"the secret itself", vendor(theSecret), ingest.Options{}, "never write the secret itself here"},
		{"a body that fits no record", vendor("file:good"), ingest.Options{MaxBody: 4 << 20}, "--max-body 4194304: at most"},
		{"no room for a body", vendor("file:good"), ingest.Options{MaxBody: 1000, Limits: ingest.LimitOptions{MaxInflight: 1000}}, "--max-inflight 1000"},
	} {
		write(t, file, tc.vendors)
		tc.o.Vendors = file
		err := ingest.Run(t.Context(), discard(), tc.o)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), theSecret) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
}
