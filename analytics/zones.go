package analytics

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Zones is what a setup makes of the reporting time zones.
type Zones struct {
	Kept    []string      // those that have figures afterwards, sorted
	Added   []ZoneFigures // with the figures that the other zones have
	Dropped []ZoneFigures
	Unknown []string // to be dropped, and not stored
}

// ZoneFigures says of how many source months a zone has or gets figures, and for which of them the sales are gone, so
// that nothing can compute them.
type ZoneFigures struct {
	Zone        string
	Months      int
	Gone        int
	First, Last uint32 // of those that are gone, as YYYYMM
}

// Zones says what a setup with o would make of the reporting time zones. It changes nothing, and works before the
// database exists.
func (db *DB) Zones(ctx context.Context, o SetupOptions) (Zones, error) {
	server, err := db.server()
	if err != nil {
		return Zones{}, err
	}
	defer server.Close()
	if err := o.check(); err != nil {
		return Zones{}, err
	}
	return db.zones(ctx, server, o)
}

// zones adds to the stored zones those that o names, and takes away those that o drops.
func (db *DB) zones(ctx context.Context, server *DB, o SetupOptions) (Zones, error) {
	stored, err := db.storedZones(ctx, server)
	if err != nil {
		return Zones{}, err
	}
	months, err := db.figureMonths(ctx, server, o.Keep.Sales)
	if err != nil {
		return Zones{}, err
	}
	wanted := slices.Concat(stored, o.Zones)
	if len(wanted) == 0 {
		wanted = []string{"UTC"}
	}
	slices.Sort(wanted)
	var z Zones
	for _, zone := range slices.Compact(wanted) {
		switch isStored, drop := slices.Contains(stored, zone), slices.Contains(o.DropZones, zone); {
		case drop:
			z.Dropped = append(z.Dropped, figuresOf(zone, months, func(m figureMonth) bool { return slices.Contains(m.zones, zone) }))
		case isStored:
			z.Kept = append(z.Kept, zone)
		default:
			z.Kept = append(z.Kept, zone)
			z.Added = append(z.Added, figuresOf(zone, months, func(figureMonth) bool { return true }))
		}
	}
	for _, zone := range o.DropZones {
		if !slices.Contains(stored, zone) {
			z.Unknown = append(z.Unknown, zone)
		}
	}
	return z, nil
}

// check returns an error where z must not be made without the user's word.
func (z Zones) check(yes bool) error {
	if len(z.Kept) == 0 {
		return fmt.Errorf("drop zones: no reporting zone would be left: add another with --zones")
	}
	for _, d := range z.Dropped {
		if d.Gone > 0 && !yes {
			return fmt.Errorf("drop the zone %s: nothing could ever compute %s of its %d months again, because the retention of sales has deleted what they were computed from: %w",
				d.Zone, d.span(), d.Months, ErrNeedsYes)
		}
	}
	return nil
}

// span names the months that are gone.
func (f ZoneFigures) span() string {
	if f.Gone == 1 {
		return "1 (" + yearMonth(f.First) + ")"
	}
	return fmt.Sprintf("%d (%s to %s)", f.Gone, yearMonth(f.First), yearMonth(f.Last))
}

// String says what is lost.
func (f ZoneFigures) String() string {
	if f.Gone == 0 {
		return fmt.Sprintf("%s, %d months, for all of which sales are stored", f.Zone, f.Months)
	}
	return fmt.Sprintf("%s, %d months; the sales of %s are deleted", f.Zone, f.Months, f.span())
}

func yearMonth(m uint32) string { return fmt.Sprintf("%04d-%02d", m/100, m%100) }

// storedZones are those that have figures, and those that the rollup computes. The database may be of any version, or
// not exist.
func (db *DB) storedZones(ctx context.Context, server *DB) ([]string, error) {
	const op = "look for the stored zones"
	scan := func(rows driver.Rows) (s string, err error) { return s, rows.Scan(&s) }
	// From the view's text: a view whose definer is gone cannot be read. Before its first setup a database has the view
	// reporting_zones with a zone that nobody asked for, and no rollup.
	zones, err := collect(ctx, server, op, `SELECT arrayJoin(extractAll(as_select, '\'([^\']+)\'')) FROM system.tables
		WHERE database = ? AND name = 'reporting_zones' AND database IN (SELECT database FROM system.tables WHERE name = 'sales_rollup_refresh')`, scan, db.Name())
	if err != nil {
		return nil, err
	}
	table, err := db.figuresTable(ctx, server)
	if err != nil || table == "" {
		return zones, err
	}
	more, err := collect(ctx, server, op, "SELECT DISTINCT toString(zone) FROM "+table, scan)
	return append(zones, more...), err
}

// figuresTable names the table of figures that there is, which older versions called sales_rollup; "" where none is.
func (db *DB) figuresTable(ctx context.Context, server *DB) (string, error) {
	tables, err := collect(ctx, server, "look for figures",
		"SELECT max(name) FROM system.tables WHERE database = ? AND name IN ('sales_rollup', 'sales_sums')",
		func(rows driver.Rows) (s string, err error) { return s, rows.Scan(&s) }, db.Name())
	if err != nil || tables[0] == "" {
		return "", err
	}
	return identifier(db.Name()) + "." + tables[0], nil
}

// figureMonth is a source month that has figures.
type figureMonth struct {
	month uint32
	zones []string // that have them
	gone  bool     // its sales are deleted, or about to be
}

// figureMonths returns the months that have figures where sales are to be kept for so many days; 0: forever.
func (db *DB) figureMonths(ctx context.Context, server *DB, keep int) ([]figureMonth, error) {
	table, err := db.figuresTable(ctx, server)
	if err != nil || table == "" {
		return nil, err
	}
	now, err := db.ttls(ctx, server)
	if err != nil {
		return nil, err
	}
	return collect(ctx, server, "look at the months of figures", fmt.Sprintf(`SELECT source_month, groupUniqArrayIf(toString(zone), count > 0) AS zones,
			max(refreshed_at) >= %[2]s OR %[3]s OR %[4]s OR source_month NOT IN (SELECT toUInt32(partition) FROM system.parts WHERE database = ? AND table = 'sales' AND active) AS gone
		FROM %[1]s FINAL GROUP BY source_month HAVING notEmpty(zones) ORDER BY source_month`, table, never, expired(now["sales"]), expired(keep)),
		func(rows driver.Rows) (m figureMonth, err error) { return m, rows.Scan(&m.month, &m.zones, &m.gone) }, db.Name())
}

func figuresOf(zone string, months []figureMonth, has func(figureMonth) bool) ZoneFigures {
	f := ZoneFigures{Zone: zone}
	for _, m := range months {
		if !has(m) {
			continue
		}
		f.Months++
		if !m.gone {
			continue
		}
		if f.Gone++; f.Gone == 1 {
			f.First = m.month
		}
		f.Last = m.month
	}
	return f
}

// never is when a month's figures were last computed, by sales_sums and vendor_rollup, where they must never be again.
const never = "toDateTime64('2200-01-01 00:00:00', 3, 'UTC')"

// expired is a condition of source_month: retention has deleted its rows, or will within two days; see due.sql.
func expired(days int) string {
	if days == 0 {
		return "0"
	}
	return fmt.Sprintf("(source_month != 0 AND now() >= makeDate(intDiv(source_month, 100), source_month %% 100, 1) + INTERVAL 1 MONTH + INTERVAL %d DAY - INTERVAL 2 DAY)", days)
}

// freeze returns a step that keeps r's figures of months whose rows retention has deleted from being computed again, from
// the few that come in late. While the retention holds the view leaves such months alone by itself, so it takes a
// step where the retention becomes longer, and for new parts of months that are frozen already.
func (r rollup) freeze(ctx context.Context, db, server *DB, kept int) ([]step, error) {
	exists, err := server.number(ctx, "look for "+r.Rollup, "SELECT count() FROM system.tables WHERE database = ? AND name = ?",
		db.Name(), r.Rollup)
	if err != nil || exists == 0 {
		return nil, err
	}
	lost := "0"
	if r.Keep == 0 || r.Keep > kept {
		lost = expired(kept)
	}
	months, err := collect(ctx, server, "look for months of "+r.Rollup+" that are frozen",
		fmt.Sprintf(`SELECT toString(source_month) FROM %s.%s FINAL GROUP BY source_month HAVING max(%s) > 0
			AND (max(refreshed_at) >= %[4]s OR %[5]s) AND uniqExactIf(%[6]s, refreshed_at >= %[4]s AND (%[6]s) IN (%[7]s)) < %[8]d ORDER BY source_month`,
			identifier(db.Name()), r.Rollup, r.Counts, never, lost, r.Part, r.Parts(), r.PartCount()),
		func(rows driver.Rows) (s string, err error) { return s, rows.Scan(&s) })
	if err != nil || len(months) == 0 {
		return nil, err
	}
	return []step{{"keep the figures of months whose " + r.Table + " are deleted as they are",
		fmt.Sprintf("INSERT INTO %s (%s, source_month, refreshed_at) SELECT %s, arrayJoin([%s]), %s",
			r.Rollup, r.record[0], r.record[1], strings.Join(months, ", "), never)}}, nil
}
