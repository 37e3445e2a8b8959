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
	Zones     []string  `name:"zones" placeholder:"ZONE" help:"Reporting time zones to add, by their IANA names (Africa/Lagos,Asia/Kolkata): those in which people read months, weeks and days. Their figures are computed from the sales that are stored. Zones that are stored already stay; a new database gets UTC where none is named."`
	DropZones []string  `name:"drop-zone" env:"-" placeholder:"ZONE" help:"Stored reporting time zones to delete, with their figures."`
	Yes       bool      `name:"yes" env:"-" help:"Delete with --drop-zone also figures that nothing can compute again, because the retention of sales has deleted what they were computed from."`
	Keep      Retention `embed:"" prefix:"keep-"`
}

// ErrNeedsYes is why Setup refuses to delete what nothing can compute again.
var ErrNeedsYes = errors.New("say --yes to delete them for good")

// step is a statement of a setup and what it is for.
type step struct{ what, sql string }

// Setup does what Migrate does, adds the zones that o names to those whose figures the rollup keeps, and deletes those
// that o drops. It returns at once: the figures of a new zone follow within seconds to minutes; see RollupState.
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
	zones, err := db.zones(ctx, server, o)
	if err == nil {
		err = zones.check(o.Yes)
	}
	if err != nil {
		return err
	}
	if err := db.migrate(ctx); err != nil {
		return err
	}
	steps, err := db.steps(ctx, server, zones, o.Keep)
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
	zones, err := db.zones(ctx, server, o)
	if err == nil {
		err = zones.check(o.Yes)
	}
	if err != nil {
		return nil, err
	}
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
	rest, err := db.steps(ctx, server, zones, o.Keep)
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
func (db *DB) steps(ctx context.Context, server *DB, zones Zones, keep Retention) ([]step, error) {
	kept, err := db.ttls(ctx, server)
	if err != nil {
		return nil, err
	}
	steps := []step{createZones("CREATE OR REPLACE VIEW", zones.Kept)}
	for _, r := range refreshes(zones.Kept, keep) {
		if r.Rollup != "" {
			frozen, err := r.freeze(ctx, db, server, kept[r.Table])
			if err != nil {
				return nil, err
			}
			steps = append(steps, frozen...)
		}
		more, err := r.steps(ctx, db, server)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	// Once the view is gone that would write them again.
	for _, d := range zones.Dropped {
		steps = append(steps, step{"delete the figures of the zone " + d.String(),
			"ALTER TABLE sales_sums DELETE WHERE zone = " + literal(d.Zone) + " SETTINGS mutations_sync = 2"})
	}
	return append(steps, keep.steps(kept)...), nil
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

// check returns an error unless all zones exist that o adds, none of them is to be dropped, and all of o makes sense.
func (o SetupOptions) check() error {
	for _, zone := range o.Zones {
		if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
			return fmt.Errorf("set up the rollup: %q is not a time zone: use IANA names such as UTC, Africa/Lagos or America/New_York", zone)
		}
		if slices.Contains(o.DropZones, zone) {
			return fmt.Errorf("set up the rollup: the zone %s is to be added and dropped: say one of --zones and --drop-zone", zone)
		}
	}
	return o.Keep.check()
}

// viewSteps create or replace the views: they hold no data, so that they need no history. reporting_zones
// comes first, which others read; Setup puts the real zones in its place.
func (db *DB) viewSteps() ([]step, error) {
	steps := []step{createZones("CREATE VIEW IF NOT EXISTS", []string{"UTC"})}
	steps = append(steps, step{"log the hours of sales that are written to", touchedLog})
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

// touchedLog names the hours that an INSERT into sales writes to. An hour to which a row comes later is due then.
const touchedLog = `CREATE MATERIALIZED VIEW IF NOT EXISTS sales_touched_log TO sales_touched
` + definer + `
AS SELECT
    toUInt32(intDiv(toUnixTimestamp(occurred_at), 3600)) AS source_hour,
    max(greatest(now64(3, 'UTC'), toDateTime64(counts_from, 3, 'UTC'))) AS touched_at
FROM sales
GROUP BY source_hour
COMMENT 'Writes to sales_touched which hours of sales were written to.'`

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
