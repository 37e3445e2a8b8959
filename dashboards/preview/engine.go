package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"
)

// Engine answers queries. It is only ever asked to read.
type Engine interface {
	// Query returns the rows of sql as a frame without a RefID. It gives up when ctx ends.
	Query(ctx context.Context, sql string) (Frame, error)
	// Ping says whether the engine answers.
	Ping(ctx context.Context) error
}

// queryTimeout bounds one query, here and in ClickHouse.
const queryTimeout = 30 * time.Second

// limits keep a query from doing more than a chart needs. With readonly=2 ClickHouse refuses every statement
// that writes and still lets the other limits be set
// (https://clickhouse.com/docs/operations/settings/permissions-for-queries).
var limits = clickhouse.Settings{
	"readonly":           2,
	"max_execution_time": int(queryTimeout / time.Second),
	"max_result_rows":    200_000,
	"max_memory_usage":   2 << 30,
}

var errUnreadableDSN = errors.New("the ClickHouse DSN cannot be read: write clickhouse://user:password@host:9000/hookline or http://host:8123/hookline")

type clickhouseEngine struct{ connection driver.Conn }

// Open returns the engine at dsn, as clickhouse-go reads it:
// "clickhouse://user:password@host:9000/database" or "http://host:8123/database". It does not connect yet.
func Open(dsn string) (Engine, error) {
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, errUnreadableDSN
	}
	options.MaxOpenConns = 8
	connection, err := clickhouse.Open(options)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	return clickhouseEngine{connection}, nil
}

// Ping implements Engine.
func (e clickhouseEngine) Ping(ctx context.Context) error { return e.connection.Ping(ctx) }

// Query implements Engine.
func (e clickhouseEngine) Query(ctx context.Context, sql string) (Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := e.connection.Query(clickhouse.Context(ctx, clickhouse.WithSettings(limits)), sql)
	if err != nil {
		return Frame{}, err
	}
	defer rows.Close()

	columns := rows.ColumnTypes()
	frame := Frame{Fields: make([]Field, len(columns))}
	cells := make([]any, len(columns))
	for i, column := range columns {
		frame.Fields[i] = Field{Name: column.Name(), Kind: kindOf(column.ScanType()), Values: []any{}}
		cells[i] = reflect.New(column.ScanType()).Interface()
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return Frame{}, fmt.Errorf("read row: %w", err)
		}
		for i := range cells {
			frame.Fields[i].Values = append(frame.Fields[i].Values, value(reflect.ValueOf(cells[i]).Elem()))
		}
	}
	return frame, rows.Err()
}

// kindOf maps a Go type that clickhouse-go scans into to the kind of its values.
func kindOf(t reflect.Type) Kind {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return KindTime
	case t == reflect.TypeFor[decimal.Decimal]():
		return KindNumber
	case t.Kind() == reflect.Bool:
		return KindBool
	case t.ConvertibleTo(reflect.TypeFor[float64]()):
		return KindNumber
	}
	return KindString
}

// value converts a scanned cell to what its kind says. A number that JSON does not have, NaN or infinite, is
// a missing value, as Grafana shows it.
func value(cell reflect.Value) any {
	for cell.Kind() == reflect.Pointer {
		if cell.IsNil() {
			return nil
		}
		cell = cell.Elem()
	}
	switch v := cell.Interface().(type) {
	case time.Time:
		return float64(v.UnixMilli())
	case decimal.Decimal:
		return v.InexactFloat64()
	case bool, string:
		return v
	}
	if kindOf(cell.Type()) == KindNumber {
		number := cell.Convert(reflect.TypeFor[float64]()).Float()
		if math.IsNaN(number) || math.IsInf(number, 0) {
			return nil
		}
		return number
	}
	if text, ok := cell.Interface().(fmt.Stringer); ok {
		return text.String()
	}
	raw, err := json.Marshal(cell.Interface())
	if err != nil {
		return fmt.Sprint(cell.Interface())
	}
	return string(raw)
}
