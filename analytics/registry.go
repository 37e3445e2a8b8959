package analytics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// keyBlock is rows of the registry sale_keys.
type keyBlock struct {
	block
	vendor, kind text
	object, key  text
	hour         values[uint32]
	version      values[uint64]
}

func (b *keyBlock) init() {
	b.block = block{table: "sale_keys", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"vendor", typeWord, &b.vendor},
		{"object", typeString, &b.object},
		{"kind", typeWord, &b.kind},
		{"sale_key", typeString, &b.key},
		{"source_hour", "UInt32", &b.hour},
		{"version", "UInt64", &b.version},
	}}
}

func (b *keyBlock) append(u unit, p place, version uint64) {
	b.vendor.append(u.vendor)
	b.object.append(u.object)
	b.kind.append(p.kind)
	b.key.append(p.key)
	b.hour.append(p.hour)
	b.version.append(version)
	b.endRow(0)
}

// units are those of the rows, each once.
func (b *keyBlock) units() []unit {
	seen := make(map[unit]struct{}, b.len())
	out := make([]unit, 0, b.len())
	for i, vendor := range b.vendor.rows {
		u := unit{vendor, b.object.rows[i]}
		if _, known := seen[u]; !known {
			seen[u] = struct{}{}
			out = append(out, u)
		}
	}
	return out
}

// unitsAQuery bounds the length of a query that names units.
const unitsAQuery = 5000

// manyKeys has settings for a query that names unitsAQuery keys of a registry and groups by them.
func manyKeys(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_query_size": 1 << 28, "optimize_aggregation_in_order": 1,
	}))
}

// contested returns the verdicts on those units of which the registry has more than one place. The others need none:
// the table sales itself keeps the highest version of one place.
func (db *DB) contested(ctx context.Context, units []unit) (map[unit]verdict, error) {
	out := map[unit]verdict{}
	for part := range slices.Chunk(units, unitsAQuery) {
		names := make([]string, len(part))
		for i, u := range part {
			names[i] = "(" + literal(u.vendor) + "," + literal(u.object) + ")"
		}
		err := db.eachUnit(ctx, "WHERE (vendor, object) IN ("+strings.Join(names, ",")+")", func(u unit, claims []claim) error {
			out[u] = resolve(claims)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// eachUnit calls do with each unit that has more than one place, of those that the condition selects.
func (db *DB) eachUnit(ctx context.Context, where string, do func(unit, []claim) error) error {
	const op = "read the registry of sales"
	rows, err := db.pool().Query(manyKeys(ctx), contestedSQL(where))
	if err != nil {
		return wrap(op, err)
	}
	defer rows.Close()
	var last unit
	var claims []claim
	for rows.Next() {
		var u unit
		var c claim
		if err := rows.Scan(&u.vendor, &u.object, &c.kind, &c.key, &c.hour, &c.version, &c.seen); err != nil {
			return wrap(op, err)
		}
		if u != last && len(claims) > 0 {
			if err := do(last, claims); err != nil {
				return err
			}
			claims = claims[:0]
		}
		last, claims = u, append(claims, c)
	}
	if err := rows.Err(); err != nil {
		return wrap(op, err)
	}
	if len(claims) > 0 {
		return do(last, claims)
	}
	return nil
}

func contestedSQL(where string) string {
	return fmt.Sprintf(`SELECT vendor, object, claim.1, claim.2, claim.3, claim.4, claim.5 FROM (
	SELECT vendor, object, groupArray((kind, sale_key, source_hour, top, first)) AS claims FROM (
		SELECT vendor, object, kind, sale_key, source_hour, max(version) AS top, min(seen) AS first FROM sale_keys %s
		GROUP BY vendor, object, kind, sale_key, source_hour
	) GROUP BY vendor, object HAVING length(claims) > 1
) ARRAY JOIN claims AS claim`, where)
}

// settling is how long a row that takes the place of one in another hour waits until it is in figures: by then the
// rollup knows of the one that it replaces, so that a sale never counts twice.
const settling = 2 * time.Second

// tombstone appends the tombstone of a place that another claim outranks.
func (b *saleBlock) tombstone(u unit, p place, by claim) {
	key, object := p.key, u.object
	if p.key == "" {
		key, object = u.object, ""
	}
	b.vendor.append(u.vendor)
	b.kind.append(p.kind)
	b.key.append(key)
	b.object.append(object)
	for _, c := range []*text{&b.eventID, &b.eventType, &b.order, &b.currency, &b.proof} {
		c.append("")
	}
	b.amount.append(zero)
	b.occurred.append(millis(hourTime(p.hour)))
	b.received.append(undated)
	b.dimensions.append(nil)
	b.version.append(by.version)
	b.deleted.append(1)
	b.test.append(0)
	b.countsFrom.append(0)
	b.endRow(sourceMonth(hourTime(p.hour)))
}

// settle returns the tombstones that verdicts ask for, and the rows of b but for those that are outranked elsewhere.
func (b *saleBlock) settle(verdicts map[unit]verdict) (tombstones, rows *saleBlock) {
	tombstones, rows = newSales(), newSales()
	for u, v := range verdicts {
		for p, by := range v.outranked {
			tombstones.tombstone(u, p, by)
		}
	}
	for i := range b.months {
		u, p := b.place(i)
		v := verdicts[u]
		if _, outranked := v.outranked[p]; outranked {
			continue
		}
		rows.take(&b.block, i)
		if len(v.outranked) > 0 {
			rows.countsFrom.rows[len(rows.months)-1] = v.settled.Add(settling).Unix()
		}
	}
	return tombstones, rows
}

func (b *saleBlock) place(row int) (unit, place) {
	u := unit{b.vendor.rows[row], b.object.rows[row]}
	p := place{kind: b.kind.rows[row], key: b.key.rows[row], hour: uint32(b.occurred.rows[row] / 3_600_000)}
	if u.object == "" {
		u.object, p.key = p.key, ""
	}
	return u, p
}
