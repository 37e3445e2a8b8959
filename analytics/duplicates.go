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
	//go:embed queries/duplicates.sql
	duplicatesSQL string
	//go:embed queries/duplicates_delete.sql
	repairSQL string
)

// CrossPartitionDuplicate is an event or a sale that counts in a month it should not, beside or in place of the one it should.
type CrossPartitionDuplicate struct {
	Table  string // events | sales
	Vendor string
	Kind   string // of a sale
	Key    string // event ID or sale key
	Month  int    // where it counts wrongly, as YYYYMM; 0 for undated
	Best   int    // where it should; 0 for undated, and for an effect that its object no longer has
}

// CrossPartitionDuplicates returns every event and sale that counts although another row of the same identity outranks it. It reads all
// identities once; memory does not grow with the tables.
func (db *DB) CrossPartitionDuplicates(ctx context.Context) ([]CrossPartitionDuplicate, error) {
	var all []CrossPartitionDuplicate
	err := db.eachDuplicate(ctx, func(duplicates []CrossPartitionDuplicate, _ *saleBlock) error {
		all = append(all, duplicates...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	events, err := collect(ctx, db, "look for duplicates in events", duplicatesSQL, func(rows driver.Rows) (CrossPartitionDuplicate, error) {
		var month, best uint32
		s := CrossPartitionDuplicate{Table: "events"}
		err := rows.Scan(&s.Vendor, &s.Key, &month, &best)
		s.Month, s.Best = int(month), int(best)
		return s, err
	})
	return append(all, events...), err
}

// RepairDuplicates takes out of the figures what CrossPartitionDuplicates returns. The rollup follows.
func (db *DB) RepairDuplicates(ctx context.Context) error {
	if err := db.healSales(ctx); err != nil {
		return err
	}
	return db.exec(ctx, "repair duplicates in events", repairSQL)
}

func (db *DB) healSales(ctx context.Context) error {
	return db.eachDuplicate(ctx, func(_ []CrossPartitionDuplicate, tombstones *saleBlock) error {
		return db.insertParts(ctx, &tombstones.block, emptySales)
	})
}

// eachDuplicate calls do with the sales that count in a place which another one outranks, and with their tombstones, some
// at a time: a writer died before it wrote them, or read from a replica that lagged behind.
func (db *DB) eachDuplicate(ctx context.Context, do func([]CrossPartitionDuplicate, *saleBlock) error) error {
	outranked := map[placed]claim{}
	flush := func() error {
		duplicates, tombstones, err := db.live(ctx, outranked)
		clear(outranked)
		if err != nil || len(duplicates) == 0 {
			return err
		}
		return do(duplicates, tombstones)
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
func (db *DB) live(ctx context.Context, outranked map[placed]claim) ([]CrossPartitionDuplicate, *saleBlock, error) {
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
	found, err := collect(ctx, db, "look for duplicates in sales", `SELECT vendor, object, kind, sale_key, source_hour FROM sales FINAL
		WHERE (source_month, source_hour, vendor, kind, sale_key) IN (`+strings.Join(names, ",")+")",
		func(rows driver.Rows) (p placed, err error) {
			return p, rows.Scan(&p.vendor, &p.object, &p.kind, &p.key, &p.hour)
		})
	if err != nil {
		return nil, nil, err
	}
	var duplicates []CrossPartitionDuplicate
	tombstones := newSales()
	for _, p := range found {
		s := CrossPartitionDuplicate{Table: "sales", Vendor: p.vendor, Kind: p.kind, Key: p.key, Month: int(sourceMonth(hourTime(p.hour)))}
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
		duplicates = append(duplicates, s)
	}
	slices.SortFunc(duplicates, func(a, b CrossPartitionDuplicate) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Month, b.Month))
	})
	return duplicates, tombstones, nil
}
