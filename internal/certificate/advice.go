package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// Advice says what to do about an error of a TLS handshake with a server, which who names, such as "the broker"; and
// nothing where err is none. Flags start with prefix, as for Config.
func (c Client) Advice(err error, prefix, who string) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if c.CA == "" {
			return fmt.Sprintf("No authority of this system signed the certificate of %s: name the file of the one that did with %sca.",
				who, prefix)
		}
		return fmt.Sprintf("None of the authorities in %s (%sca) signed the certificate of %s: get the file of the one that did.", c.CA,
			prefix, who)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("Address %s by a name that its certificate has.", who)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return fmt.Sprintf("Renew the certificate of %s, and check this machine's clock.", who)
		}
		return fmt.Sprintf("Have a new certificate issued for %s: this one is not for a server.", who)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Sprintf("At this port %s speaks no TLS: connect to the port at which it does, or without TLS.", who)
	}
	// What the other side said, in an alert for which crypto/tls has no type.
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
		if c.Cert == "" {
			return fmt.Sprintf("It was %s that ended the TLS handshake: it wants a certificate of ours (%scert, %skey).", who,
				prefix, prefix)
		}
		return fmt.Sprintf("Our certificate (%scert) is not accepted: check that %s trusts its authority, and that it has not expired.",
			prefix, who)
	}
	return ""
}
