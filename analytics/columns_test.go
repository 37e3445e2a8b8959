package analytics

import (
	"bytes"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/shopspring/decimal"
)

// reload loads c into a column of the driver, sends that through the driver's own encoding, as an INSERT does,
// and returns what a reader gets.
func reload(t *testing.T, kind string, c column, rows int) driver.Interface {
	t.Helper()
	fresh := func() driver.Interface {
		col, err := driver.Type(kind).Column("c", &driver.ServerContext{})
		if err != nil {
			t.Fatal(err)
		}
		return col
	}
	sent := fresh()
	if err := c.load(sent); err != nil {
		t.Fatal(err)
	}
	if sent.Rows() != rows {
		t.Fatalf("%d rows loaded, want %d", sent.Rows(), rows)
	}
	var buffer proto.Buffer
	sent.Encode(&buffer)
	read := fresh()
	if err := read.Decode(proto.NewReader(bytes.NewReader(buffer.Buf)), rows); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestWordsOfEveryKeyWidth(t *testing.T) {
	for _, distinct := range []int{0, 1, 254, 255, 256, 65534, 65535, 65536, 70000} {
		t.Run(fmt.Sprint(distinct), func(t *testing.T) {
			var c text
			want := []string{""}
			c.append("")
			for i := range distinct {
				word := fmt.Sprint("word-", i)
				c.append(word)
				c.append("")
				want = append(want, word, "")
			}
			got := reload(t, typeWord, &c, len(want))
			for i, w := range want {
				if got.Row(i, false) != w {
					t.Fatalf("row %d is %q, want %q", i, got.Row(i, false), w)
				}
			}
		})
	}
}

func TestPairs(t *testing.T) {
	var c pairs
	want := []map[string]string{{}, {"country": "NG", "": "no name"}, {}, {"country": "IN"}, {"note": "a\x00\xff"}, {}}
	for _, row := range want {
		c.append(row)
	}
	check := func(c *pairs, want []map[string]string) {
		t.Helper()
		got := reload(t, typePairs, c, len(want))
		for i, w := range want {
			if !maps.Equal(got.Row(i, false).(map[string]string), w) {
				t.Errorf("row %d is %v, want %v", i, got.Row(i, false), w)
			}
		}
	}
	check(&c, want)

	var some pairs
	for _, row := range []int{4, 0, 1} {
		some.take(&c, row)
	}
	check(&some, []map[string]string{want[4], want[0], want[1]})

	c.reset()
	c.append(nil)
	check(&c, []map[string]string{{}})
}

func TestNumbersAndStrings(t *testing.T) {
	at := time.Date(2026, 10, 31, 23, 30, 0, 123e6, time.UTC)
	times := &values[int64]{rows: []int64{0, millis(at)}}
	if got := reload(t, typeTime, times, 2); !got.Row(1, false).(time.Time).Equal(at) || got.Row(0, false).(time.Time).UnixMilli() != 0 {
		t.Errorf("times are %v, %v", got.Row(0, false), got.Row(1, false))
	}
	money := &amounts{rows: []decimal.Decimal{decimal.RequireFromString("12.3400"), decimal.New(maxAmount, -scale), decimal.RequireFromString("1e3")}}
	got := reload(t, typeDecimal, money, 3)
	for i, want := range money.rows {
		if !got.Row(i, false).(decimal.Decimal).Equal(want) {
			t.Errorf("amount %d is %v, want %s", i, got.Row(i, false), want)
		}
	}
	ids := &text{rows: []string{"", "evt_1", "evt\x00\xff"}}
	payloads := &blobs{}
	for _, id := range ids.rows {
		payloads.append([]byte(id))
	}
	for _, c := range []column{ids, payloads} {
		got := reload(t, typeString, c, 3)
		for i, want := range ids.rows {
			if got.Row(i, false) != want {
				t.Errorf("%T row %d is %q, want %q", c, i, got.Row(i, false), want)
			}
		}
	}
}
