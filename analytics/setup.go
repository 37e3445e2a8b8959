package analytics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// SetupOptions say what Setup sets up beside the tables.
type SetupOptions struct {
	Zones []string  `name:"zones" default:"UTC" placeholder:"ZONE" help:"Reporting time zones, by their IANA names (Africa/Lagos,Asia/Kolkata): those in which people read months, weeks and days. The figures of a new zone are computed from what is stored."`
	Keep  Retention `embed:"" prefix:"keep-"`
}

// step is a statement of a setup and what it is for.
type step struct{ what, sql string }

// Setup does what Migrate does and makes the rollup keep the figures of exactly the zones that o names. It
// returns at once: the figures of a new zone follow within seconds to minutes; see RollupState.
func (db *DB) Setup(ctx context.Context, o SetupOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	server, err := db.server()
	if err != nil {
		return err
	}
	defer server.Close()
	if err := db.create(ctx); err != nil {
		return err
	}
	release, err := db.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := db.migrate(ctx); err != nil {
		return err
	}
	steps, err := db.steps(ctx, server, o)
	if err != nil {
		return err
	}
	return db.run(ctx, steps...)
}

// Migrate creates the database and brings its tables and views to the form that this version of hookline
// needs. It only ever goes forward, is safe to repeat, and lets one runner in at a time. It leaves zones,
// rollups and retention as they are; see Setup.
func (db *DB) Migrate(ctx context.Context) error {
	if err := db.create(ctx); err != nil {
		return err
	}
	release, err := db.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	return db.migrate(ctx)
}

// Plan returns the statements that Setup would run, each with a comment that says what it is for, and runs
// none. Views are always replaced: they hold no data.
func (db *DB) Plan(ctx context.Context, o SetupOptions) ([]string, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	server, err := db.server()
	if err != nil {
		return nil, err
	}
	defer server.Close()
	steps := []step{db.createDatabase()}
	files, pending, err := db.pending(ctx, server)
	if err != nil {
		return nil, err
	}
	for _, name := range pending {
		sql, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("plan the setup: %w", err)
		}
		steps = append(steps, step{"migration " + name, string(sql)})
	}
	views, err := db.viewSteps()
	if err != nil {
		return nil, err
	}
	rest, err := db.steps(ctx, server, o)
	if err != nil {
		return nil, err
	}
	var plan []string
	for _, s := range slices.Concat(steps, views, rest) {
		plan = append(plan, "-- "+s.what+"\n"+strings.TrimSpace(s.sql)+"\n")
	}
	return plan, nil
}

// steps are what Setup does beyond Migrate.
func (db *DB) steps(ctx context.Context, server *DB, o SetupOptions) ([]step, error) {
	steps := []step{createZones("CREATE OR REPLACE VIEW", o.Zones)}
	for _, r := range refreshes(o.Zones, o.Keep) {
		more, err := r.steps(ctx, db, server)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	keep, err := db.keep(ctx, server, o.Keep)
	return append(steps, keep...), err
}

// run carries steps out in their order.
func (db *DB) run(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		if err := db.exec(ctx, s.what, s.sql); err != nil {
			return err
		}
	}
	return nil
}

// create creates the database. CREATE DATABASE makes one replica of a replicated one, so it is said to each host of
// the DSN; the statements that follow reach the others through the database itself.
func (db *DB) create(ctx context.Context) error {
	for _, hosts := range db.replicas() {
		server, err := db.server(hosts...)
		if err != nil {
			return err
		}
		if err := errors.Join(server.run(ctx, db.createDatabase()), server.Close()); err != nil {
			return fmt.Errorf("on %s: %w", strings.Join(hosts, ","), err)
		}
	}
	return nil
}

// replicas are the hosts to create the database on: any one of them, or all where it is replicated.
func (db *DB) replicas() (out [][]string) {
	if !db.options.Replicated {
		return [][]string{db.opt.Addr}
	}
	for _, host := range db.opt.Addr {
		out = append(out, []string{host})
	}
	return out
}

// server connects to no database, because a connection to one that does not exist is refused; to one of hosts, or of
// all that the DSN names. Close it.
func (db *DB) server(hosts ...string) (*DB, error) {
	opt := *db.opt
	opt.Auth.Database = ""
	if len(hosts) > 0 {
		opt.Addr = hosts
	}
	conn, err := clickhouse.Open(&opt)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	return &DB{conn: conn, opt: &opt, options: db.options}, nil
}

func (db *DB) createDatabase() step {
	engine := "Atomic"
	if db.options.Replicated {
		engine = fmt.Sprintf("Replicated(%s, '{shard}', '{replica}')", literal("/clickhouse/databases/"+db.Name()))
	}
	return step{"create the database", fmt.Sprintf("CREATE DATABASE IF NOT EXISTS %s ENGINE = %s COMMENT 'hookline: webhooks of vendors and the sales in them.'", identifier(db.Name()), engine)}
}

// check sorts the zones, each once, and returns an error unless all of them exist and all of o makes sense.
func (o *SetupOptions) check() error {
	if len(o.Zones) == 0 {
		return fmt.Errorf("set up the rollup: no reporting zones: name at least one, such as UTC")
	}
	zones := slices.Clone(o.Zones)
	slices.Sort(zones)
	o.Zones = slices.Compact(zones)
	for _, zone := range o.Zones {
		if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
			return fmt.Errorf("set up the rollup: %q is not a time zone: use IANA names such as UTC, Africa/Lagos or America/New_York", zone)
		}
	}
	return o.Keep.check()
}

// viewSteps create or replace the views: they hold no data, so that they need no history. reporting_zones
// comes first, which others read; Setup puts the real zones in its place.
func (db *DB) viewSteps() ([]step, error) {
	steps := []step{createZones("CREATE VIEW IF NOT EXISTS", []string{"UTC"})}
	files, err := db.render(views)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("create views: %w", err)
	}
	for _, name := range names {
		sql, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("create views: %w", err)
		}
		steps = append(steps, step{"create the view " + strings.TrimSuffix(name, ".sql"), string(sql)})
	}
	return steps, nil
}

// createZones creates the view that names the reporting zones, for readers and for rollup_state.
func createZones(create string, zones []string) step {
	return step{"create the view reporting_zones", create + ` reporting_zones
(
    zone String COMMENT 'IANA name of the time zone.'
)
` + definer + `
AS SELECT arrayJoin([` + literals(zones) + `]) AS zone
COMMENT 'The time zones that sales_per_month and sales_daily have figures for; set by hookline setup --zones.'`}
}
