package analytics

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/hookline-io/hookline/internal/certificate"
	"github.com/hookline-io/hookline/internal/secret"
)

// Options say which ClickHouse to use and how. Commands embed them with the prefix "clickhouse-".
type Options struct {
	DSN         DSN           `name:"dsn" default:"clickhouse://localhost:9000/hookline" help:"ClickHouse and its database: clickhouse://user@host:9000/database, with ?secure=true and port 9440 for TLS, or http(s)://user@host:8123/database. What is sent to another machine is compressed (LZ4) unless ?compress= says otherwise. The database is created by 'hookline setup'."`
	Password    secret.Ref    `name:"password" placeholder:"REF" help:"Where the user's password is kept: env:NAME or file:/path. A new one in a file is used at once."`
	CA          string        `name:"ca" type:"path" placeholder:"PATH" help:"PEM file of the authorities that sign ClickHouse's certificate, in place of the system's."`
	Cert        string        `name:"cert" type:"path" placeholder:"PATH" help:"PEM file of our certificate, for a ClickHouse that asks for one."`
	Key         string        `name:"key" type:"path" placeholder:"PATH" help:"PEM file of the certificate's private key."`
	Timeout     time.Duration `name:"timeout" default:"30s" help:"Longest time that one insert or query may take where its caller sets no sooner deadline."`
	Connections int           `name:"connections" default:"8" help:"Most connections held open at once."`
	Replicated  bool          `name:"replicated" help:"Create the database with ENGINE = Replicated and its tables with Replicated engines (needs ClickHouse Keeper and the macros {shard} and {replica}). Set it before the first 'hookline setup', and name every replica in the DSN: host-1:9000,host-2:9000."`
}

// DSN is a data source name. It shows its password to nobody who prints or logs it.
type DSN string

// String returns the DSN without its password.
func (d DSN) String() string {
	u, err := url.Parse(string(d))
	if err != nil {
		return "[unreadable DSN]"
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}

// GoString implements fmt.GoStringer, for %#v.
func (d DSN) GoString() string { return d.String() }

// LogValue implements slog.LogValuer.
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON and YAML.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// HasPassword says whether a password stands in the DSN itself, where who may list processes can read it.
func (d DSN) HasPassword() bool {
	opt, err := clickhouse.ParseDSN(string(d))
	return err == nil && opt.Auth.Password != ""
}

func (o Options) readPassword() (string, error) {
	password, err := o.Password.Read()
	if err != nil {
		return "", fmt.Errorf("--clickhouse-password: %w", err)
	}
	return string(password.Reveal()), nil
}

func (o Options) certificates() certificate.Client {
	return certificate.Client{CA: o.CA, Cert: o.Cert, Key: o.Key}
}

// AdviceTLS says what to do about an error of the TLS handshake with ClickHouse, and nothing where err is none.
func (o Options) AdviceTLS(err error) string {
	return o.certificates().Advice(err, "--clickhouse-", "ClickHouse")
}

// secure adds to opt, which the DSN made, what the flags say of TLS.
func (o Options) secure(opt *clickhouse.Options) error {
	if opt.TLS == nil {
		if o.CA != "" || o.Cert != "" || o.Key != "" {
			return errors.New("--clickhouse-ca, --clickhouse-cert and --clickhouse-key are for TLS: add ?secure=true to --clickhouse-dsn, and the port of TLS (9440, or https:// and 8443)")
		}
		return nil
	}
	config, err := o.certificates().Config("--clickhouse-")
	if err != nil {
		return err
	}
	// What the DSN says of TLS (skip_verify, tls_server_name) holds as well.
	config.InsecureSkipVerify, config.ServerName = opt.TLS.InsecureSkipVerify, opt.TLS.ServerName //nolint:gosec // only on demand
	opt.TLS = config
	return nil
}

// defaultDatabase is used where the DSN names none: tables must never land in ClickHouse's own "default".
const defaultDatabase = "hookline"

// Driver translates o into the driver's options. Nothing is dialled.
func (o Options) Driver() (*clickhouse.Options, error) {
	opt, err := clickhouse.ParseDSN(string(o.DSN))
	if err != nil {
		return nil, fmt.Errorf("read ClickHouse DSN: %w", err)
	}
	if o.Password != "" {
		if opt.Auth.Password, err = o.readPassword(); err != nil {
			return nil, err
		}
	}
	if err := o.secure(opt); err != nil {
		return nil, err
	}
	if opt.Auth.Database == "" {
		opt.Auth.Database = defaultDatabase
	}
	if opt.Compression == nil && !local(opt.Addr) {
		opt.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	if opt.DialTimeout == 0 {
		opt.DialTimeout = 5 * time.Second
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	// The driver's own read deadline is the last resort behind the context's: it must not cut a call that
	// still has time.
	opt.ReadTimeout = max(opt.ReadTimeout, 2*timeout)
	opt.MaxOpenConns = max(o.Connections, 2)
	opt.MaxIdleConns = opt.MaxOpenConns
	opt.ConnMaxLifetime = 10 * time.Minute // so that a load balancer's new members get their share
	opt.ClientInfo.Products = append(opt.ClientInfo.Products, struct{ Name, Version string }{Name: "hookline"})
	return opt, nil
}

// local says whether all of the addresses are of this machine. As with clickhouse-client, what does not leave it is not
// compressed unless the DSN says so: that is a third of the work of storing an event.
func local(addresses []string) bool {
	for _, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return false
		}
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
