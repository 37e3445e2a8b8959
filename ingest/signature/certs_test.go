package signature_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const (
	certURL     = "https://api.paypal.com/v1/notifications/certs/CERT-1"
	sandboxURL  = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1"
	paypalName  = "messageverificationcerts.paypal.com"
	sandboxName = "messageverificationcerts.sandbox.paypal.com"
	issuerURL   = "http://issuer.example/intermediate.crt"
)

// authority is a root, an intermediate and what they issue. It stands in for the public PKI.
type authority struct {
	roots        *x509.CertPool
	intermediate *x509.Certificate
	key          *rsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	rootKey, key := newRSA(t), newRSA(t)
	root := issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "root"}, IsCA: true}, nil, &rootKey.PublicKey, rootKey)
	a := &authority{roots: x509.NewCertPool(), key: key}
	a.roots.AddCert(root)
	a.intermediate = issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "intermediate"}, IsCA: true}, root, &key.PublicKey, rootKey)
	return a
}

func newRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func issue(t *testing.T, template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(48*time.Hour)
	template.BasicConstraintsValid = true
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (a *authority) leaf(t *testing.T, public crypto.PublicKey, name, issuer string) *x509.Certificate {
	template := &x509.Certificate{DNSNames: []string{name}}
	if issuer != "" {
		template.IssuingCertificateURL = []string{issuer}
	}
	return issue(t, template, a.intermediate, public, a.key)
}

func inPEM(chain ...*x509.Certificate) string {
	var b strings.Builder
	for _, cert := range chain {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return b.String()
}

// site stands in for the network: what a GET of a URL answers.
type site struct {
	pages map[string]string
	other int // status of any other URL; 0: no answer at all
	asked atomic.Int64
	down  atomic.Bool // it answers nothing, or other, also of its pages
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r}
	page, ok := s.pages[r.URL.String()]
	if !ok || s.down.Load() {
		page = ""
		if s.other == 0 {
			return nil, errors.New("no route to host")
		}
		response.StatusCode = s.other
		response.Header.Set("Location", certURL)
	}
	response.Body = io.NopCloser(strings.NewReader(page))
	return response, nil
}

func TestCertClient(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	key := newRSA(t)
	whole := inPEM(a.leaf(t, &key.PublicKey, paypalName, ""), a.intermediate)
	bare := inPEM(a.leaf(t, &key.PublicKey, paypalName, issuerURL))
	curve := inPEM(a.leaf(t, ecKey(t), paypalName, ""), a.intermediate)
	for _, c := range []struct {
		what    string
		url     string
		page    string
		status  int
		at      time.Time
		refused bool // for good; else it may pass
		ok      bool
	}{
		{what: "with its intermediate", url: certURL, page: whole, ok: true},
		{what: "without, the issuer is fetched", url: certURL, page: bare, ok: true},
		{what: "sandbox", url: sandboxURL, page: inPEM(a.leaf(t, &key.PublicKey, sandboxName, ""), a.intermediate), ok: true},
		{what: "another name", url: sandboxURL, page: whole, refused: true},
		{what: "another root", url: certURL, page: inPEM(stranger.leaf(t, &key.PublicKey, paypalName, ""), stranger.intermediate), refused: true},
		{what: "expired", url: certURL, page: whole, at: now.Add(72 * time.Hour), refused: true},
		{what: "not yet valid", url: certURL, page: whole, at: now.Add(-2 * time.Hour), refused: true},
		{what: "not RSA", url: certURL, page: curve, refused: true},
		{what: "not PEM", url: certURL, page: "<html>", refused: true},
		{what: "broken", url: certURL, page: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", refused: true},
		{what: "too large", url: certURL, page: strings.Repeat("\n", 65<<10) + whole, refused: true},
		{what: "none there", url: certURL, status: http.StatusNotFound, refused: true},
		{what: "redirect", url: certURL, status: http.StatusFound},
		{what: "down", url: certURL, status: http.StatusBadGateway},
		{what: "busy", url: certURL, status: http.StatusTooManyRequests},
		{what: "no answer", url: certURL},
		{what: "another host", url: "https://evil.example/v1/notifications/certs/CERT-1", page: whole, refused: true},
	} {
		t.Run(c.what, func(t *testing.T) {
			web := &site{other: c.status, pages: map[string]string{issuerURL: string(a.intermediate.Raw)}}
			if c.page != "" {
				web.pages[c.url] = c.page
			}
			if c.at.IsZero() {
				c.at = now
			}
			got, err := signature.NewCertClient(web, a.roots).PublicKey(c.url, c.at)
			var refusal *signature.Error
			switch {
			case c.ok && (err != nil || !got.Equal(&key.PublicKey)):
				t.Errorf("err %v, or not the certificate's key", err)
			case !c.ok && err == nil:
				t.Error("accepted")
			case !c.ok && (!errors.As(err, &refusal) || (refusal.Reason != signature.ReasonCertificate) != c.refused):
				t.Errorf("%v: refused for good = %v, want %v", err, !c.refused, c.refused)
			}
		})
	}
	web := &site{other: http.StatusServiceUnavailable, pages: map[string]string{certURL: bare}}
	var refusal *signature.Error
	if _, err := signature.NewCertClient(web, a.roots).PublicKey(certURL, now); !errors.As(err, &refusal) || refusal.Reason != signature.ReasonCertificate {
		t.Errorf("issuer down: %v, want %s", err, signature.ReasonCertificate)
	}
}

func ecKey(t *testing.T) crypto.PublicKey {
	block, _ := pem.Decode([]byte(ecdsaPEM(t)))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return private.(crypto.Signer).Public()
}

// TestCertCache: one fetch serves all; it is asked for again after a day; a flood of made-up names neither fills
// memory nor reaches PayPal more than a few times, nor drives out the real one.
func TestCertCache(t *testing.T) {
	a, key := newAuthority(t), newRSA(t)
	web := &site{other: http.StatusNotFound, pages: map[string]string{
		certURL: inPEM(a.leaf(t, &key.PublicKey, paypalName, ""), a.intermediate),
	}}
	client := signature.NewCertClient(web, a.roots)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := client.PublicKey(certURL, now); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := web.asked.Load(); n != 1 {
		t.Errorf("%d fetches for one certificate, want 1", n)
	}
	later := now
	for i := range 2000 {
		later = later.Add(100 * time.Millisecond)
		if _, err := client.PublicKey(fmt.Sprintf("%s-%d", certURL, i), later); err == nil {
			t.Fatal("made-up certificate accepted")
		}
	}
	if n := web.asked.Load(); n > 210 { // 200 s at one a second, and the burst
		t.Errorf("%d fetches in 200 s of flood", n)
	}
	before := web.asked.Load()
	if _, err := client.PublicKey(certURL, later); err != nil || web.asked.Load() != before {
		t.Errorf("after the flood: %v, %d more fetches; want the cached key", err, web.asked.Load()-before)
	}
	for range 50 {
		if _, err := client.PublicKey(certURL, now.Add(25*time.Hour)); err != nil {
			t.Errorf("a day later: %v", err)
		}
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if n := web.asked.Load(); n != before+1 {
			return fmt.Errorf("a day later: %d more fetches; want 1", n-before)
		}
		return nil
	})
}

// A certificate that was found good proves until it expires, whatever becomes of PayPal's site and whatever strangers ask for.
func TestAGoodCertificateStays(t *testing.T) {
	a, key := newAuthority(t), newRSA(t)
	for _, status := range []int{0, http.StatusNotFound, http.StatusBadGateway} {
		web := &site{other: status, pages: map[string]string{certURL: inPEM(a.leaf(t, &key.PublicKey, paypalName, ""), a.intermediate)}}
		client := signature.NewCertClient(web, a.roots)
		if _, err := client.PublicKey(certURL, now); err != nil {
			t.Fatal(err)
		}
		web.down.Store(true)
		for i := range 40 {
			at := now.Add(time.Duration(i) * time.Hour)
			for junk := range 100 {
				_, err := client.PublicKey(fmt.Sprintf("%s-%d-%d", certURL, i, junk), at)
				wantRefusal(t, "made up", err, signature.ReasonCertificate, signature.ReasonMismatch)
			}
			if got, err := client.PublicKey(certURL, at); err != nil || !got.Equal(&key.PublicKey) {
				t.Fatalf("status %d, hour %d: %v", status, i, err)
			}
		}
		_, err := client.PublicKey(certURL, now.Add(49*time.Hour))
		wantRefusal(t, "after its end", err, signature.ReasonCertificate, signature.ReasonMismatch)
	}
}

// While strangers ask for made-up certificates faster than any is fetched, the true one is found within seconds, as every
// delivery asks for it.
func TestStrangersDoNotStarveTheTrueCertificate(t *testing.T) {
	for name, asks := range map[string]int{"each once": 1, "each twice": 2} {
		t.Run(name, func(t *testing.T) {
			a, key := newAuthority(t), newRSA(t)
			web := &site{other: http.StatusNotFound, pages: map[string]string{
				certURL: inPEM(a.leaf(t, &key.PublicKey, paypalName, ""), a.intermediate),
			}}
			client := signature.NewCertClient(web, a.roots)
			flood := 0
			junk := func(at time.Time) {
				flood++
				for range asks {
					_, err := client.PublicKey(fmt.Sprintf("%s-%d", certURL, flood), at)
					wantRefusal(t, "made up", err, signature.ReasonCertificate, signature.ReasonMismatch)
				}
			}
			for range 100 {
				junk(now)
			}
			const perSecond, patience = 20, 30
			for second := range patience {
				for i := range perSecond {
					junk(now.Add(time.Duration(second)*time.Second + time.Duration(i)*time.Second/perSecond))
				}
				_, err := client.PublicKey(certURL, now.Add(time.Duration(second+1)*time.Second-time.Millisecond))
				if err == nil {
					t.Logf("found after %d s", second+1)
					return
				}
				wantRefusal(t, "not yet", err, signature.ReasonCertificate)
			}
			t.Errorf("not found in %d s", patience)
		})
	}
}

// TestPaypal signs as PayPal does, with a certificate of the test's own authority.
func TestPaypal(t *testing.T) {
	a, private := newAuthority(t), newRSA(t)
	web := &site{pages: map[string]string{certURL: inPEM(a.leaf(t, &private.PublicKey, paypalName, ""), a.intermediate)}}
	v, err := signature.New(vendors.Signature{Scheme: "paypal"}, []vendors.Key{newKey("old", "WH-OLD"), newKey("new", "WH-NEW")},
		signature.NewCertClient(web, a.roots))
	if err != nil {
		t.Fatal(err)
	}
	request := func() *signature.Request {
		r := &signature.Request{Method: "POST", Now: now, Header: http.Header{}, Body: []byte(`{"id":"WH-1","amount":"10.00"}`)}
		r.Header.Set("Paypal-Transmission-Id", "t1")
		r.Header.Set("Paypal-Transmission-Time", "2026-01-01T00:00:00Z")
		r.Header.Set("Paypal-Cert-Url", certURL)
		r.Header.Set("Paypal-Auth-Algo", "SHA256withRSA")
		sum := sha256.Sum256(fmt.Appendf(nil, "t1|2026-01-01T00:00:00Z|WH-NEW|%d", crc32.ChecksumIEEE(r.Body)))
		sealed, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Paypal-Transmission-Sig", base64.StdEncoding.EncodeToString(sealed))
		return r
	}
	if result, err := v.Verify(request()); err != nil || result.KeyID != "new" {
		t.Fatalf("Verify = %+v, %v; want key new", result, err)
	}
	r := request()
	r.Body[10] ^= 1
	_, err = v.Verify(r)
	wantRefusal(t, "body changed", err, signature.ReasonMismatch)
	for header, value := range map[string]string{
		"Paypal-Transmission-Id": "t2", "Paypal-Transmission-Time": "2026-01-01T00:00:01Z", "Paypal-Auth-Algo": "SHA1withRSA",
		"Paypal-Cert-Url": "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1", "Paypal-Transmission-Sig": "AAAA",
	} {
		r := request()
		r.Header.Set(header, value)
		_, err := v.Verify(r)
		wantRefusal(t, header+" changed", err, signature.ReasonMismatch, signature.ReasonMalformed)
		r.Header.Del(header)
		_, err = v.Verify(r)
		wantRefusal(t, "no "+header, err, signature.ReasonMissing)
		r.Header[http.CanonicalHeaderKey(header)] = []string{value, value}
		_, err = v.Verify(r)
		wantRefusal(t, header+" twice", err, signature.ReasonMalformed)
	}
	r = request()
	r.Header.Set("Paypal-Cert-Url", certURL+"0")
	_, err = v.Verify(r)
	wantRefusal(t, "PayPal does not answer", err, signature.ReasonCertificate)
	if err := v.Sign(request(), "id"); err == nil || !strings.Contains(err.Error(), "PayPal alone") {
		t.Errorf("Sign = %v", err)
	}
}
