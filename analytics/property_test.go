package analytics_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// rounds of a history: a few prove what they prove at every change; go test ./analytics -run ViewsEqual -rounds 20 more.
var rounds = flag.Int("rounds", 2, "rounds of the random history that the views are tested with")

// Zones with whole, half and three-quarter hours, with summer time on either side of the equator, and with one
// of half an hour.
var everyZone = []string{"UTC", "Africa/Lagos", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"}

// TestInvariants4And5_ViewsEqualAPlainModel lets a random history happen to a real engine: events,
// redeliveries with the same and other contents, some months late, re-mappings that change amount, month and
// effect, merges stopped and forced, and crashes between and within inserts. Then the views must equal a model
// of a hundred lines, to the cent, in every zone. HOOKLINE_SEED replays a history.
func TestInvariants4And5_ViewsEqualAPlainModel(t *testing.T) {
	t.Parallel()
	h := &history{t: t, random: newRandom(t), model: newModel(), clock: halloween}
	h.db, h.engine = open(t, everyZone...)
	const steps = 12
	for range *rounds {
		for range steps {
			h.step()
		}
		h.duplicates()
		h.check()
	}
	if h.model.size() < 100**rounds || h.crashes == 0 {
		t.Errorf("a history of %d sales and %d crashes proves little", h.model.size(), h.crashes)
	}
}

// newRandom is seeded by HOOKLINE_SEED, or the same each time.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(20261123)
	if s := os.Getenv("HOOKLINE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("HOOKLINE_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

type history struct {
	t       *testing.T
	random  *rand.Rand
	db      *analytics.DB
	engine  *testkit.EngineProcess
	model   model
	rows    []analytics.Row // all that were ever sent
	clock   time.Time       // of ingest: no two deliveries at once
	stopped bool            // merges
	crashes int
}

func (h *history) step() {
	switch n := h.random.IntN(12); {
	case n < 8:
		h.insert(h.deliveries(), false)
	case n < 9:
		h.insert(h.deliveries(), true)
	case n < 10:
		h.engine.Restart()
		h.crashes++
		h.stopped = false // is not remembered by the engine
	case h.stopped:
		ask(h.t, h.engine, "SYSTEM START MERGES")
		h.stopped = false
	case n < 11:
		ask(h.t, h.engine, "SYSTEM STOP MERGES")
		h.stopped = true
	default:
		ask(h.t, h.engine, "OPTIMIZE TABLE sales FINAL")
	}
}

// insert writes rows as the processor does: again and again until ClickHouse acknowledges them. With crash
// the engine is killed meanwhile.
func (h *history) insert(rows []analytics.Row, crash bool) {
	h.t.Helper()
	b := analytics.NewBatch()
	for _, r := range rows {
		if err := b.Append(r); err != nil {
			h.t.Fatal(err)
		}
	}
	if crash {
		done := make(chan error)
		go func() { done <- h.db.Insert(context.Background(), b) }()
		<-time.After(time.Duration(h.random.IntN(30)) * time.Millisecond) // before, within or after the insert
		h.engine.Kill()
		<-done
		h.engine.Restart()
		h.crashes++
		h.stopped = false
	}
	if err := h.db.Insert(h.t.Context(), b); err != nil {
		h.t.Fatal(err)
	}
	h.model.apply(rows)
	h.rows = append(h.rows, rows...)
}

// deliveries makes up a batch: new events for the most part, and old ones once more.
func (h *history) deliveries() []analytics.Row {
	rows := make([]analytics.Row, 1+h.random.IntN(60))
	for i := range rows {
		if len(h.rows) == 0 || h.random.IntN(3) > 0 {
			rows[i] = h.event()
			continue
		}
		rows[i] = h.again(h.rows[h.random.IntN(len(h.rows))])
	}
	return rows
}

// vendorsOfHistory: of each of them either the first or the last delivery counts.
var vendorsOfHistory = []struct {
	name string
	rule vendors.Redelivery
}{{"acme", vendors.RedeliveryFirst}, {"globex", vendors.RedeliveryLast}, {"it's \\ \"odd\" 🚀", vendors.RedeliveryFirst}}

func (h *history) event() analytics.Row {
	h.clock = h.clock.Add(time.Duration(1+h.random.IntN(5000)) * time.Millisecond)
	n := len(h.rows) + h.random.IntN(1<<30)
	vendor := vendorsOfHistory[h.random.IntN(len(vendorsOfHistory))]
	row := analytics.Row{
		Event: schemas.Event{ID: fmt.Sprint("evt_", n), Vendor: vendor.name, Type: "charge.succeeded", Time: h.time(), Received: h.clock, Data: []byte("{}")},
		Rule:  vendor.rule,
	}
	if h.random.IntN(3) > 0 {
		row.Event.Proof = schemas.ProofBody
	}
	if h.random.IntN(10) == 0 {
		return row // neither sale nor refund
	}
	row.Outcome.Effects = []vendors.Effect{{Kind: vendors.KindSale, Key: fmt.Sprint("ch_", n), Amount: h.amount(),
		Currency: []string{"EUR", "JPY", "KWD"}[h.random.IntN(3)], Time: row.Event.Time}}
	if h.random.IntN(5) == 0 {
		row.Outcome.Effects[0].Kind = vendors.KindRefund
	} else if h.random.IntN(4) == 0 {
		row.Outcome.Object, row.Outcome.AsOf = fmt.Sprint("order_", n), row.Event.Time.Add(time.Minute)
		back := row.Outcome.Effects[0]
		back.Kind, back.Time = vendors.KindRefund, h.time()
		row.Outcome.Effects = append(row.Outcome.Effects, back)
	}
	return row
}

func (h *history) amount() decimal.Decimal {
	return decimal.New(h.random.Int64N(1e9), -int32(h.random.IntN(5)))
}

// time is one of the last 14 months, near the edge of a month or near a change of the clocks for the most
// part, or none.
func (h *history) time() time.Time {
	day := 24 * time.Hour
	edge := time.Date(2026, time.Month(10-h.random.IntN(14)), 1, 0, 0, 0, 0, time.UTC)
	near := func(t time.Time, d time.Duration) time.Time {
		return t.Add(time.Duration(h.random.Int64N(int64(2*d))) - d).Truncate(time.Millisecond)
	}
	switch h.random.IntN(10) {
	case 0:
		return time.Time{}
	case 1:
		return near(time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC), time.Hour) // New York
	case 2:
		return near(time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), time.Hour) // Lord Howe
	case 3:
		return near(edge.Add(15*day), 14*day)
	default:
		return near(edge, 15*time.Hour)
	}
}

// again is a row that was sent before, sent once more: as it was, later, or with something else in it.
func (h *history) again(r analytics.Row) analytics.Row {
	if r.Generation > 0 || h.random.IntN(3) == 0 {
		return r // by our own retry, the same to the byte
	}
	// Of deliveries that come a year late, versions tell apart those that are 9 minutes apart.
	h.clock = h.clock.Add(10*time.Minute + time.Duration(1+h.random.IntN(5000))*time.Millisecond)
	r.Event.Received = h.clock
	if h.random.IntN(4) == 0 {
		r.Event.Received = h.clock.AddDate(0, h.random.IntN(6), 0).Add(time.Duration(len(h.rows)) * 10 * time.Minute)
	}
	if len(r.Outcome.Effects) == 0 || h.random.IntN(2) == 0 {
		return r
	}
	if r.Outcome.Object != "" { // a newer or an older state of the object, with fewer effects
		r.Event.ID = fmt.Sprint(r.Event.ID, "_", len(h.rows))
		r.Outcome.AsOf = r.Outcome.AsOf.Add(time.Duration(h.random.IntN(7200)-3600) * time.Second)
		r.Outcome.Effects = r.Outcome.Effects[:h.random.IntN(len(r.Outcome.Effects)+1)]
		return r
	}
	effect := r.Outcome.Effects[0]
	switch h.random.IntN(4) {
	case 0:
		effect.Amount = h.amount()
	case 1:
		effect.Currency = "CHF"
	case 2: // another mapping finds another time, perhaps in another month
		effect.Time = h.time()
		r.Generation = h.generation()
	case 3: // another event about the same sale, with a time of its own
		r.Event.ID, r.Event.Time = fmt.Sprint(r.Event.ID, "_", len(h.rows)), h.time()
		effect.Time = r.Event.Time
	}
	r.Outcome.Effects = []vendors.Effect{effect}
	return r
}

// generation is a new one each time: reprocessing gives each run its own.
func (h *history) generation() uint16 { return uint16(1 + len(h.rows)) }

// duplicates finds nothing to repair: a writer that was interrupted has written again.
func (h *history) duplicates() {
	h.t.Helper()
	if duplicates, err := h.db.CrossPartitionDuplicates(h.t.Context()); err != nil || len(duplicates) > 0 {
		for _, s := range duplicates {
			if s.Table == "sales" {
				h.t.Fatalf("duplicates: %+v, %v", duplicates, err)
			}
		}
	}
}

func (h *history) check() {
	h.t.Helper()
	// More months than a run takes are due: run after run, with no pause between.
	testkit.Eventually(h.t, converge, func() error {
		for _, view := range []string{"sales_hours_refresh", "sales_rollup_refresh"} {
			ask(h.t, h.engine, "SYSTEM REFRESH VIEW "+view)
			ask(h.t, h.engine, "SYSTEM WAIT VIEW "+view)
		}
		state, err := h.db.RollupState(h.t.Context())
		if err == nil && state.Pending > 0 {
			err = fmt.Errorf("the rollup's state is %+v", state)
		}
		return err
	})
	for _, zone := range everyZone {
		shows(h.t, h.db, zone, splitLines(lines(h.model.totals(h.t, zone)))...)
	}
}
