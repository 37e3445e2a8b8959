package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// open connects as every part of hookline does: clickhouse-go over HTTP.
func open(t testing.TB, dsn string, change func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	o, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(o)
	}
	c, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func exec(t testing.TB, c driver.Conn, query string, args ...any) {
	t.Helper()
	if err := c.Exec(context.Background(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// Whatever goes in comes out, for every column type and every compression that clickhouse-go knows.
func TestColumnTypes(t *testing.T) {
	e := testkit.Engine(t)
	setup := open(t, e.DSN, nil)
	exec(t, setup, "CREATE DATABASE h ENGINE = Atomic")
	decimals := func(s ...string) (out []any) {
		for _, v := range s {
			out = append(out, decimal.RequireFromString(v))
		}
		return out
	}
	text := "NUL \x00, not UTF-8 \xff\xfe, \t\n\r\\'\" ☃"
	at := time.UnixMilli(1_700_000_000_123).UTC()
	columns := []struct {
		kind   string
		values []any
	}{
		{"String", []any{"", text, "b"}},
		{"FixedString(4)", []any{"abcd", "\x00\xff\x00\xff", "wxyz"}},
		{"LowCardinality(String)", []any{"", text, text}},
		{"LowCardinality(Nullable(String))", []any{pointer("a"), (*string)(nil), pointer(text)}},
		{"Nullable(String)", []any{pointer(text), (*string)(nil), pointer("")}},
		{"UInt8", []any{uint8(0), uint8(7), uint8(255)}},
		{"UInt16", []any{uint16(0), uint16(7), uint16(math.MaxUint16)}},
		{"UInt32", []any{uint32(0), uint32(7), uint32(math.MaxUint32)}},
		{"UInt64", []any{uint64(0), uint64(1<<53 + 1), uint64(math.MaxUint64)}},
		{"Int32", []any{int32(math.MinInt32), int32(0), int32(math.MaxInt32)}},
		{"Int64", []any{int64(math.MinInt64), int64(0), int64(math.MaxInt64)}},
		{"Nullable(Int64)", []any{pointer(int64(-1)), (*int64)(nil), pointer(int64(1))}},
		{"Float64", []any{0.0, -1.5, math.MaxFloat64}},
		{"Bool", []any{true, false, true}},
		{"Decimal(18, 4)", decimals("0", "-99999999999999.9999", "0.0001")},
		{"Decimal(38, 4)", decimals("1", "-1234567890123456789012345678901234.5678", "0.0001")},
		{"DateTime", []any{at.Truncate(time.Second), time.Unix(0, 0).UTC(), time.Unix(math.MaxUint32, 0).UTC()}},
		{"DateTime64(3, 'UTC')", []any{at, time.UnixMilli(-1).UTC(), time.UnixMilli(9_223_372_036_854).UTC()}},
		{"Nullable(DateTime64(3, 'UTC'))", []any{&at, (*time.Time)(nil), &at}},
		{"Date", []any{day(1970, 1, 1), day(2026, 11, 23), day(2149, 6, 6)}},
		{"Enum8('sale' = 1, 'refund' = 2)", []any{"sale", "refund", "sale"}},
		{"LowCardinality(FixedString(3))", []any{"EUR", "USD", "JPY"}},
		{"UUID", []any{uuid.Nil, uuid.MustParse("0192f7a0-7c4e-7aaa-8000-00000000ffff"), uuid.Max}},
		{"Array(String)", []any{[]string{}, []string{text}, []string{"a", "b"}}},
		{"Array(LowCardinality(String))", []any{[]string{"x"}, []string{}, []string{text, "x"}}},
		{"Map(LowCardinality(String), String)", []any{map[string]string{}, map[string]string{"k": text}, map[string]string{"": "", "a": "b"}}},
		{"Map(String, UInt64)", []any{map[string]uint64{}, map[string]uint64{text: 1}, map[string]uint64{"a": 2, "b": 3}}},
		{"Array(Array(UInt8))", []any{[][]uint8{}, [][]uint8{{1}, {}}, [][]uint8{{2, 3}}}},
		{"Tuple(String, UInt64)", []any{[]any{text, uint64(1)}, []any{"", uint64(2)}, []any{"c", uint64(3)}}},
	}
	clients := map[string]*clickhouse.Compression{"plain": nil}
	for _, method := range []clickhouse.CompressionMethod{clickhouse.CompressionLZ4, clickhouse.CompressionZSTD,
		clickhouse.CompressionGZIP, clickhouse.CompressionDeflate, clickhouse.CompressionBrotli} {
		clients[method.String()] = &clickhouse.Compression{Method: method, Level: 1}
	}
	for i, column := range columns {
		exec(t, setup, fmt.Sprintf("CREATE TABLE h.t_%d (client String, n UInt8, v %s) ENGINE = MergeTree ORDER BY (client, n)", i, column.kind))
	}
	for name, compression := range clients {
		t.Run(name, func(t *testing.T) {
			c := open(t, e.DSN+"/h", func(o *clickhouse.Options) { o.Compression = compression })
			for i, column := range columns {
				if got, err := roundTrip(c, fmt.Sprintf("t_%d", i), name, column.values); err != nil {
					t.Errorf("%s: %v", column.kind, err)
				} else if !equal(got, column.values) {
					t.Errorf("%s:\n got %v\nwant %v", column.kind, got, column.values)
				}
			}
		})
	}
}

func pointer[T any](v T) *T { return &v }

func day(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

func roundTrip(c driver.Conn, table, client string, values []any) ([]any, error) {
	ctx := context.Background()
	b, err := c.PrepareBatch(ctx, "INSERT INTO "+table)
	if err != nil {
		return nil, err
	}
	for n, v := range values {
		if err := b.Append(client, uint8(n), v); err != nil {
			return nil, err
		}
	}
	if err := b.Send(); err != nil {
		return nil, err
	}
	rows, err := c.Query(ctx, "SELECT v FROM "+table+" WHERE client = ? ORDER BY n", client)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var got []any
	for rows.Next() {
		v := reflect.New(rows.ColumnTypes()[0].ScanType())
		if err := rows.Scan(v.Interface()); err != nil {
			return nil, err
		}
		got = append(got, v.Elem().Interface())
	}
	return got, rows.Err()
}

func equal(got, want []any) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range want {
		if d, ok := want[i].(decimal.Decimal); ok {
			if !d.Equal(got[i].(decimal.Decimal)) {
				return false
			}
		} else if !reflect.DeepEqual(got[i], want[i]) {
			return false
		}
	}
	return true
}

// A client learns from an error what a ClickHouse server would tell it: route decides by these codes.
func TestExceptions(t *testing.T) {
	e := testkit.Engine(t)
	c := open(t, e.DSN, nil)
	exec(t, c, "CREATE DATABASE h ENGINE = Atomic")
	exec(t, c, "CREATE TABLE h.t (n UInt64, d DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY n PARTITION BY toYYYYMM(d)")
	for _, test := range []struct {
		query  string
		code   int32
		status int
	}{
		{"SELECT * FROM h.absent", 60, 404},
		{"INSERT INTO h.absent VALUES (1)", 60, 404},
		{"SELECT 1 FROM absent.t", 81, 404},
		{"SELECT absent FROM h.t", 47, 404},
		{"INSERT INTO h.t (absent) VALUES (1)", 16, 500},
		{"SELECT absent(1)", 46, 404},
		{"SELEC 1", 62, 400},
		{"", 62, 400},
		{"1 + 1", 62, 400}, // the library alone would take this for a query
		{"SELECT 1; SELECT 2", 62, 400},
		{"INSERT INTO h.t VALUES ('x', now())", 6, 400},
		{"INSERT INTO h.t SELECT [1], now()", 43, 500},
		{"SELECT * FROM h.t WHERE n = 'x'", 53, 400},
		{"INSERT INTO h.t FORMAT JSONEachRow {\"n\": \"x\"}", 27, 400},
		{"INSERT INTO h.t SELECT number, toDateTime64('2000-01-15', 3, 'UTC') + toIntervalMonth(number) FROM numbers(101)", 252, 500},
		{"SELECT toUInt64('x')", 6, 400},
		{"SELECT throwIf(number = 3000000) FROM numbers(4000000) FORMAT Native", 395, 500},
		{"CREATE TABLE h.t (n UInt8) ENGINE = Memory", 57, 500},
		{"SELECT 1 SETTINGS absent = 1", 115, 404},
		{"SELECT groupArray(toString(number)) FROM numbers(1000000000)", 241, 500},
		{"SELECT sleepEachRow(0.1) FROM numbers(1000) SETTINGS max_execution_time = 0.2, max_block_size = 1", 159, 408},
	} {
		err := c.Exec(context.Background(), test.query)
		var exception *clickhouse.Exception
		var response *clickhouse.HTTPError
		if !errors.As(err, &exception) || !errors.As(err, &response) {
			t.Errorf("%s: %v is not an exception", test.query, err)
		} else if exception.Code != test.code || response.StatusCode != test.status {
			t.Errorf("%s: code %d, status %d; want %d, %d (%s)", test.query, exception.Code, response.StatusCode, test.code, test.status, exception.Message)
		}
	}
	exec(t, c, "SELECT 1") // none of these harmed the engine, the one that ran out of memory included
}

func TestInsertOfManyRows(t *testing.T) {
	const rows = 100_000
	e := testkit.Engine(t)
	c := open(t, e.DSN, func(o *clickhouse.Options) {
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	})
	exec(t, c, "CREATE DATABASE h ENGINE = Atomic")
	exec(t, c, `CREATE TABLE h.sales (vendor LowCardinality(String), key String, at DateTime64(3, 'UTC'),
		amount Decimal(18, 4), currency LowCardinality(String), dimensions Map(LowCardinality(String), String))
		ENGINE = MergeTree ORDER BY (vendor, key)`)
	b, err := c.PrepareBatch(context.Background(), "INSERT INTO h.sales")
	if err != nil {
		t.Fatal(err)
	}
	var (
		vendors, keys, currencies = make([]string, rows), make([]string, rows), make([]string, rows)
		times, amounts            = make([]time.Time, rows), make([]decimal.Decimal, rows)
		dimensions                = make([]map[string]string, rows)
	)
	for i := range rows {
		vendors[i], keys[i], currencies[i] = fmt.Sprint("vendor", i%50), fmt.Sprintf("evt_%016x", i), "EUR"
		times[i], amounts[i] = time.UnixMilli(int64(1_700_000_000_000+i)), decimal.New(int64(i), -4)
		dimensions[i] = map[string]string{"country": "IT", "channel": fmt.Sprint(i % 7)}
	}
	for i, column := range []any{vendors, keys, times, amounts, currencies, dimensions} {
		if err := b.Column(i).Append(column); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows inserted in %v", rows, time.Since(began).Round(time.Millisecond))
	var count uint64
	var sum decimal.Decimal
	if err := c.QueryRow(context.Background(), "SELECT count(), sum(amount) FROM h.sales").Scan(&count, &sum); err != nil {
		t.Fatal(err)
	}
	if want := decimal.New(rows*(rows-1)/2, -4); count != rows || !sum.Equal(want) {
		t.Errorf("stored %d rows of %s, want %d of %s", count, sum, rows, want)
	}
	reading := time.Now()
	if got := readAll(t, c, "SELECT * FROM h.sales"); got != rows {
		t.Errorf("read %d rows, want %d", got, rows)
	}
	t.Logf("%d rows read in %v", rows, time.Since(reading).Round(time.Millisecond))
}

func readAll(t *testing.T, c driver.Conn, query string) (n int) {
	t.Helper()
	rows, err := c.Query(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}
