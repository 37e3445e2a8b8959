package verify

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// CertClient is the CertSource that fetches over HTTPS. Only PayPal's hosts are ever asked. Certificates are
// cached; as a stranger may name any number of them, the cache is bounded and fetches are limited in rate.
type CertClient struct {
	http   *http.Client
	roots  *x509.CertPool // nil: the system's
	fetch  singleflight.Group
	budget *rate.Limiter

	mu    sync.Mutex
	known map[string]certEntry // by URL
}

// certEntry is what is known of a URL until a time: a key, or the refusal of what is there.
type certEntry struct {
	key     *rsa.PublicKey
	refusal *Error
	until   time.Time
}

const (
	certTimeout    = 5 * time.Second
	certSize       = 64 << 10
	certEntries    = 64
	certGoodFor    = 24 * time.Hour // a certificate withdrawn in between is still believed for as long
	certRefusedFor = time.Minute
	certRate       = 1 // fetches a second; PayPal changes its certificate about once a year
	certBurst      = 5
)

// NewCertClient makes a CertClient. transport nil means http.DefaultTransport; roots nil means the system's.
func NewCertClient(transport http.RoundTripper, roots *x509.CertPool) *CertClient {
	return &CertClient{
		http: &http.Client{
			Transport:     transport,
			Timeout:       certTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		roots:  roots,
		budget: rate.NewLimiter(certRate, certBurst),
		known:  make(map[string]certEntry),
	}
}

// PublicKey implements CertSource. It waits at most for one fetch, which is bounded in time.
func (c *CertClient) PublicKey(url string, now time.Time) (*rsa.PublicKey, error) {
	if !isPaypalCert(url) {
		return nil, &Error{Reason: ReasonMalformed, Detail: "the certificate is not at PayPal's"}
	}
	if entry, ok := c.recall(url, now); ok {
		return entry.result()
	}
	got, err, _ := c.fetch.Do(url, func() (any, error) {
		if !c.budget.AllowN(now, 1) {
			return nil, errors.New("too many different certificates asked for; try again later")
		}
		entry, err := c.load(url, now)
		if err == nil {
			c.remember(url, entry, now)
		}
		return entry, err
	})
	if err != nil {
		return nil, fmt.Errorf("fetch certificate: %w", err)
	}
	return got.(certEntry).result()
}

func (e certEntry) result() (*rsa.PublicKey, error) {
	if e.refusal != nil {
		copied := *e.refusal
		return nil, &copied
	}
	return e.key, nil
}

func (c *CertClient) recall(url string, now time.Time) (certEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.known[url]
	return entry, ok && now.Before(entry.until)
}

// remember makes room by forgetting what has expired, then what was refused, then anything.
func (c *CertClient) remember(url string, entry certEntry, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	disposable := []func(certEntry) bool{
		func(e certEntry) bool { return !now.Before(e.until) },
		func(e certEntry) bool { return e.refusal != nil },
		func(certEntry) bool { return true },
	}
	for _, dispose := range disposable {
		for other, e := range c.known {
			if len(c.known) >= certEntries && dispose(e) {
				delete(c.known, other)
			}
		}
	}
	c.known[url] = entry
}

// load fetches and checks. Its error is a fault that may pass; what will not is a refusal in the entry.
func (c *CertClient) load(url string, now time.Time) (certEntry, error) {
	refused := func(format string, args ...any) (certEntry, error) {
		return certEntry{
			refusal: &Error{Reason: ReasonMismatch, Detail: "PayPal's certificate: " + fmt.Sprintf(format, args...)},
			until:   now.Add(certRefusedFor),
		}, nil
	}
	status, body, err := c.get(url)
	switch {
	case err != nil:
		return certEntry{}, err
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests:
		return refused("there is none at that URL (status %d)", status)
	case status != http.StatusOK:
		return certEntry{}, fmt.Errorf("status %d", status)
	}
	chain, err := parseChain(body)
	if err != nil {
		return refused("%v", err)
	}
	var passing passingError
	if err := c.verifyChain(chain, certName(url), now); errors.As(err, &passing) {
		return certEntry{}, err
	} else if err != nil {
		return refused("%v", err)
	}
	key, ok := chain[0].PublicKey.(*rsa.PublicKey)
	if !ok {
		return refused("it holds no RSA key")
	}
	until := now.Add(certGoodFor)
	if chain[0].NotAfter.Before(until) {
		until = chain[0].NotAfter
	}
	return certEntry{key: key, until: until}, nil
}

func (c *CertClient) get(url string) (status int, body []byte, err error) {
	response, err := c.http.Get(url) //nolint:noctx // the client has a timeout, and the certificate is for every request that waits
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, certSize))
	return response.StatusCode, body, err
}

// certName is the name that PayPal's certificates are issued to, as its SDKs check it.
func certName(url string) string {
	if strings.HasPrefix(url, "https://api.sandbox.") || strings.HasPrefix(url, "https://api-m.sandbox.") {
		return "messageverificationcerts.sandbox.paypal.com"
	}
	return "messageverificationcerts.paypal.com"
}

// parseChain reads PEM: the certificate, then any that vouch for it.
func parseChain(body []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for {
		var block *pem.Block
		if block, body = pem.Decode(body); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("cannot be read")
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, errors.New("is not PEM")
	}
	return chain, nil
}

// verifyChain fetches the issuer's certificate from where the leaf says it is, if it did not come along.
func (c *CertClient) verifyChain(chain []*x509.Certificate, name string, now time.Time) error {
	options := x509.VerifyOptions{
		DNSName: name, Roots: c.roots, CurrentTime: now, Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, // it signs messages, not TLS
	}
	for _, cert := range chain[1:] {
		options.Intermediates.AddCert(cert)
	}
	_, err := chain[0].Verify(options)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || len(chain[0].IssuingCertificateURL) == 0 {
		return err
	}
	status, body, fetchErr := c.get(chain[0].IssuingCertificateURL[0])
	if fetchErr == nil && status != http.StatusOK {
		fetchErr = fmt.Errorf("status %d", status)
	}
	if fetchErr != nil {
		return passingError{fmt.Errorf("fetch its issuer: %w", fetchErr)}
	}
	issuer, parseErr := x509.ParseCertificate(body)
	if parseErr != nil {
		return err
	}
	options.Intermediates.AddCert(issuer)
	_, err = chain[0].Verify(options)
	return err
}

// passingError marks a fault that says nothing of the certificate.
type passingError struct{ error }
