package signature

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"strconv"
	"strings"

	"github.com/hookline-io/hookline/schemas"
)

// paypalRules: an RSA signature by a certificate that a header names, over identifiers and a CRC-32 of the body.
// A CRC can be forged, so anyone who has seen one delivery can send another body under its signature.
func paypalRules() []rule {
	return []rule{{
		scheme:   "paypal",
		names:    []headerNames{{signature: "Paypal-Transmission-Sig"}},
		template: "{header:Paypal-Transmission-Id}|{header:Paypal-Transmission-Time}|{webhook-id}|{crc32}",
		fields: map[string]field{
			"webhook-id": func(dst []byte, c *content) []byte { return append(dst, c.own...) },
			"crc32": func(dst []byte, c *content) []byte {
				return strconv.AppendUint(dst, uint64(crc32.ChecksumIEEE(c.r.Body)), 10)
			},
		},
		algorithm: algorithm{label: "RSA-SHA256", prover: newPaypalKey},
		encoding:  base64Std(),
		proof:     schemas.ProofWeak,
		secret:    textSecret("the webhook's ID, which no request holds"),
		note: "Only a CRC-32 of the body is signed, and CRCs can be forged: confirm money through the API. " +
			"The certificate comes from https://….paypal.com and must chain to a public root.",
		source: "https://developer.paypal.com/api/rest/webhooks/rest/#link-selfverificationmethod",
		reads:  []string{paypalAlgorithm, paypalCertURL},
		check:  paypalCheck,
	}}
}

// In canonical form, as http.Header has them.
const (
	paypalAlgorithm = "Paypal-Auth-Algo"
	paypalCertURL   = "Paypal-Cert-Url"
)

func paypalCheck(c *content) error {
	name, err := one(c.r.Header, paypalAlgorithm)
	if err != nil {
		return err
	}
	if name != "SHA256withRSA" {
		return &Error{Reason: ReasonMalformed, Detail: "want SHA256withRSA in " + paypalAlgorithm}
	}
	cert, err := one(c.r.Header, paypalCertURL)
	if err != nil {
		return err
	}
	if !isPaypalCert(cert) {
		return &Error{Reason: ReasonMalformed, Detail: paypalCertURL + " is no certificate of PayPal's"}
	}
	return nil
}

// isPaypalCert pins where a certificate may come from; a header of the delivery says where it is.
func isPaypalCert(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery &&
		strings.HasSuffix(u.Host, ".paypal.com") && // Host, not Hostname: no port
		strings.HasPrefix(u.Path, "/v1/notifications/certs/") && !strings.Contains(u.Path, "..") && u.RawPath == ""
}

// paypalKey proves for one webhook ID; the public key comes from the certificate that the delivery names.
type paypalKey struct {
	s         *scheme
	webhookID string
}

func newPaypalKey(s *scheme, secret []byte) (prover, error) {
	if s.certs == nil {
		return nil, errors.New("needs a source of certificates")
	}
	return &paypalKey{s: s, webhookID: strings.TrimSpace(string(secret))}, nil
}

func (k *paypalKey) proves(c *content) (bool, error) {
	signature, ok := c.decode(c.signatures, "", k.s.encoding)
	if !ok {
		return false, nil
	}
	certURL := c.r.Header[paypalCertURL][0]
	public, err := k.s.certs.PublicKey(certURL, c.r.Now)
	if err != nil {
		return false, fmt.Errorf("PayPal's certificate: %w", err)
	}
	c.own = k.webhookID
	c.buf = k.s.signed.append(c.buf[:0], c)
	sum := sha256.Sum256(c.buf)
	return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil, nil
}

// plausible expects the size of a 2048-bit key or a larger one.
func (k *paypalKey) plausible(c *content, text string) bool {
	signature, ok := c.decode(text, "", k.s.encoding)
	return ok && len(signature) >= 256
}

func (k *paypalKey) sign(*content) (string, error) {
	return "", errors.New("PayPal alone holds the private key: use the webhook simulator of its dashboard")
}
