package analytics

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Options say which ClickHouse to use and how. Commands embed them with the prefix "clickhouse-".
type Options struct {
	DSN          DSN           `name:"dsn" default:"clickhouse://localhost:9000/hookline" help:"ClickHouse and its database: clickhouse://user:password@host:9000/database?secure=true, or http(s)://host:8123/database. The database is created by 'hookline setup'."`
	PasswordFile string        `name:"password-file" type:"path" placeholder:"PATH" help:"File that holds the password, in place of one in the DSN. A new one in it is used at once."`
	Timeout      time.Duration `name:"timeout" default:"30s" help:"Longest time that one insert or query may take where its caller sets no sooner deadline."`
	Connections  int           `name:"connections" default:"8" help:"Most connections held open at once."`
	Replicated   bool          `name:"replicated" help:"Create the database with ENGINE = Replicated and its tables with Replicated engines (needs ClickHouse Keeper and the macros {shard} and {replica}). Set it before the first 'hookline setup', and name every replica in the DSN: host-1:9000,host-2:9000."`
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

func (o Options) readPassword() (string, error) {
	password, err := os.ReadFile(o.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read ClickHouse password: %w", err)
	}
	return strings.TrimRight(string(password), "\r\n"), nil
}

// defaultDatabase is used where the DSN names none: tables must never land in ClickHouse's own "default".
const defaultDatabase = "hookline"

// Driver translates o into the driver's options. Nothing is dialled.
func (o Options) Driver() (*clickhouse.Options, error) {
	opt, err := clickhouse.ParseDSN(string(o.DSN))
	if err != nil {
		return nil, fmt.Errorf("read ClickHouse DSN: %w", err)
	}
	if o.PasswordFile != "" {
		if opt.Auth.Password, err = o.readPassword(); err != nil {
			return nil, err
		}
	}
	if opt.Auth.Database == "" {
		opt.Auth.Database = defaultDatabase
	}
	if opt.Compression == nil {
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
