package analytics_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestInvariant4_DuplicatesAreFoundAndRepaired(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	repaired := func(want ...analytics.CrossPartitionDuplicate) {
		t.Helper()
		duplicates, err := db.CrossPartitionDuplicates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(duplicates)+len(want) > 0 && !reflect.DeepEqual(duplicates, want) {
			t.Errorf("found %+v, want %+v", duplicates, want)
		}
		if err := db.RepairDuplicates(t.Context()); err != nil {
			t.Fatal(err)
		}
		if duplicates, err := db.CrossPartitionDuplicates(t.Context()); err != nil || len(duplicates) > 0 {
			t.Errorf("still there: %+v, %v", duplicates, err)
		}
	}
	repaired()

	// A writer of the earlier statement died between the registry and the sales, and nobody writes it again.
	edge := time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC)
	first, second := sale("evt_1", edge), sale("evt_2", edge.Add(2*time.Second))
	second.Outcome.Effects[0].Key = first.Outcome.Effects[0].Key
	insert(t, db, second, sale("evt_3", edge))
	ask(t, e, fmt.Sprintf(`INSERT INTO sale_keys (vendor, object, kind, source_hour, version) VALUES ('acme', 'ch_evt_1', 'sale', %d, %d)`,
		edge.Unix()/3600, analytics.SaleVersion(first)))
	repaired(analytics.CrossPartitionDuplicate{Table: "sales", Vendor: "acme", Kind: "sale", Key: "ch_evt_1", Month: 202611, Best: 202610})
	insert(t, db, first)
	shows(t, db, "UTC", "2026-10 acme EUR sale 2 24.68")
	repaired()

	// An event that was delivered again with another time is there in two months, and counts in the first.
	again := sale("evt_3", edge.AddDate(0, 2, 0))
	again.Outcome.Effects[0].Key = "ch_evt_3"
	insert(t, db, again)
	repaired(analytics.CrossPartitionDuplicate{Table: "events", Vendor: "acme", Key: "evt_3", Month: 202612, Best: 202610})
	shows(t, db, "UTC", "2026-10 acme EUR sale 2 24.68")

	// One that could not be read never takes the place of one that could, whichever came first.
	bad := sale("evt_4", edge)
	bad.Outcome, bad.Error = vendors.Outcome{}, "map: nothing at amount"
	good := sale("evt_4", edge.AddDate(0, 0, 5))
	insert(t, db, bad)
	insert(t, db, good)
	repaired(analytics.CrossPartitionDuplicate{Table: "events", Vendor: "acme", Key: "evt_4", Month: 202610, Best: 202611})
	if got := ask(t, e, "SELECT source_month, error FROM events FINAL WHERE event_id = 'evt_4'"); got != "202611\t" {
		t.Errorf("left: %s", got)
	}
}

// at returns the sale ch_1 as an event at that time reports it, received so much later.
func at(when time.Time, delay time.Duration) analytics.Row {
	row := sale("evt_"+when.Format("150405.000"), when)
	row.Event.Received = when.Add(delay)
	row.Outcome.Effects[0].Key = "ch_1"
	return row
}

// TestInvariant4_SaleIsInOneMonth: whichever event of a sale comes first, the month is that of the earliest, at once.
func TestInvariant4_SaleIsInOneMonth(t *testing.T) {
	t.Parallel()
	edge := time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC)
	weak := func(r analytics.Row) analytics.Row {
		r.Event.Proof = schemas.ProofWeak
		return r
	}
	for name, c := range map[string]struct {
		rows []analytics.Row // in the order of their arrival
		want string
	}{
		"the earlier event first":           {[]analytics.Row{at(edge, 0), at(edge.Add(2*time.Second), 0)}, "202610"},
		"the later event first":             {[]analytics.Row{at(edge.Add(2*time.Second), 0), at(edge, time.Hour)}, "202610"},
		"three, over two years":             {[]analytics.Row{at(edge.AddDate(1, 0, 0), 0), at(edge.AddDate(0, 2, 0), 0), at(edge, time.Hour)}, "202610"},
		"a replay with an edited time":      {[]analytics.Row{weak(at(edge, 0)), weak(at(edge.AddDate(-1, 0, 0), 400*24*time.Hour))}, "202610"},
		"a replay, edited to be in future":  {[]analytics.Row{weak(at(edge, 0)), weak(at(edge.Add(3*time.Hour), 0))}, "202610"},
		"again and again":                   {[]analytics.Row{at(edge.Add(2*time.Second), 0), at(edge, 0), at(edge.Add(2*time.Second), 0), at(edge, 0)}, "202610"},
		"an undated one, received later on": {[]analytics.Row{at(edge, 0), undatedAt(edge.AddDate(0, 1, 0))}, "202610"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, e := open(t, "UTC")
			for i, row := range c.rows {
				insert(t, db, row)
				if got := ask(t, e, "SELECT count() FROM sales FINAL"); got != "1" {
					t.Fatalf("after %d rows: %s sales", i+1, got)
				}
			}
			insert(t, db, c.rows...)
			if got := ask(t, e, "SELECT groupArray(source_month) FROM sales FINAL"); got != "["+c.want+"]" {
				t.Errorf("it is in %s, want %s", got, c.want)
			}
		})
	}
}

func undatedAt(received time.Time) analytics.Row {
	row := at(received, 0)
	row.Event.Time, row.Outcome.Effects[0].Time = time.Time{}, time.Time{}
	return row
}

// TestInvariant4_NewestStateOfAnObjectCounts reports an order five times, in every order of arrival, each state lost or
// not, and by two writers at once: the newest state alone is in figures.
func TestInvariant4_NewestStateOfAnObjectCounts(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	placed := time.Date(2026, 10, 31, 23, 30, 0, 0, time.UTC)
	effect := func(kind vendors.Kind, key, amount string, when time.Time) vendors.Effect {
		return vendors.Effect{Kind: kind, Key: key, Amount: decimal.RequireFromString(amount), Currency: "EUR", Time: when}
	}
	order := func(n int, effects ...vendors.Effect) func(name string) analytics.Row {
		return func(name string) analytics.Row {
			row := sale(fmt.Sprint("evt_", name, n), placed)
			row.Event.Received = placed.AddDate(0, 2, 0)
			row.Outcome = vendors.Outcome{Object: name, AsOf: placed.Add(time.Duration(n) * time.Hour)}
			for _, one := range effects {
				one.Key = name + one.Key
				row.Outcome.Effects = append(row.Outcome.Effects, one)
			}
			return row
		}
	}
	sold := effect(vendors.KindSale, "", "100", placed)
	states := []func(string) analytics.Row{
		order(0, sold),
		order(1, sold, effect(vendors.KindRefund, "r1", "10", placed.Add(time.Hour))),
		order(2, sold, effect(vendors.KindRefund, "r1", "10", placed.Add(time.Hour)), effect(vendors.KindRefund, "r2", "5", placed.AddDate(0, 1, 0))),
		order(3, effect(vendors.KindSale, "", "90", placed.Add(2*time.Hour)), effect(vendors.KindRefund, "r2", "5", placed.AddDate(0, 1, 0))), // r1 is gone, the sale moved
	}
	void := order(4)
	var wanted []string
	number := 0
	for _, order := range permutations(4) {
		for lost := range 3 { // of the older states one is lost, or none
			name := fmt.Sprintf("order_%03d", number)
			number++
			for _, n := range order {
				if n == 3 || lost == 0 || n != lost {
					insert(t, db, states[n](name))
				}
			}
			if number%4 == 0 {
				insert(t, db, void(name))
				insert(t, db, states[2](name)) // late
				continue
			}
			insert(t, db, states[number%3](name)) // late, or again
			wanted = append(wanted, "refund "+name+"r2 5 202612", "sale "+name+" 90 202611")
		}
	}
	if got := splitLines(ask(t, e, "SELECT concat(kind, ' ', sale_key, ' ', toString(amount), ' ', toString(source_month)) FROM sales FINAL ORDER BY object, kind")); !reflect.DeepEqual(got, wanted) {
		t.Errorf("got %d rows, want %d:\n%s", len(got), len(wanted), got)
	}
	if duplicates, err := db.CrossPartitionDuplicates(t.Context()); err != nil || len(duplicates) > 0 {
		t.Errorf("duplicates: %+v, %v", duplicates, err)
	}
}

func permutations(n int) (out [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, shorter := range permutations(n - 1) {
		for i := range n {
			one := append(append(append([]int{}, shorter[:i]...), n-1), shorter[i:]...)
			out = append(out, one)
		}
	}
	return out
}

// TestInvariant4_WritersAtOnce: statements about the same sales and objects, written by several writers at once, each of
// them twice and in batches of its own, amount to what the model says.
func TestInvariant4_WritersAtOnce(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	h := &history{t: t, model: newModel(), db: db, engine: e, clock: halloween}
	h.random = newRandom(t)
	var rows []analytics.Row
	for range 60 {
		rows = append(rows, h.event())
	}
	h.rows = rows
	for range 240 {
		rows = append(rows, h.again(rows[h.random.IntN(60)]))
		h.rows = rows
	}
	h.model.apply(rows)
	const writers = 3
	done := make(chan error)
	for range writers {
		mine := make([]analytics.Row, 0, 2*len(rows))
		for _, i := range h.random.Perm(2 * len(rows)) {
			mine = append(mine, rows[i%len(rows)])
		}
		size := 1 + h.random.IntN(40)
		go func() {
			done <- func() error {
				for len(mine) > 0 {
					b := analytics.NewBatch()
					for _, r := range mine[:min(size, len(mine))] {
						if err := b.Append(r); err != nil {
							return err
						}
					}
					mine = mine[min(size, len(mine)):]
					if err := db.Insert(t.Context(), b); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	h.duplicates()
	shows(t, db, "UTC", splitLines(lines(h.model.totals(t, "UTC")))...)
}
