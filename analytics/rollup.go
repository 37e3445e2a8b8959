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

//go:embed queries/due.sql queries/sales_hours.sql queries/sales_rollup.sql queries/vendor_rollup.sql
var refreshFiles embed.FS

var refreshTemplates = template.Must(template.ParseFS(refreshFiles, "queries/*.sql"))

// refresh is a refreshable materialized view: a query that ClickHouse runs every so often, whose rows it appends
// to a table. queries/<name>.sql defines it.
type refresh struct {
	name string
	rollup
}

// rollup is what queries/due.sql needs to know of a table that holds sums of another.
type rollup struct {
	Table  string    // that it sums
	Source string    // whose parts say when Table's figures changed
	Rollup string    // that holds the sums
	Part   string    // expression that tells the parts of the rollup apart, each of which must be kept
	Run    string    // condition of the rows that record when a source month was last recomputed
	Counts string    // column that is above 0 in rows of figures
	record [2]string // columns and their values that make rows that Run is true of, one for each of Part
	Keep   int       // days that Table keeps its rows after the end of their month; 0: forever
	parts  []string  // what there is of Part
	days   []string  // for sales_sums: the day of a sale, for each zone
}

func refreshes(zones []string, keep Retention) []refresh {
	sales := rollup{Table: "sales", Source: "sales_hours", Rollup: "sales_sums", Part: "zone", Run: "grain = 'run'", Counts: "count",
		Keep: keep.Sales, parts: zones,
		record: [2]string{"zone, grain", "arrayJoin([" + literals(zones) + "]), 'run'"}}
	for _, zone := range zones {
		// ClickHouse's time zone functions take constants only.
		sales.days = append(sales.days, fmt.Sprintf("if(source_month = 0, toDate(0), toDate(start, %s))", literal(zone)))
	}
	events := rollup{Table: "events", Source: "events", Rollup: "vendor_rollup", Part: "''", Run: "vendor = ''", Counts: "events",
		Keep: keep.Events, parts: []string{""},
		record: [2]string{"vendor", "''"}}
	return []refresh{{"sales_hours", rollup{Keep: keep.Sales}}, {"sales_rollup", sales}, {"vendor_rollup", events}}
}

func (r refresh) Definer() string { return definer }
func (r refresh) View() string    { return r.name + "_refresh" }

// Kept is a condition of source_month: its rows are not about to go.
func (r rollup) Kept() string { return "NOT " + expired(r.Keep) }

func (r rollup) Parts() string  { return literals(r.parts) }
func (r rollup) PartCount() int { return len(r.parts) }
func (r rollup) Days() string   { return strings.Join(r.days, ", ") }

// steps create r's view. There are none where it is there: a new view means an interruption.
func (r refresh) steps(ctx context.Context, db, server *DB) ([]step, error) {
	sql, comment, err := r.definition(db)
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
	return []step{{"drop the view " + r.View(), "DROP VIEW IF EXISTS " + r.View() + " SYNC"}, {"create the view " + r.View(), sql}}, nil
}

// definition writes r's view out. The comment distinguishes its versions.
func (r refresh) definition(db *DB) (sql, comment string, err error) {
	data := struct {
		refresh
		Database, DatabaseText, Comment string
	}{r, identifier(db.Name()), literal(db.Name()), "''"}
	write := func() (string, error) { return fill(refreshTemplates.Lookup(r.name+".sql"), data) }
	body, err := write()
	if err != nil {
		return "", "", fmt.Errorf("write the view %s: %w", r.View(), err)
	}
	sum := sha256.Sum256([]byte(body))
	comment = "Keeps up what its name says. Definition " + hex.EncodeToString(sum[:6]) + "."
	data.Comment = literal(comment)
	sql, err = write()
	return sql, comment, err
}
