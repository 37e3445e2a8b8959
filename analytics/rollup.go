package analytics

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
	"text/template"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed queries/due.sql queries/sales_rollup.sql queries/vendor_rollup.sql
var rollupFiles embed.FS

var rollupTemplates = template.Must(template.ParseFS(rollupFiles, "queries/*.sql"))

// rollup is a table of sums and the refreshable materialized view that keeps it, which queries/<Rollup>.sql
// defines.
type rollup struct {
	Table  string   // that it sums
	Rollup string   // that holds the sums
	Part   string   // expression that tells the parts of the rollup apart, each of which must be kept
	Keep   int      // days that Table keeps its rows after the end of their month; 0: forever
	parts  []string // what there is of Part
	days   []string // for sales_rollup: zone and day of a sale, for each zone
}

func rollups(zones []string, keep Retention) []rollup {
	sales := rollup{Table: "sales", Rollup: "sales_rollup", Part: "zone", Keep: keep.Sales, parts: zones}
	for _, zone := range zones {
		// ClickHouse's time zone functions take constants only.
		sales.days = append(sales.days, fmt.Sprintf("(%s, if(source_month = 0, toDate(0), toDate(occurred_at, %s)))", literal(zone), literal(zone)))
	}
	return []rollup{sales, {Table: "events", Rollup: "vendor_rollup", Part: "''", Keep: keep.Events, parts: []string{""}}}
}

func (r rollup) View() string      { return r.Rollup + "_refresh" }
func (r rollup) Parts() string     { return literals(r.parts) }
func (r rollup) PartCount() int    { return len(r.parts) }
func (r rollup) ZonedDays() string { return strings.Join(r.days, ", ") }

// createRollup returns the steps that create r's view, and none where it is there: a new view means an
// interruption.
func (db *DB) createRollup(ctx context.Context, server *DB, r rollup) ([]step, error) {
	sql, comment, err := db.definition(r)
	if err != nil {
		return nil, err
	}
	comments, err := collect(ctx, server, "look at the view "+r.View(),
		"SELECT comment FROM system.tables WHERE database = ? AND name = ?",
		func(rows driver.Rows) (s string, err error) { return s, rows.Scan(&s) }, db.Name(), r.View())
	if err != nil {
		return nil, err
	}
	if len(comments) == 1 && comments[0] == comment {
		return nil, nil
	}
	return []step{
		{"drop the view " + r.View(), "DROP VIEW IF EXISTS " + r.View() + " SYNC"},
		// Rows of a zone that nobody keeps any more would go stale, and would pass for figures if the zone came back.
		{"drop what is not kept from " + r.Rollup, fmt.Sprintf("ALTER TABLE %s DELETE WHERE %s NOT IN (%s) SETTINGS mutations_sync = 2", r.Rollup, r.Part, r.Parts())},
		{"create the view " + r.View(), sql},
	}, nil
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
