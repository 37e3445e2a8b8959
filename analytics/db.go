package analytics

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is hookline's database in ClickHouse. It is safe for concurrent use.
type DB struct {
	opt     *clickhouse.Options // with the first password
	options Options

	mu       sync.Mutex
	conn     driver.Conn // logs in with password
	password string
}

// Open returns the database that o names. It checks o and dials nothing, so that it succeeds while ClickHouse
// is down; see Ping. Errors are mistakes in o.
func Open(_ context.Context, o Options) (*DB, error) {
	opt, err := o.Driver()
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	return over(conn, opt, o), nil
}

// OpenOver is Open with a connection of the caller's, which stands in for the driver's. It is for simulations.
func OpenOver(conn driver.Conn, o Options) (*DB, error) {
	opt, err := o.Driver()
	if err != nil {
		return nil, err
	}
	return over(conn, opt, o), nil
}

func over(conn driver.Conn, opt *clickhouse.Options, o Options) *DB {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	return &DB{opt: opt, options: o, conn: conn, password: opt.Auth.Password}
}

// pool returns the connections. Where the reference leads to a new password, it returns new ones, and closes the old
// once what runs on them has had its time: so a password can be rotated, or corrected, without a restart.
func (db *DB) pool() driver.Conn {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.options.Password == "" {
		return db.conn
	}
	password, err := db.options.readPassword()
	if err != nil || password == db.password {
		return db.conn // a file that is away is being replaced
	}
	opt := *db.opt
	opt.Auth.Password = password
	conn, err := clickhouse.Open(&opt)
	if err != nil {
		return db.conn // the options are those that were opened before
	}
	old := db.conn
	time.AfterFunc(db.options.Timeout, func() { _ = old.Close() })
	db.conn, db.password = conn, password
	return conn
}

// Name is the name of the database.
func (db *DB) Name() string { return db.opt.Auth.Database }

// Ping asks ClickHouse for a sign of life, in this database: it fails before Migrate has created it.
func (db *DB) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return wrap("ping ClickHouse", db.pool().Ping(ctx))
}

// Close gives all connections back.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return wrap("close ClickHouse", db.conn.Close())
}

// exec runs one statement that returns nothing.
func (db *DB) exec(ctx context.Context, op, query string) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return wrap(op, db.pool().Exec(ctx, query))
}

// collect runs query and returns what scan makes of each row.
func collect[T any](ctx context.Context, db *DB, op, query string, scan func(driver.Rows) (T, error), args ...any) (out []T, err error) {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	rows, err := db.pool().Query(ctx, query, args...)
	if err != nil {
		return nil, wrap(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, wrap(op, err)
		}
		out = append(out, v)
	}
	return out, wrap(op, rows.Err())
}
