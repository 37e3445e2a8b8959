package analytics

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var (
	//go:embed queries/strays.sql
	straysSQL string
	//go:embed queries/heal.sql
	healSQL string
)

// Stray is an event or a sale that counts in a month it should not, beside or in place of the one it should.
type Stray struct {
	Table  string // events | sales
	Vendor string
	Kind   string // of a sale
	Key    string // event ID or sale key
	Month  int    // where it counts wrongly, as YYYYMM; 0 for undated
	Best   int    // where it should; 0 for undated, and for an effect that its object no longer has
}

// Strays returns every event and sale that counts although another row of the same identity outranks it. It reads all
// identities once; memory does not grow with the tables.
func (db *DB) Strays(ctx context.Context) ([]Stray, error) {
	var all []Stray
	err := db.eachStray(ctx, func(strays []Stray, _ *saleBlock) error {
		all = append(all, strays...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	events, err := collect(ctx, db, "look for strays in events", straysSQL, func(rows driver.Rows) (Stray, error) {
		var month, best uint32
		s := Stray{Table: "events"}
		err := rows.Scan(&s.Vendor, &s.Key, &month, &best)
		s.Month, s.Best = int(month), int(best)
		return s, err
	})
	return append(all, events...), err
}

// HealStrays takes out of the figures what Strays returns. The rollup follows.
func (db *DB) HealStrays(ctx context.Context) error {
	if err := db.healSales(ctx); err != nil {
		return err
	}
	return db.exec(ctx, "heal strays in events", healSQL)
}

func (db *DB) healSales(ctx context.Context) error {
	return db.eachStray(ctx, func(_ []Stray, tombstones *saleBlock) error {
		return db.insertParts(ctx, &tombstones.block, emptySales)
	})
}

// eachStray calls do with the sales that count in a place which another one outranks, and with their tombstones, some
// at a time: a writer died before it wrote them, or read from a replica that lagged behind.
func (db *DB) eachStray(ctx context.Context, do func([]Stray, *saleBlock) error) error {
	outranked := map[placed]claim{}
	flush := func() error {
		strays, tombstones, err := db.live(ctx, outranked)
		clear(outranked)
		if err != nil || len(strays) == 0 {
			return err
		}
		return do(strays, tombstones)
	}
	err := db.eachUnit(ctx, "", func(u unit, claims []claim) error {
		for p, by := range resolve(claims).outranked {
			outranked[placed{u, p}] = by
		}
		if len(outranked) < unitsAQuery {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

type placed struct {
	unit
	place
}

// live returns those of the outranked places that have a row in sales all the same.
func (db *DB) live(ctx context.Context, outranked map[placed]claim) ([]Stray, *saleBlock, error) {
	if len(outranked) == 0 {
		return nil, nil, nil
	}
	var names []string
	for p := range outranked {
		month := sourceMonth(hourTime(p.hour))
		key := cmp.Or(p.key, p.object)
		names = append(names, fmt.Sprintf("(%d,%d,%s,%s,%s)", month, p.hour, literal(p.vendor), literal(p.kind), literal(key)))
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_query_size": 1 << 28}))
	found, err := collect(ctx, db, "look for strays in sales", `SELECT vendor, object, kind, sale_key, source_hour FROM sales FINAL
		WHERE (source_month, source_hour, vendor, kind, sale_key) IN (`+strings.Join(names, ",")+")",
		func(rows driver.Rows) (p placed, err error) {
			return p, rows.Scan(&p.vendor, &p.object, &p.kind, &p.key, &p.hour)
		})
	if err != nil {
		return nil, nil, err
	}
	var strays []Stray
	tombstones := newSales()
	for _, p := range found {
		s := Stray{Table: "sales", Vendor: p.vendor, Kind: p.kind, Key: p.key, Month: int(sourceMonth(hourTime(p.hour)))}
		if p.object == "" {
			p.object, p.key = p.key, ""
		}
		by, is := outranked[p]
		if !is {
			continue // a row of the same key that belongs to another object
		}
		if by.alone() {
			s.Best = int(sourceMonth(hourTime(by.hour)))
		}
		tombstones.tombstone(p.unit, p.place, by)
		strays = append(strays, s)
	}
	slices.SortFunc(strays, func(a, b Stray) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Month, b.Month))
	})
	return strays, tombstones, nil
}
