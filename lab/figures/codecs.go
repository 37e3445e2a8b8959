package figures

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/hookline-io/hookline/internal/progress"
)

// Codecs is the Report of RunCodecs: bytes per value, in order of the table's key and merged into one part.
type Codecs struct {
	Families []string `json:"families"` // of vendors, by their IDs; see span.sale
	Columns  []Column `json:"columns"`
}

// Column is a column with one codec.
type Column struct {
	Name  string    `json:"name"`
	Codec string    `json:"codec"`
	Bytes []float64 `json:"bytes"` // per value, for each family
}

// candidate is a column and the codecs to compare. The first one is in use.
type candidate struct {
	name, kind string
	codecs     []string
}

var saleCandidates = []candidate{
	{"sale_key", "String", []string{"ZSTD(1)", "LZ4", "ZSTD(3)", "ZSTD(6)"}},
	{"event_id", "String", []string{"ZSTD(1)", "LZ4", "ZSTD(3)", "ZSTD(6)"}},
	{"order_id", "String", []string{"ZSTD(1)", "LZ4", "ZSTD(3)", "ZSTD(6)"}},
	{"type", "LowCardinality(String)", []string{"LZ4", "ZSTD(1)"}},
	{"type", "String", []string{"LZ4", "ZSTD(1)"}},
	{"amount", "Decimal(18, 4)", []string{"GCD, T64('bit'), ZSTD(1)", "LZ4", "ZSTD(1)", "T64, ZSTD(1)", "GCD, T64, ZSTD(1)", "Delta, ZSTD(1)", "GCD, ZSTD(1)"}},
	{"currency", "LowCardinality(String)", []string{"ZSTD(1)", "LZ4"}},
	{"occurred_at", "DateTime64(3, 'UTC')", []string{"GCD, T64, ZSTD(1)", "LZ4", "ZSTD(1)", "T64, ZSTD(1)", "Delta, ZSTD(1)", "DoubleDelta, ZSTD(1)", "GCD, DoubleDelta, ZSTD(1)"}},
	{"received_at", "DateTime64(3, 'UTC')", []string{"T64, ZSTD(1)", "LZ4", "ZSTD(1)", "Delta, ZSTD(1)", "DoubleDelta, ZSTD(1)"}},
	{"version", "UInt64", []string{"T64, ZSTD(1)", "LZ4", "ZSTD(1)", "Delta, ZSTD(1)", "DoubleDelta, ZSTD(1)"}},
	{"dimensions", "Map(LowCardinality(String), String)", []string{"ZSTD(3)", "LZ4", "ZSTD(1)", "ZSTD(6)"}},
	{"dimensions", "Map(LowCardinality(String), LowCardinality(String))", []string{"ZSTD(1)", "ZSTD(3)"}},
}

var payloadCandidates = []candidate{
	{"payload", "String", []string{"ZSTD(1)", "LZ4", "LZ4HC(9)", "ZSTD(3)", "ZSTD(6)", "ZSTD(9)", "ZSTD(12)"}},
	{"payload", "JSON", []string{"LZ4", "ZSTD(1)", "ZSTD(3)"}},
}

// families of vendors by their IDs, as span.sale makes them.
var families = []string{"random", "counting", "timed"}

// codecs loads sales of one month and events, and stores each column with each codec.
func (b *bench) codecs(ctx context.Context) (*Codecs, error) {
	if err := b.loadEvents(ctx); err != nil {
		return nil, err
	}
	source := b.db.Name() + ".codec_source"
	numbers := fmt.Sprintf("SELECT number AS n, 0 AS again FROM numbers(%[2]d, %[1]d)", b.Rows/months, b.Rows/months*(months-2))
	if err := b.exec(ctx, "CREATE TABLE "+source+" ENGINE = MergeTree ORDER BY family AS "+b.span.row(numbers)); err != nil {
		return nil, err
	}
	out := &Codecs{Families: families}
	bar := progress.New("codecs", int64(len(saleCandidates)+len(payloadCandidates)))
	defer bar.Done()
	for _, c := range saleCandidates {
		columns := c.columns()
		for family := range families {
			bytes, err := b.sizes(ctx, c, "vendor, kind, sale_key", fmt.Sprintf("%s WHERE family = %d", source, family))
			if err != nil {
				return nil, err
			}
			for i := range columns {
				columns[i].Bytes = append(columns[i].Bytes, bytes[i])
			}
		}
		out.Columns = append(out.Columns, columns...)
		bar.Add(1)
	}
	for _, c := range payloadCandidates {
		columns := c.columns()
		bytes, err := b.sizes(ctx, c, "vendor, event_id", b.db.Name()+".events")
		if err != nil {
			return nil, err
		}
		for i := range columns {
			columns[i].Bytes = []float64{bytes[i]}
		}
		out.Columns = append(out.Columns, columns...)
		bar.Add(1)
	}
	return out, nil
}

func (c candidate) columns() []Column {
	out := make([]Column, len(c.codecs))
	for i, codec := range c.codecs {
		out[i] = Column{Name: c.name + " " + c.kind, Codec: codec}
	}
	return out
}

// sizes stores a column once with each codec and returns the bytes per value.
func (b *bench) sizes(ctx context.Context, c candidate, key, source string) ([]float64, error) {
	table := b.db.Name() + ".codec_values"
	var columns, values strings.Builder
	for i, codec := range c.codecs {
		fmt.Fprintf(&columns, ", c%d %s CODEC(%s)", i, c.kind, codec)
		fmt.Fprintf(&values, ", %s AS c%d", c.name, i)
	}
	for _, sql := range []string{
		"DROP TABLE IF EXISTS " + table + " SYNC",
		"CREATE TABLE " + table + " (" + strings.Join(keyColumns(key), ", ") + columns.String() + ") ENGINE = MergeTree ORDER BY (" + key + ") SETTINGS min_bytes_for_wide_part = 0",
		"INSERT INTO " + table + " SELECT " + key + values.String() + " FROM " + source,
		"OPTIMIZE TABLE " + table + " FINAL",
	} {
		if err := b.exec(ctx, sql); err != nil {
			return nil, err
		}
	}
	out := make([]float64, len(c.codecs))
	for i := range out {
		n, err := b.number(ctx, "SELECT sum(column_data_compressed_bytes) / sum(rows) FROM system.parts_columns WHERE database = ? AND table = 'codec_values' AND active AND column = ?", b.db.Name(), fmt.Sprint("c", i))
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

func keyColumns(key string) []string {
	var out []string
	for name := range strings.SplitSeq(key, ", ") {
		kind := "LowCardinality(String)"
		if name == "sale_key" || name == "event_id" {
			kind = "String"
		}
		out = append(out, name+" "+kind)
	}
	return out
}

// Table writes the report for people.
func (r *Codecs) Table(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "bytes per value; IDs are\t\t%s\n", strings.Join(r.Families, "\t"))
	last := ""
	for _, c := range r.Columns {
		name := c.Name
		if name == last {
			name = ""
		}
		last = c.Name
		fmt.Fprintf(table, "%s\t%s", name, c.Codec)
		for _, bytes := range c.Bytes {
			fmt.Fprintf(table, "\t%.2f", bytes)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
