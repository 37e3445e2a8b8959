package analytics

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed queries/rollup.sql
var rollupSQL string

var rollupTemplate = template.Must(template.New("rollup.sql").Parse(rollupSQL))

// rollupView is the refreshable materialized view that keeps sales_rollup.
const rollupView = "sales_rollup_refresh"

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
	return db.createRollup(ctx, zones)
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
func (db *DB) createRollup(ctx context.Context, zones []string) error {
	sql, comment, err := db.rollup(zones)
	if err != nil {
		return err
	}
	comments, err := collect(ctx, db, "look at the rollup",
		"SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = ?",
		func(rows driver.Rows) (s string, err error) { return s, rows.Scan(&s) }, rollupView)
	if err != nil {
		return err
	}
	if len(comments) == 1 && comments[0] == comment {
		return nil
	}
	if err := db.exec(ctx, "drop the rollup's view", "DROP VIEW IF EXISTS "+rollupView+" SYNC"); err != nil {
		return err
	}
	// Rows of a zone that nobody keeps any more would go stale, and would pass for figures if the zone came back.
	forget := "ALTER TABLE sales_rollup DELETE WHERE zone NOT IN (" + literals(zones) + ") SETTINGS mutations_sync = 2"
	if err := db.exec(ctx, "drop zones from the rollup", forget); err != nil {
		return err
	}
	return db.exec(ctx, "create the rollup's view", sql)
}

// rollup writes the view out for zones. The comment tells one version of it from another.
func (db *DB) rollup(zones []string) (sql, comment string, err error) {
	days := make([]string, len(zones))
	for i, zone := range zones {
		// ClickHouse's time zone functions take constants only.
		days[i] = fmt.Sprintf("(%s, if(source_month = 0, toDate(0), toDate(occurred_at, %s)))", literal(zone), literal(zone))
	}
	data := struct {
		Database, DatabaseText, Zones, ZonedDays, Comment string
		ZoneCount                                         int
	}{
		Database:     identifier(db.Name()),
		DatabaseText: literal(db.Name()),
		Zones:        literals(zones),
		ZonedDays:    strings.Join(days, ", "),
		ZoneCount:    len(zones),
		Comment:      "''",
	}
	write := func() (string, error) { return fill(rollupTemplate, data) }
	body, err := write()
	if err != nil {
		return "", "", fmt.Errorf("write the rollup's view: %w", err)
	}
	sum := sha256.Sum256([]byte(body))
	comment = "Keeps sales_rollup for " + strings.Join(zones, ", ") + ". Definition " + hex.EncodeToString(sum[:6]) + "."
	data.Comment = literal(comment)
	sql, err = write()
	return sql, comment, err
}

func literals(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = literal(v)
	}
	return strings.Join(quoted, ", ")
}
