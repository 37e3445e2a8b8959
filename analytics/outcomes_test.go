package analytics_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestSlice(t *testing.T) {
	db, e := open(t, "UTC")
	b := analytics.NewBatch()
	const n = 10
	for i := range n {
		row := sale(fmt.Sprint("evt_", i), halloween.AddDate(0, i%3, 0))
		row.Event.Received = halloween.AddDate(1, 0, 0)
		switch i % 4 {
		case 1:
			row.Outcome = vendors.Outcome{}
		case 2:
			row.Outcome.Object, row.Generation = "order", 1
			row.Outcome.Effects = append(row.Outcome.Effects, row.Outcome.Effects[0])
			row.Outcome.Effects[1].Kind = vendors.KindRefund
		case 3:
			row.Outcome = vendors.Outcome{Object: "void"}
		}
		if err := b.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	for from := 0; from < n; from += 3 {
		part := b.Slice(from, min(from+3, n))
		if part.Len() != min(3, n-from) {
			t.Errorf("from %d: %d rows", from, part.Len())
		}
		if err := db.Insert(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	sliced := ask(t, e, "SELECT * EXCEPT stored_at FROM events ORDER BY ALL") + "\n\n" + ask(t, e, "SELECT * EXCEPT (stored_at, counts_from) FROM sales ORDER BY ALL")
	ask(t, e, "TRUNCATE TABLE events")
	ask(t, e, "TRUNCATE TABLE sales")
	if err := db.Insert(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	whole := ask(t, e, "SELECT * EXCEPT stored_at FROM events ORDER BY ALL") + "\n\n" + ask(t, e, "SELECT * EXCEPT (stored_at, counts_from) FROM sales ORDER BY ALL")
	if whole != sliced || strings.Count(whole, "\n") < n {
		t.Errorf("in slices\n%s\nin one\n%s", sliced, whole)
	}
}

// TestInvariant4_OfEqualVersionsTheLastStoredCounts: an event that could not be read, and is redriven once it can be,
// has the same version both times. The later row must count, however parts are merged, and when both come in
// one block.
func TestInvariant4_OfEqualVersionsTheLastStoredCounts(t *testing.T) {
	db, e := open(t, "UTC")
	bad := func(id string) analytics.Row {
		row := sale(id, halloween)
		row.Outcome, row.Error = vendors.Outcome{}, "map: nothing at amount"
		return row
	}
	check := func(when string) {
		t.Helper()
		if got := ask(t, e, "SELECT count(), countIf(error = ''), countIf(effect = 'sale') FROM events FINAL"); got != "3\t3\t3" {
			t.Errorf("%s: %s", when, got)
		}
		shows(t, db, "UTC", "2026-10 acme EUR sale 3 37.02")
	}
	ask(t, e, "SYSTEM STOP MERGES")
	insert(t, db, bad("evt_1"))
	insert(t, db, bad("evt_2"), sale("evt_2", halloween)) // one block
	insert(t, db, bad("evt_1"))
	insert(t, db, sale("evt_1", halloween), bad("evt_3"))
	insert(t, db, sale("evt_3", halloween))
	check("in parts")
	ask(t, e, "SYSTEM START MERGES")
	insert(t, db, sale("evt_1", halloween)) // merges as they come
	check("while they are merged")
	ask(t, e, "OPTIMIZE TABLE events FINAL")
	ask(t, e, "OPTIMIZE TABLE sales FINAL")
	check("merged")
	if got := ask(t, e, "SELECT count() FROM events"); got != "3" {
		t.Errorf("%s rows after the merge", got)
	}
}

func TestInvariant6_LedgerEntriesGrow(t *testing.T) {
	db, e := open(t, "UTC")
	entry := func(partition int32, first, end int64) analytics.LedgerEntry {
		return analytics.LedgerEntry{Group: "g", Topic: "t", Partition: partition, First: first, End: end, Stored: uint32(end-first) - 3, Duplicates: 4, Retried: 1, Dead: 1, Skipped: 1,
			Vendors: map[string]uint32{"acme": uint32(end-first) - 1, "": 1}}
	}
	none := entry(1, 100, 110)
	none.Vendors = nil
	other := entry(0, 0, 1000)
	other.Group = "other"
	for _, entries := range [][]analytics.LedgerEntry{
		{entry(0, 0, 10), entry(1, 0, 10), other},
		{entry(0, 0, 20), none},
		{entry(0, 0, 10)}, // again, by one who was away
		{entry(0, 0, 30), entry(0, 25, 40)},
		nil,
	} {
		if err := db.WriteLedger(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
	}
	none.Vendors = map[string]uint32{}
	check := func(got []analytics.LedgerEntry, err error, want ...analytics.LedgerEntry) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
	}
	got, err := db.Ledger(t.Context(), "g")
	check(got, err, entry(0, 0, 30), entry(0, 25, 40), entry(1, 0, 10), none)
	today, err := db.LedgerToday(t.Context(), "g")
	if len(today) != 2 {
		t.Fatalf("%+v", today)
	}
	check(today, err, none, entry(0, 25, 40))
	ask(t, e, "OPTIMIZE TABLE ledger FINAL")
	if got := ask(t, e, "SELECT count() FROM ledger"); got != "5" {
		t.Errorf("%s rows in the ledger", got)
	}
	ask(t, e, "ALTER TABLE ledger UPDATE written_at = now() - INTERVAL 1 DAY WHERE kafka_partition = 0 SETTINGS mutations_sync = 2")
	today, err = db.LedgerToday(t.Context(), "g")
	check(today, err, none)
}

func TestDeadLettersAndRejectionsAreStoredOnce(t *testing.T) {
	db, e := open(t, "UTC")
	failed := time.Date(2026, 10, 31, 12, 0, 0, 0, time.UTC)
	letter := analytics.DeadLetter{
		DeadLetter: schemas.DeadLetter{Error: "map: \xff'\\", Stage: "map", Attempts: 70_000, Failed: failed, Topic: "t'\\\x00\xff", Partition: 2, Offset: 7},
		Event:      sale("evt_1", halloween).Event,
		At:         analytics.Origin{Topic: "dlq", Partition: 0, Offset: 3}, State: analytics.StateDead, Changed: failed,
	}
	odd := analytics.DeadLetter{DeadLetter: schemas.DeadLetter{Stage: "action", Action: "forward x"}, State: analytics.StateDead,
		Event: schemas.Event{Received: time.Date(292_000_000, 1, 1, 0, 0, 0, 0, time.UTC), Time: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}}
	redriven := letter
	redriven.State, redriven.Changed = analytics.StateRedriven, failed.Add(time.Hour)
	action := letter
	action.Action = "forward http://a/"
	letters := []analytics.DeadLetter{letter, odd, action}
	for _, write := range [][]analytics.DeadLetter{letters, {redriven}, letters, nil} { // what is read again does not undo a redrive
		if err := db.InsertDeadLetters(t.Context(), write); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, e, "SELECT kafka_offset, action, vendor, attempts, occurred_at, failed_at, hex(payload), dlq_offset, state FROM dead_letters FINAL ORDER BY ALL"); got !=
		"0\tforward x\t\t0\t1970-01-01 00:00:00.000\t1970-01-01 00:00:00.000\t\t0\tdead\n"+
			"7\t\tacme\t65535\t2026-10-31 23:30:00.123\t2026-10-31 12:00:00.000\t"+fmt.Sprintf("%X", letter.Event.Data)+"\t3\tredriven\n"+
			"7\tforward http://a/\tacme\t65535\t2026-10-31 23:30:00.123\t2026-10-31 12:00:00.000\t"+fmt.Sprintf("%X", letter.Event.Data)+"\t3\tdead" {
		t.Errorf("got\n%s", got)
	}
	if got, err := db.Redriven(t.Context(), letters); err != nil || !reflect.DeepEqual(got, map[analytics.DeadLetterID]bool{letter.ID(): true}) {
		t.Errorf("%+v, %v", got, err)
	}

	dead := map[analytics.DeadLetterID]analytics.EventID{
		letter.ID(): {Vendor: "acme", ID: "evt_1"}, action.ID(): {Vendor: "acme", ID: "evt_1"}, odd.ID(): {},
	}
	if got, err := db.DeadLetterEvents(t.Context()); err != nil || !reflect.DeepEqual(got, dead) {
		t.Errorf("%+v, %v", got, err)
	}

	count := func(reason string, n uint64) schemas.Rejection {
		return schemas.Rejection{Vendor: "acme", Reason: reason, Minute: failed, Instance: "i", Count: n}
	}
	for _, write := range [][]schemas.Rejection{{count("signature", 5), count("too_large", 1)}, {count("signature", 9)}, {count("signature", 5)}, nil} {
		if err := db.InsertRejections(t.Context(), write); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, e, "SELECT * FROM rejections FINAL ORDER BY reason"); got !=
		"2026-10-31 12:00:00\tacme\tsignature\ti\t9\n2026-10-31 12:00:00\tacme\ttoo_large\ti\t1" {
		t.Errorf("got\n%s", got)
	}
}

func TestStored(t *testing.T) {
	db, _ := open(t, "UTC")
	strange := sale("é\x00\xff'\\", halloween)
	undated := sale("evt_2", time.Time{})
	undated.Event.Received = halloween
	insert(t, db, sale("evt_1", halloween), undated, strange)
	got, err := db.Stored(t.Context(), map[analytics.EventID]time.Time{
		{Vendor: "acme", ID: "evt_1"}: halloween, {Vendor: "acme", ID: strange.Event.ID}: halloween,
		{Vendor: "acme", ID: "evt_2"}: halloween, // it says so, and is stored undated all the same
		{Vendor: "acme", ID: "evt_3"}: halloween, {Vendor: "other", ID: "evt_1"}: halloween,
	})
	want := map[analytics.EventID]bool{{Vendor: "acme", ID: "evt_1"}: true, {Vendor: "acme", ID: "evt_2"}: true, {Vendor: "acme", ID: strange.Event.ID}: true}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := db.Stored(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}

	// What is stored twice shows, once the second one is where no merge finds the first.
	again := sale("evt_1", halloween)
	insert(t, db, again)
	elsewhere := sale("evt_2", halloween)
	insert(t, db, elsewhere)
	copies, err := db.EventCopies(t.Context())
	wantCopies := map[analytics.EventID]uint64{{Vendor: "acme", ID: "evt_1"}: 1, {Vendor: "acme", ID: "evt_2"}: 2, {Vendor: "acme", ID: strange.Event.ID}: 1}
	if err != nil || !reflect.DeepEqual(copies, wantCopies) {
		t.Errorf("%+v, %v", copies, err)
	}
}
