//go:build synctests

package sim

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// shape is what matters here of a table: by what its rows are merged, and within which partition. It is read from the
// migrations, so that a mistake there is a mistake here.
type shape struct {
	kinds     map[string]string    // type by column, of those that are inserted
	computed  map[string]valueFunc // materialized columns
	partition valueFunc
	key       []string // sorting key
	version   string   // column by which one of several rows with equal keys is kept; it is a number
}

// row is one row: values by column.
type row map[string]any

type valueFunc func(row) any

var (
	createTable  = regexp.MustCompile(`(?s)CREATE TABLE IF NOT EXISTS (\w+)\n\((.*?)\n\)\n(.*?);`)
	columnLine   = regexp.MustCompile(`(?m)^ +(\w+) +([A-Z].*?) (COMMENT|DEFAULT|MATERIALIZED) (.*)`)
	engineOf     = regexp.MustCompile(`ENGINE = \{\{engine "ReplacingMergeTree\((\w+)`)
	partitionBy  = regexp.MustCompile(`PARTITION BY (.+)`)
	orderBy      = regexp.MustCompile(`ORDER BY \((.+)\)`)
	monthOf      = regexp.MustCompile(`^toYYYYMM\((\w+)\)`)
	monthUndated = regexp.MustCompile(`^if\((\w+) = toDateTime64\(0, 3, 'UTC'\), 0, toYYYYMM\((\w+)\)\)`)
	hourOf       = regexp.MustCompile(`^intDiv\(toUnixTimestamp\((\w+)\), 3600\)`)
	hashOf       = regexp.MustCompile(`^xxHash64\((\w+), toString\((\w+)\)\)`)
	name         = regexp.MustCompile(`^\w+$`)
)

// shapes reads migrations and returns the shapes of their tables, by name.
func shapes(files ...string) (map[string]*shape, error) {
	out := map[string]*shape{}
	for _, file := range files {
		ddl, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		for _, m := range createTable.FindAllStringSubmatch(string(ddl), -1) {
			s := &shape{kinds: map[string]string{}, computed: map[string]valueFunc{}, partition: func(row) any { return "" }}
			for _, c := range columnLine.FindAllStringSubmatch(m[2], -1) {
				if c[3] != "MATERIALIZED" {
					s.kinds[c[1]] = c[2]
				} else if s.computed[c[1]], err = expression(c[4]); err != nil {
					return nil, fmt.Errorf("table %s, column %s: %w", m[1], c[1], err)
				}
			}
			if e := engineOf.FindStringSubmatch(m[3]); e != nil {
				s.version = e[1]
			}
			if p := partitionBy.FindStringSubmatch(m[3]); p != nil {
				if s.partition, err = expression(p[1]); err != nil {
					return nil, fmt.Errorf("table %s, partition: %w", m[1], err)
				}
			}
			if o := orderBy.FindStringSubmatch(m[3]); o != nil {
				s.key = strings.Split(o[1], ", ")
			}
			out[m[1]] = s
		}
	}
	// hookline setup gives the one the name of the other.
	out["sales"] = out["sales_by_hour"]
	// What later migrations add.
	out["events"].kinds["is_test"] = "UInt8"
	out["events"].kinds["delivery"] = out["event_variants"].kinds["delivery"]
	return out, nil
}

// expression understands the few that partitions and materialized columns use.
func expression(text string) (valueFunc, error) {
	month := func(column string) valueFunc {
		return func(r row) any { return r[column].(time.Time).UTC().Format("200601") }
	}
	if m := monthOf.FindStringSubmatch(text); m != nil {
		return month(m[1]), nil
	}
	if m := monthUndated.FindStringSubmatch(text); m != nil && m[1] == m[2] {
		of := month(m[1])
		return func(r row) any {
			if r[m[1]].(time.Time).Unix() == 0 {
				return "0"
			}
			return of(r)
		}, nil
	}
	if m := hourOf.FindStringSubmatch(text); m != nil {
		return func(r row) any { return uint32(r[m[1]].(time.Time).Unix() / 3600) }, nil
	}
	if m := hashOf.FindStringSubmatch(text); m != nil { // any hash does
		return func(r row) any { return fmt.Sprint(r[m[1]], r[m[2]]) }, nil
	}
	if name.MatchString(text) {
		return func(r row) any { return r[text] }, nil
	}
	if strings.HasPrefix(text, "(") { // several columns, of tables that are not simulated
		return func(row) any { panic("not simulated: PARTITION BY " + text) }, nil
	}
	return nil, fmt.Errorf("the simulation does not know the expression %q", text)
}

// place returns the partition of r and its sorting key, and computes what is materialized.
func (s *shape) place(r row) (partition, key string) {
	for column, compute := range s.computed {
		r[column] = compute(r)
	}
	var b strings.Builder
	for _, column := range s.key {
		fmt.Fprintf(&b, "%v\x00", r[column])
	}
	return fmt.Sprint(s.partition(r)), b.String()
}

// rank is the version of r as a number that can be compared.
func (s *shape) rank(r row) uint64 {
	switch v := r[s.version].(type) {
	case uint64:
		return v
	case int64:
		return uint64(v)
	}
	return 0
}
