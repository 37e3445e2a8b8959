package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// fuzzKeys are secrets of every form; whoever fuzzes does not know them.
func fuzzKeys(scheme string) []vendors.Key {
	text := "8f742231b10e8888abcd99yyyzzz85a5"
	switch scheme {
	case "adyen", "adyen-platform":
		text = strings.Repeat("5a", 32)
	case "standard-webhooks":
		text = "whsec_" + base64.StdEncoding.EncodeToString([]byte(text))
	case "discord":
		text = strings.Repeat("66", 31) + "58" // not the point whose private key is known
	case "telnyx":
		text = base64.StdEncoding.EncodeToString(append(bytes.Repeat([]byte{0x66}, 31), 0x58))
	case "sendgrid":
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
		if err != nil {
			panic(err)
		}
		text = base64.StdEncoding.EncodeToString(der)
	}
	keys := []vendors.Key{{ID: "k", Secret: secret.New([]byte(text))}}
	if scheme == "meta" {
		keys = append(keys, vendors.Key{ID: "h", Secret: secret.New([]byte(text)), Use: vendors.UseHandshake})
	}
	return keys
}

// FuzzVerify: no delivery that was not signed is accepted, by any scheme, nor makes one panic; every refusal is an
// *Error that shows nothing of the signature header.
func FuzzVerify(f *testing.F) {
	verifiers, headers := map[string]Verifier{}, map[string][]string{}
	names := slices.DeleteFunc(Names(), func(name string) bool { return name == "paypal" })
	for _, name := range names {
		sig := vendors.Signature{Scheme: name}
		if name == "hmac" {
			sig.Header, sig.Timestamp, sig.Template, sig.Prefix = "X-Signature", "t=", "{timestamp}.{body}", "v1="
		}
		v, err := New(sig, fuzzKeys(name), nil)
		if err != nil {
			f.Fatal(name, err)
		}
		facts, _ := Describe(name)
		verifiers[name], headers[name] = v, append(facts.Headers, "X-Signature")
	}
	for i := range names {
		f.Add(uint8(i), "t=1767225600,v1="+strings.Repeat("0a", 32), "1767225600", "POST", "https://h.example/v?bodySHA256=00", []byte(`{"type":1,"signature":{"timestamp":"1767225600"}}`))
		f.Add(uint8(i), "v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32))+" v1a,AAAA", "2026-01-01T00:00:00Z", "GET", "https://h.example:8443/v?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x", []byte("a=1&b=%zz"))
		f.Add(uint8(i), "sha256="+strings.Repeat("0", 64), "1767225600000", "POST", "::", []byte(`{"notificationItems":[{"NotificationRequestItem":{"amount":{"value":1},"additionalData":{"hmacSignature":"AAAA"}}}],"webhookTimestamp":1767225600000}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, signature, timestamp, method, at string, body []byte) {
		name := names[int(which)%len(names)]
		r := &Request{Method: method, URL: at, Header: http.Header{}, Body: body, Now: time.Unix(1767225600, 0)}
		for i, header := range headers[name] {
			value := signature
			if i > 0 && strings.Contains(strings.ToLower(header), "timestamp") {
				value = timestamp
			}
			r.Header.Set(header, value)
		}
		if timestamp == "form" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		result, err := verifiers[name].Verify(r)
		var refusal *Error
		switch {
		case err == nil:
			t.Fatalf("%s accepts a delivery that nobody signed: %+v", name, result)
		case !errors.As(err, &refusal) || refusal.Reason == "" || refusal.Detail == "":
			t.Fatalf("%s: %v is no *Error", name, err)
		case len(signature) > 12 && strings.Contains(err.Error(), signature):
			t.Fatalf("%s shows the signature", name)
		}
	})
}

// FuzzSign: whatever the body and the ID, what is signed is accepted, and is not once a covered byte has changed.
func FuzzSign(f *testing.F) {
	names := []string{"hub", "stripe", "standard-webhooks", "slack", "square", "hubspot", "hubspot-v1", "zendesk", "twilio", "adyen-platform"}
	for i := range names {
		f.Add(uint8(i), "evt_1", "https://h.example/v?a=%3A&b=%", []byte("{\"a\":1}\r\n"), uint16(3))
	}
	verifiers := map[string]Verifier{}
	for _, name := range names {
		v, err := New(vendors.Signature{Scheme: name}, fuzzKeys(name), nil)
		if err != nil {
			f.Fatal(err)
		}
		verifiers[name] = v
	}
	f.Fuzz(func(t *testing.T, which uint8, id, at string, body []byte, flip uint16) {
		name := names[int(which)%len(names)]
		r := &Request{Method: "POST", URL: at, Body: body, Now: time.Unix(1767225600, 0)}
		if err := verifiers[name].Sign(r, id); err != nil {
			return // Twilio: a query that cannot be read; Standard Webhooks: no ID
		}
		if _, err := verifiers[name].Verify(r); err != nil {
			t.Fatalf("%s refuses its own signature: %v", name, err)
		}
		if len(r.Body) == 0 {
			return
		}
		r.Body = bytes.Clone(r.Body)
		r.Body[int(flip)%len(r.Body)] ^= 0x20
		if _, err := verifiers[name].Verify(r); err == nil {
			t.Fatalf("%s accepts a changed body", name)
		}
	})
}

// FuzzTemplate: a template is refused, or writes the same bytes whether it streams or appends.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"{body}", "{timestamp}.{body}", "v0:{timestamp}:{body}", "{header:X-A}{method}{url}", "{", "}", "{{body}}", "{header:}", "{body"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tpl, err := parseTemplate(text, nil)
		if err != nil {
			return
		}
		r := &Request{Method: "POST", Header: http.Header{}, Body: []byte("body")}
		for _, name := range tpl.headers {
			r.Header[name] = []string{"h"}
		}
		c := &content{r: r, timestamp: "1", id: "i", url: "u"}
		var streamed bytes.Buffer
		tpl.write(&streamed, c)
		if appended := tpl.append(nil, c); !bytes.Equal(streamed.Bytes(), appended) {
			t.Fatalf("%q: streamed %q, appended %q", text, streamed.Bytes(), appended)
		}
	})
}

// FuzzClock: what is read as a time is digits or RFC 3339, and means what the standard library says.
func FuzzClock(f *testing.F) {
	for _, seed := range []string{"1767225600", "1767225600123", "999999999999999", "1000000000000000", "-1", "+1", "", "٣", "2026-01-01T00:00:00.5+01:00", "1e9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := digits(text)
		parsed, err := strconv.ParseInt(text, 10, 64)
		plain := err == nil && strings.Trim(text, "0123456789") == "" && len(text) <= 15
		if ok != plain || ok && n != parsed {
			t.Fatalf("digits(%q) = %d, %v; the standard library says %d, %v", text, n, ok, parsed, err)
		}
		for name, c := range map[string]clock{"seconds": unixSeconds(), "millis": unixMillis(), "text": rfc3339(), "any": anyClock()} {
			at, ok := c.parse(text)
			if !ok || at.Unix() < 0 {
				continue
			}
			within(time.Unix(1767225600, 0), at, math.MaxInt64)
			if again, ok := c.parse(c.format(at)); !ok || again.Sub(at).Abs() >= time.Second {
				t.Fatalf("%s: %q is %s, written %q, read again %s", name, text, at, c.format(at), again)
			}
		}
	})
}

// FuzzEncoding: what is decoded is written back as the very same text, so that no signature has two spellings.
func FuzzEncoding(f *testing.F) {
	for _, seed := range []string{"0a", "0A", "0", "AAAA", "AA==", "AB==", "A-_=", "AA\r\n==", "AAA", "=", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range []encoding{hexLower(), hexUpper(), base64Std(), base64URL()} {
			if raw, ok := e.decode(text); ok && string(e.append(nil, raw)) != text {
				t.Fatalf("%s: %q is decoded, but written %q", e.name, text, e.append(nil, raw))
			}
		}
	})
}

// FuzzJSON: member and setMember agree with each other, whatever the body.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, ` { "a" : {"b":"\u0061"} , "a":2 } `, `{"\u0061":1}`, `[]`, `{"a":"x\/y"}`, adyenSeed} {
		f.Add([]byte(seed), "a")
	}
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		if items, err := adyenItems(body); err == nil {
			for _, item := range items {
				adyenContent(item)
			}
		}
		root, err := object(body)
		if err != nil {
			return
		}
		_, times := count(root, name)
		changed := setMember(body, root, name, `"new"`)
		if !gjson.ValidBytes(changed) {
			t.Fatalf("%q became %q, which is not JSON", body, changed)
		}
		again, err := object(changed)
		if err != nil {
			t.Fatal(err)
		}
		if value, ok := text(again, decoded(name)); times <= 1 && (!ok || value != "new") {
			t.Fatalf("%q became %q: %q is %q", body, changed, name, value)
		}
	})
}

const adyenSeed = `{"notificationItems":[{"NotificationRequestItem":{"amount":{"value":1,"currency":"EUR"},"success":true,"additionalData":{"hmacSignature":"AAAA"}}}]}`

// decoded is name as it comes back from JSON, which holds no invalid UTF-8.
func decoded(name string) string {
	return gjson.ParseBytes(gjson.AppendJSONString(nil, name)).Str
}

// FuzzCertURL: whatever passes, another parser of URLs too finds an https URL at a host of PayPal's.
func FuzzCertURL(f *testing.F) {
	for _, seed := range []string{
		"https://api.paypal.com/v1/notifications/certs/CERT-1", "https://api.paypal.com.evil.example/v1/notifications/certs/C",
		"http://api.paypal.com/v1/notifications/certs/C", "https://api.paypal.com@evil.example/v1/notifications/certs/C",
		"https://evil.example#.paypal.com/v1/notifications/certs/C", "https://api.paypal.com:444/v1/notifications/certs/C",
		"https://api.paypal.com/v1/notifications/certs/../../x", "https://evil.example\\.paypal.com/v1/notifications/certs/x",
		"https://api.paypal.com/v1/notifications/certs/%2e%2e/x", "//api.paypal.com/v1/notifications/certs/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !isPaypalCert(text) {
			return
		}
		u, err := url.Parse(text)
		host := strings.TrimPrefix(text, "https://")
		host, path, _ := strings.Cut(host, "/")
		if err != nil || !strings.HasPrefix(strings.ToLower(text), "https://") || !strings.HasSuffix(u.Hostname(), ".paypal.com") ||
			strings.ContainsAny(host, "@:\\#?% \t\r\n") && host == u.Host || strings.Contains(path, "/../") {
			t.Fatalf("%q passes: host %q", text, u.Host)
		}
		certName(text)
	})
}

// FuzzHubspotURL checks the decoder against the standard library's replacer.
func FuzzHubspotURL(f *testing.F) {
	for _, seed := range []string{"https://h.example/v?a=%3A%2f%25%", "%", "%3", "%3a%3A", "%%3A", "%2%2F", "a%20b"} {
		f.Add(seed)
	}
	pairs := []string{"%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";"}
	for i := 0; i < 24; i += 2 {
		pairs = append(pairs, strings.ToLower(pairs[i]), pairs[i+1])
	}
	replacer := strings.NewReplacer(pairs...)
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := string(hubspotURL(nil, &content{url: text})), replacer.Replace(text); got != want {
			t.Fatalf("hubspotURL(%q) = %q, want %q", text, got, want)
		}
	})
}

// FuzzTwilioPort: the other URL differs in the port alone.
func FuzzTwilioPort(f *testing.F) {
	for _, seed := range []string{"https://h.example/v", "https://h.example:8443/v?a=b:1", "http://[::1]/", "http://[::1]:80", "ftp://h", "", "://", "https://"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := &content{url: text}
		if !twilioPort(c, text) {
			return
		}
		if twilioPort(c, text) {
			t.Fatalf("%q: more than one other URL", text)
		}
		before, err := url.Parse(text)
		after, errAfter := url.Parse(c.url)
		if err != nil || before.User != nil || before.Hostname() == "" {
			return
		}
		if errAfter != nil || before.Hostname() != after.Hostname() || before.RequestURI() != after.RequestURI() {
			t.Fatalf("%q became %q", text, c.url)
		}
	})
}

// FuzzSecret: whatever a user configures as a secret, New answers with a Verifier or an error that does not show it.
func FuzzSecret(f *testing.F) {
	names := Names()
	for i := range names {
		f.Add(uint8(i), []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
		f.Add(uint8(i), []byte(strings.Repeat("zz", 32)))
		f.Add(uint8(i), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
		f.Add(uint8(i), []byte(hex.EncodeToString(make([]byte, 32))))
	}
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		sig := vendors.Signature{Scheme: names[int(which)%len(names)]}
		if sig.Scheme == "hmac" {
			sig.Header = "X-Signature"
		}
		v, err := New(sig, []vendors.Key{{ID: "k1", Secret: secret.New(raw)}}, nil)
		if (v == nil) == (err == nil) {
			t.Fatalf("New = %v, %v", v, err)
		}
		if err != nil && len(raw) > 16 && strings.Contains(err.Error(), string(raw)) {
			t.Fatalf("the error shows the secret: %v", err)
		}
	})
}
