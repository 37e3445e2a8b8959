package analytics

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed queries/due.sql queries/sales_rollup.sql queries/vendor_rollup.sql
var rollupFiles embed.FS

var rollupTemplates = template.Must(template.ParseFS(rollupFiles, "queries/*.sql"))

// rollup is a table of sums and the refreshable materialized view that keeps it, which queries/<table>.sql
// defines.
type rollup struct {
	Table  string   // that it sums
	Rollup string   // that holds the sums
	Part   string   // expression that tells the parts of the rollup apart, each of which must be kept
	parts  []string // what there is of them
	days   []string // for sales_rollup: zone and day of a sale, for each zone
}

func rollups(zones []string) []rollup {
	sales := rollup{Table: "sales", Rollup: "sales_rollup", Part: "zone", parts: zones}
	for _, zone := range zones {
		// ClickHouse's time zone functions take constants only.
		sales.days = append(sales.days, fmt.Sprintf("(%s, if(source_month = 0, toDate(0), toDate(occurred_at, %s)))", literal(zone), literal(zone)))
	}
	return []rollup{sales, {Table: "events", Rollup: "vendor_rollup", Part: "''", parts: []string{""}}}
}

func (r rollup) View() string      { return r.Rollup + "_refresh" }
func (r rollup) Parts() string     { return literals(r.parts) }
func (r rollup) PartCount() int    { return len(r.parts) }
func (r rollup) ZonedDays() string { return strings.Join(r.days, ", ") }

// SetupOptions say what Setup sets up beside the tables.
type SetupOptions struct {
	Zones []string `name:"zones" default:"UTC" placeholder:"ZONE" help:"Reporting time zones, by their IANA names (Africa/Lagos,Asia/Kolkata): those in which people read months, weeks and days. The figures of a new zone are computed from what is stored."`
}

// Setup does what Migrate does and makes the rollup keep the figures of exactly the zones that o names. It
// returns at once: the figures of a new zone follow within seconds to minutes; see RollupState.
func (db *DB) Setup(ctx context.Context, o SetupOptions) error {
	zones, err := checkZones(o.Zones)
	if err != nil {
		return err
	}
	if err := db.createDatabase(ctx); err != nil {
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
	if err := db.createZones(ctx, "CREATE OR REPLACE VIEW", zones); err != nil {
		return err
	}
	for _, r := range rollups(zones) {
		if err := db.createRollup(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// checkZones returns zones sorted, each once, if all of them exist.
func checkZones(zones []string) ([]string, error) {
	if len(zones) == 0 {
		return nil, fmt.Errorf("set up the rollup: no reporting zones: name at least one, such as UTC")
	}
	zones = slices.Clone(zones)
	slices.Sort(zones)
	zones = slices.Compact(zones)
	for _, zone := range zones {
		if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
			return nil, fmt.Errorf("set up the rollup: %q is not a time zone: use IANA names such as UTC, Africa/Lagos or America/New_York", zone)
		}
	}
	return zones, nil
}

// createZones creates the view that names the reporting zones, for readers and for rollup_state.
func (db *DB) createZones(ctx context.Context, create string, zones []string) error {
	return db.exec(ctx, "create view reporting_zones", create+` reporting_zones
(
    zone String COMMENT 'IANA name of the time zone.'
)
AS SELECT arrayJoin([`+literals(zones)+`]) AS zone
COMMENT 'The time zones that sales_per_month and sales_daily have figures for; set by hookline setup --zones.'`)
}

// createRollup leaves the view alone where it is the one that it would create, because a new view means an
// interruption, and recreates it otherwise.
func (db *DB) createRollup(ctx context.Context, r rollup) error {
	sql, comment, err := db.definition(r)
	if err != nil {
		return err
	}
	comments, err := collect(ctx, db, "look at the view "+r.View(),
		"SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = ?",
		func(rows driver.Rows) (s string, err error) { return s, rows.Scan(&s) }, r.View())
	if err != nil {
		return err
	}
	if len(comments) == 1 && comments[0] == comment {
		return nil
	}
	if err := db.exec(ctx, "drop the view "+r.View(), "DROP VIEW IF EXISTS "+r.View()+" SYNC"); err != nil {
		return err
	}
	// Rows of a zone that nobody keeps any more would go stale, and would pass for figures if the zone came back.
	forget := fmt.Sprintf("ALTER TABLE %s DELETE WHERE %s NOT IN (%s) SETTINGS mutations_sync = 2", r.Rollup, r.Part, r.Parts())
	if err := db.exec(ctx, "drop zones from "+r.Rollup, forget); err != nil {
		return err
	}
	return db.exec(ctx, "create the view "+r.View(), sql)
}

// definition writes r's view out. The comment tells one version of it from another.
func (db *DB) definition(r rollup) (sql, comment string, err error) {
	data := struct {
		rollup
		Database, DatabaseText, Comment string
	}{r, identifier(db.Name()), literal(db.Name()), "''"}
	body, err := fill(rollupTemplates.Lookup(r.Rollup+".sql"), data)
	if err != nil {
		return "", "", fmt.Errorf("write the view %s: %w", r.View(), err)
	}
	sum := sha256.Sum256([]byte(body))
	comment = "Keeps " + r.Rollup + ". Definition " + hex.EncodeToString(sum[:6]) + "."
	data.Comment = literal(comment)
	sql, err = fill(rollupTemplates.Lookup(r.Rollup+".sql"), data)
	return sql, comment, err
}

func literals(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = literal(v)
	}
	return strings.Join(quoted, ", ")
}
