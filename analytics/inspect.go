package analytics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/pressly/goose/v3"
)

// Server is the ClickHouse that answers.
type Server struct {
	Version string
	User    string    // that we are to it
	Now     time.Time // by its clock, in milliseconds
	// The settings of our queries do not arrive, so that a server with a deduplication window drops INSERTs that equal
	// earlier ones.
	Swallows bool
}

// Server asks ClickHouse who it is. It needs no database, and changes settings of its own query as inserts do.
func (db *DB) Server(ctx context.Context) (s Server, err error) {
	server, err := db.server()
	if err != nil {
		return Server{}, err
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	settings, token := insertSettings(db.opt.Protocol), ""
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings))
	err = server.pool().QueryRow(ctx, "SELECT version(), currentUser(), now64(3, 'UTC'), getSetting('"+deduplicationToken+"')").Scan(&s.Version, &s.User, &s.Now, &token)
	s.Swallows = token != settings[deduplicationToken]
	return s, wrap("ask ClickHouse who it is", err)
}

// Schema is what the database has of what this version of hookline needs.
type Schema struct {
	Exists  bool     // the database
	Pending []string // migrations that are still to be made, by file name
	Ahead   []uint64 // migrations it has had that this version of hookline does not know
}

// Schema compares the database with this version of hookline. What this user may not see does not exist to it: see
// Grants.Look.
func (db *DB) Schema(ctx context.Context) (Schema, error) {
	server, err := db.server()
	if err != nil {
		return Schema{}, err
	}
	defer server.Close()
	n, err := server.number(ctx, "look for the database", "SELECT count() FROM system.databases WHERE name = ?", db.Name())
	if err != nil || n == 0 {
		return Schema{}, err
	}
	files, pending, err := db.pending(ctx, server)
	if err != nil {
		return Schema{}, err
	}
	s := Schema{Exists: true, Pending: pending}
	all, err := names(files)
	if err != nil || len(pending) == len(all) {
		return s, err
	}
	newest, err := goose.NumericComponent(all[len(all)-1])
	if err != nil {
		return s, fmt.Errorf("prepare migrations: %w", err)
	}
	s.Ahead, err = collect(ctx, db, "look for migrations",
		"SELECT DISTINCT toUInt64(version_id) FROM "+versionTable+" WHERE version_id > ? ORDER BY version_id",
		func(rows driver.Rows) (v uint64, err error) { return v, rows.Scan(&v) }, newest)
	return s, err
}

// right is to do something on an object, as ClickHouse's GRANT has them.
type right struct{ access, on string }

func (r right) String() string { return r.access + " ON " + strings.ReplaceAll(r.on, "`", "") }

// rights are those that the parts of hookline need.
type rights struct{ store, setUp, look, watch, read []right }

func (db *DB) rights() (r rights) {
	on := func(access string, tables ...string) (out []right) {
		for _, table := range tables {
			out = append(out, right{access, identifier(db.Name()) + "." + table})
		}
		return out
	}
	r.store = append(on("INSERT", "events", "sales", "sale_keys", "action_results", "rejections", "dead_letters", "ledger"),
		on("SELECT", "sale_keys", "ledger", "dead_letters")...)
	for _, access := range []string{"CREATE TABLE", "CREATE VIEW", "DROP TABLE", "DROP VIEW", "ALTER", "SELECT", "INSERT"} {
		r.setUp = append(r.setUp, on(access, "*")...)
	}
	// Everyone has these unless the server has table_engines_require_grant.
	database := "Atomic"
	if db.options.Replicated {
		database = "Replicated"
	}
	for _, engine := range []string{database, "Memory", db.engine("MergeTree"), db.engine("ReplacingMergeTree"), db.engine("AggregatingMergeTree")} {
		r.setUp = append(r.setUp, right{"TABLE ENGINE", engine})
	}
	r.look = on("SELECT", versionTable)
	r.watch = []right{{"SELECT", "system.view_refreshes"}}
	for _, view := range refreshes(nil, Retention{}) {
		r.watch = append(r.watch, on("SHOW TABLES", view.View())...)
	}
	r.read = on("SELECT", "sales_per_month", "reporting_zones", "rollup_state")
	return r
}

// Grants are the rights that this user lacks, as ClickHouse's GRANT has them, such as "INSERT ON hookline.events".
type Grants struct {
	Store []string // of those of the processor
	SetUp []string // of those of `hookline setup`
	Look  []string // of those that Schema needs
	Watch []string // of those that Refreshes needs
	// ReadsOnly says that this user is one of people or boards, and none of our parts: it may read figures, and neither
	// insert anything nor create tables.
	ReadsOnly bool
}

// Grants asks ClickHouse what this user may not do. It works before the database exists.
func (db *DB) Grants(ctx context.Context) (g Grants, err error) {
	server, err := db.server()
	if err != nil {
		return Grants{}, err
	}
	defer server.Close()
	needed := db.rights()
	var read []string
	for _, part := range []struct {
		rights  []right
		lacking *[]string
	}{{needed.store, &g.Store}, {needed.setUp, &g.SetUp}, {needed.look, &g.Look}, {needed.watch, &g.Watch}, {needed.read, &read}} {
		for _, r := range part.rights {
			granted, err := collect(ctx, server, "check grants", "CHECK GRANT "+r.access+" ON "+r.on,
				func(rows driver.Rows) (ok uint8, err error) { return ok, rows.Scan(&ok) })
			if err != nil {
				return Grants{}, err
			}
			if len(granted) != 1 || granted[0] == 0 {
				*part.lacking = append(*part.lacking, r.String())
			}
		}
	}
	may := func(lacking []string, rights []right, access string) bool {
		return slices.ContainsFunc(rights, func(r right) bool { return r.access == access && !slices.Contains(lacking, r.String()) })
	}
	g.ReadsOnly = len(read) == 0 && !may(g.Store, needed.store, "INSERT") && !may(g.SetUp, needed.setUp, "CREATE TABLE")
	return g, nil
}

// Refresh is one of the queries that ClickHouse runs by itself to keep the rollups up to date.
type Refresh struct {
	View      string
	Exception string    // of the last run, if it failed
	Succeeded time.Time // last; 0 of Unix if never
}

// Refreshes returns the state of each.
func (db *DB) Refreshes(ctx context.Context) ([]Refresh, error) {
	return collect(ctx, db, "look at the refreshes", "SELECT view, exception, ifNull(last_success_time, toDateTime(0)) FROM system.view_refreshes WHERE database = ? ORDER BY view",
		func(rows driver.Rows) (r Refresh, err error) {
			err = rows.Scan(&r.View, &r.Exception, &r.Succeeded)
			r.Exception = strings.TrimSpace(r.Exception)
			return r, err
		}, db.Name())
}
