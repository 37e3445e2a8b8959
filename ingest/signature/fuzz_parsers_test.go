package signature

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// FuzzTemplate: a template is refused, or writes the same bytes whether it streams or appends.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"{body}", "{timestamp}.{body}", "v0:{timestamp}:{body}", "{header:X-A}{method}{url}", "[id:{query:data.id|lower};]ts:{item:ts};", "[[{body:a.0}]", "[a]", "{form:data.@fromstr.a}", "{", "}", "{{body}}", "{header:}", "{body"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tpl, err := parseTemplate(text, nil)
		if err != nil {
			return
		}
		r := &Request{Method: "POST", Header: http.Header{}, Body: []byte("body")}
		c := &content{r: r, timestamp: "1", id: "i", url: "u"}
		for i, p := range tpl.places {
			c.values = append(c.values, value{"v", !p.optional || i%2 == 0})
		}
		var streamed bytes.Buffer
		tpl.write(&streamed, c)
		if appended := tpl.append(nil, c); !bytes.Equal(streamed.Bytes(), appended) {
			t.Fatalf("%q: streamed %q, appended %q", text, streamed.Bytes(), appended)
		}
	})
}

// FuzzClock: what is read as a time is digits or RFC 3339, and means what the standard library says.
func FuzzClock(f *testing.F) {
	for _, seed := range []string{"1767225600", "1767225600123", "999999999999999", "1000000000000000", "-1", "+1", "", "٣", "2026-01-01T00:00:00.5+01:00", "0000-01-01T0:00:00+00:00", "1e9"} {
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

// FuzzJSON: what withMember sets is what readObject finds, whatever the body, and all else stays as it was.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, ` { "a" : {"b":"\u0061"} , "a":2 } `, `{"\u0061":1}`, `[]`, `{"a":"x\/y"}`, adyenSeed} {
		f.Add([]byte(seed), "a")
	}
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		body := string(raw)
		name = strings.ToValidUTF8(name, "\uFFFD")
		var paths jsonscan.Paths
		paths.Add(name)
		var found [2]jsonscan.Found
		before, err := readObject(body, &paths, found[:1])
		if err != nil {
			return
		}
		changed, err := withMember(body, name, `"new"`)
		if err != nil {
			t.Fatal(err)
		}
		after, err := readObject(changed, &paths, found[1:])
		if err != nil {
			t.Fatalf("%q became %q: %v", body, changed, err)
		}
		if value, ok := after.text(0); before.found[0].Times <= 1 && (!ok || value != "new") {
			t.Fatalf("%q became %q: %q is %q", body, changed, name, value)
		}
	})
}

const adyenSeed = `{"notificationItems":[{"NotificationRequestItem":{"amount":{"value":1,"currency":"EUR"},"success":true,"additionalData":{"hmacSignature":"AAAA"}}}]}`

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
		if isSNSCert(text) {
			u, err := url.Parse(text)
			if err != nil || u.Scheme != "https" || u.User != nil || !strings.HasSuffix(u.Host, ".amazonaws.com") && !strings.HasSuffix(u.Host, ".amazonaws.com.cn") ||
				!strings.HasPrefix(u.Host, "sns.") || strings.Contains(u.Path, "..") || u.RawQuery != "" {
				t.Fatalf("%q passes as SNS's", text)
			}
		}
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
		_ = certName(text, nil)
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
	for _, seed := range []string{"https://h.example/v", "https://h.example:8443/v?a=b:1", "http://[::1]/", "http://[::1]:80", "ftp://h", "", "://", "https://", "A://::", "http"} {
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

// FuzzPlaces: what is read from a query, a form or a body is what the standard library finds there, and nothing where
// it stands twice.
func FuzzPlaces(f *testing.F) {
	for _, seed := range []string{"a=1&b=2", "a=1&a=2", "%61=1&a=2", "a", "a=%zz", `{"a":"x"}`, `{"a":1,"a":2}`, `{"b":{"a":1}}`, `{"a":null}`, `[1]`, `{"a":`} {
		f.Add(seed, "a")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		if value, found, err := parameter(text, name, "the form"); err == nil {
			parsed, err := url.ParseQuery(strings.ReplaceAll(text, ";", "%3B"))
			if err == nil && (found != (len(parsed[name]) == 1) || found && parsed[name][0] != value) && text != "" && name != "" {
				t.Fatalf("%q: %q is %q, %v; the standard library says %q", text, name, value, found, parsed[name])
			}
		}
		value, found, err := bodyText(text, "a")
		var parsed map[string]json.RawMessage
		if err != nil || json.Unmarshal([]byte(text), &parsed) != nil {
			return
		}
		var want string
		switch raw := string(parsed["a"]); {
		case raw == "null" || raw == "":
		case raw[0] == '"':
			json.Unmarshal([]byte(raw), &want)
		default:
			want = raw
		}
		if found != (len(parsed["a"]) > 0 && string(parsed["a"]) != "null") || found && string([]rune(value)) != string([]rune(want)) {
			t.Fatalf("%q: a is %q, %v; the standard library says %q", text, value, found, parsed["a"])
		}
	})
}
