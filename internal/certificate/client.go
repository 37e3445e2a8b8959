// Package certificate makes TLS configurations of the PEM files that flags name, and notices when a file is replaced.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Client is what a client needs to know a server, and to be known by it. The zero Client trusts whom the system trusts
// and shows nothing.
type Client struct {
	CA   string // PEM of the authorities that sign servers' certificates; empty: the system's
	Cert string // PEM of our certificate; read again for each connection
	Key  string // PEM of its private key; likewise
}

// Config returns the configuration, for TLS 1.2 or later. Errors name the flags, which start with prefix, such as
// "--kafka-".
func (c Client) Config(prefix string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("%sca: %w", prefix, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%sca: %s holds no certificate in PEM form", prefix, c.CA)
		}
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, errors.New(prefix + "cert and " + prefix + "key go together: name both")
	}
	if c.Cert != "" {
		load := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
			if err != nil {
				return nil, fmt.Errorf("%scert, %skey: %w", prefix, prefix, err)
			}
			return &pair, nil
		}
		if _, err := load(); err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return config, nil
}
