package analytics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas/vendors"
)

var halloween = time.Date(2026, 10, 31, 23, 30, 0, 123e6, time.UTC)

func TestInvariant2_RowsAreStoredAsTheyAre(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	row := sale("evt_1", halloween)
	row.Event.Data = []byte("{\"a\": 1,\x00\xff\r\n}")
	quiet := sale("evt_2", time.Time{})
	quiet.Event.Received = halloween
	quiet.Event.Type, quiet.Outcome, quiet.Event.ContentType, quiet.Event.KeyID, quiet.Event.Proof = "", vendors.Outcome{}, "", "", ""
	plain := sale("evt_3", halloween)
	plain.Outcome.Effects[0].Dimensions, plain.Outcome.Effects[0].Order = nil, ""
	plain.Outcome.Effects[0].Kind = vendors.KindRefund
	insert(t, db, row, quiet, plain)

	for _, c := range []struct{ sql, want string }{
		{`SELECT vendor, event_id, type, occurred_at, received_at, hex(payload), content_type, key_id, proof, effect,
			kafka_topic, kafka_partition, kafka_offset, version, is_deleted, source_month, dateDiff('second', stored_at, now()) < 60
			FROM events FINAL ORDER BY event_id`, strings.Join([]string{
			"acme\tevt_1\tcharge.succeeded\t2026-10-31 23:30:00.123\t2026-10-31 23:30:01.123\t" + fmt.Sprintf("%X", row.Event.Data) +
				"\tapplication/json\t01234567\tbody\tsale\twebhooks.events\t3\t42\t" + fmt.Sprint(analytics.Version("", row.Event.Received, 0)) + "\t0\t202610\t1",
			"acme\tevt_2\t\t1970-01-01 00:00:00.000\t2026-10-31 23:30:00.123\t" + fmt.Sprintf("%X", quiet.Event.Data) +
				"\t\t\t\t\twebhooks.events\t3\t42\t" + fmt.Sprint(analytics.Version("", halloween, 0)) + "\t0\t0\t1",
			"acme\tevt_3\tcharge.succeeded\t2026-10-31 23:30:00.123\t2026-10-31 23:30:01.123\t" + fmt.Sprintf("%X", plain.Event.Data) +
				"\tapplication/json\t01234567\tbody\trefund\twebhooks.events\t3\t42\t" + fmt.Sprint(analytics.Version("", plain.Event.Received, 0)) + "\t0\t202610\t1",
		}, "\n")},
		{`SELECT vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions, version, is_deleted, source_month
			FROM sales FINAL ORDER BY event_id`, strings.Join([]string{
			"acme\tsale\tch_evt_1\tevt_1\tcharge.succeeded\torder-evt_1\t12.34\tEUR\t2026-10-31 23:30:00.123\t2026-10-31 23:30:01.123\t{'channel':'web','country':'NG'}\t" +
				fmt.Sprint(analytics.SaleVersion(row)) + "\t0\t202610",
			"acme\trefund\tch_evt_3\tevt_3\tcharge.succeeded\t\t12.34\tEUR\t2026-10-31 23:30:00.123\t2026-10-31 23:30:01.123\t{}\t" +
				fmt.Sprint(analytics.SaleVersion(plain)) + "\t0\t202610",
		}, "\n")},
	} {
		if got := ask(t, e, c.sql); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

func TestInvariant4_AnyNumberOfInsertsCountOnce(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	row := sale("evt_1", halloween)
	again := row
	again.Event.Received = row.Event.Received.AddDate(0, 5, 0)
	again.Origin.Offset = 99
	for range 3 {
		insert(t, db, row, again, row)
	}
	insert(t, db, again)
	if got := ask(t, e, "SELECT count(), min(kafka_offset) FROM events FINAL"); got != "1\t42" {
		t.Errorf("events: %s", got)
	}
	if got := ask(t, e, "SELECT count(), sum(amount) FROM sales FINAL"); got != "1\t12.34" {
		t.Errorf("sales: %s", got)
	}
	// Another event of the same vendor about the same sale.
	other := sale("evt_2", halloween.Add(-time.Hour))
	other.Outcome.Effects[0].Key = row.Outcome.Effects[0].Key
	insert(t, db, other)
	if got := ask(t, e, "SELECT count(), sum(amount) FROM sales FINAL"); got != "1\t12.34" {
		t.Errorf("sales after a second event about the same one: %s", got)
	}
	if n, err := db.CountEvents(t.Context()); n != 2 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
	// A correction that takes the sale away, and a re-mapping that brings it back.
	remove(t, e, "evt_2")
	insert(t, db, again)
	insert(t, db, other)
	if got := ask(t, e, "SELECT count() FROM sales FINAL"); got != "0" {
		t.Errorf("sales after a tombstone: %s", got)
	}
	row.Generation = 2
	insert(t, db, row)
	if got := ask(t, e, "SELECT count() FROM sales FINAL"); got != "1" {
		t.Errorf("sales after a second re-mapping: %s", got)
	}
	if n, err := db.CountEvents(t.Context()); n != 2 || err != nil {
		t.Errorf("%d events in the end, %v", n, err)
	}
}

func TestBatchOfMoreMonthsThanOneInsertMayWrite(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	b := analytics.NewBatch()
	const months = 110
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 2 * months {
		row := sale(fmt.Sprint("evt_", i), start.AddDate(0, i*7%months, i%28))
		row.Outcome.Effects[0].Dimensions["i"] = fmt.Sprint(i)
		if err := b.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Insert(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d\t%d", 2*months, months)
	for _, table := range []string{"events", "sales"} {
		if got := ask(t, e, "SELECT count(), uniqExact(source_month) FROM "+table+" FINAL"); got != want {
			t.Errorf("%s: %s, want %s", table, got, want)
		}
	}
	const mixed = "SELECT count() FROM sales WHERE dimensions['i'] != substring(event_id, 5) OR sale_key != concat('ch_', event_id)"
	if got := ask(t, e, mixed); got != "0" {
		t.Errorf("%s rows got values of others", got)
	}
}

func TestInvariant8_BadRowLeavesTheBatchAsItWas(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*analytics.Row)
		want  error
	}{
		"unreadable time": {func(r *analytics.Row) { r.Event.BadTime = "yesterday" }, analytics.ErrTime},
		"event's time":    {func(r *analytics.Row) { r.Event.Time = time.Unix(0, 0) }, analytics.ErrTime},
		"sale's time":     {func(r *analytics.Row) { r.Outcome.Effects[0].Time = r.Event.Received.AddDate(1, 0, 0) }, analytics.ErrTime},
		"amount":          {func(r *analytics.Row) { r.Outcome.Effects[0].Amount = r.Outcome.Effects[0].Amount.Shift(-3) }, analytics.ErrAmount},
	} {
		t.Run(name, func(t *testing.T) {
			b := analytics.NewBatch()
			bad := sale("evt_1", halloween)
			c.spoil(&bad)
			if err := b.Append(bad); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if b.Len() != 0 || b.Bytes() != 0 {
				t.Errorf("%d rows, %d bytes", b.Len(), b.Bytes())
			}
		})
	}
}

func TestBatchIsReusable(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	b := analytics.NewBatch()
	if err := db.Insert(t.Context(), b); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	for i := range 3 {
		b.Reset()
		for j := range 10 {
			if err := b.Append(sale(fmt.Sprintf("evt_%d_%d", i, j), halloween.AddDate(0, -j, 0))); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Insert(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, e, "SELECT count() FROM events"); got != "30" {
		t.Errorf("%s rows, want 30: a batch kept rows, or lost some", got)
	}
}
