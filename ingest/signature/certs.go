package signature

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	certTimeout = 5 * time.Second
	certSize    = 64 << 10
)

// load fetches and checks. Its error is a fault that may pass; what will not is a refusal in the entry.
func (c *CertClient) load(url string, now time.Time) (certEntry, error) {
	refused := func(format string, args ...any) (certEntry, error) {
		refusal := &Error{Reason: ReasonMismatch, Detail: "the vendor's certificate: " + fmt.Sprintf(format, args...)}
		return certEntry{refusal: refusal, fresh: now.Add(certRefusedFor), end: now.Add(certRefusedFor)}, nil
	}
	status, body, err := c.download(url)
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
	if err := c.verifyChain(chain, certName(url, chain[0]), now); errors.As(err, &passing) {
		return certEntry{}, err
	} else if err != nil {
		return refused("%v", err)
	}
	key, ok := chain[0].PublicKey.(*rsa.PublicKey)
	if !ok {
		return refused("it holds no RSA key")
	}
	return certEntry{key: key, fresh: now.Add(certFreshFor), end: chain[0].NotAfter}, nil
}

func (c *CertClient) download(url string) (status int, body []byte, err error) {
	response, err := c.http.Get(url) //nolint:noctx // the client has a timeout, and the certificate is for every request that waits
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = readLimited(response.Body)
	return response.StatusCode, body, err
}

func readLimited(body io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(body, certSize)) }

// certName is the name that the certificate must be issued to: for PayPal's as its SDKs check it; SNS's are issued to
// sns.amazonaws.com, or to the host that they are at.
func certName(url string, leaf *x509.Certificate) string {
	if isSNSCert(url) {
		host := strings.TrimPrefix(url[:strings.LastIndexByte(url, '/')], "https://")
		if leaf.VerifyHostname(host) == nil {
			return host
		}
		return "sns.amazonaws.com"
	}
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
	status, body, fetchErr := c.download(chain[0].IssuingCertificateURL[0])
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
