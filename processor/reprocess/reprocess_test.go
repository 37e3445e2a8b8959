package reprocess_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/internal/testkit/tables"
	"github.com/hookline-io/hookline/processor/mapping"
	"github.com/hookline-io/hookline/processor/reprocess"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// bench is an engine with hookline's tables, and a line to it that can be cut.
type bench struct {
	t       *testing.T
	engine  *testkit.EngineProcess
	db      *analytics.DB
	line    *httptest.Server
	left    atomic.Int64 // requests until the line is cut
	vendors string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, engine: prepared.Engine(t), vendors: filepath.Join(t.TempDir(), "vendors.yaml")}
	to, err := url.Parse(b.engine.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	// Each cut comes once before the engine has heard of a request, and once after it has done what it was asked.
	b.line = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch left := b.left.Add(-1); {
		case left >= 0:
			proxy.ServeHTTP(w, r)
			return
		case left == -1:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	b.line.Config.ErrorLog = nil
	t.Cleanup(b.line.Close)
	b.left.Store(1 << 40)
	if b.db, err = analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(b.engine.DSN + "/hookline")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.db.Close() })
	return b
}

// prepared is an engine with hookline's tables.
var prepared = tables.Prepared("UTC")

func (b *bench) ask(sql string) string {
	b.t.Helper()
	return b.engine.Ask(b.t, "hookline", sql)
}

// store does what the processor does with events.
func (b *bench) store(config *vendors.Config, events ...schemas.Event) {
	b.t.Helper()
	rows := analytics.NewBatch()
	for _, e := range events {
		if _, appended, err := mapping.Append(e.Record("t"), config, rows); !appended {
			b.t.Fatal(err)
		}
	}
	if err := b.db.Insert(b.t.Context(), rows); err != nil {
		b.t.Fatal(err)
	}
}

// again reprocesses with a configuration over a line that is cut after so many requests.
func (b *bench) again(yaml string, requests int64, edits ...func(*reprocess.Options)) (*reprocess.Report, error) {
	b.t.Helper()
	if err := os.WriteFile(b.vendors, []byte(yaml), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.left.Store(requests)
	o := reprocess.Options{Vendor: "acme", Vendors: b.vendors, Page: 50, ClickHouse: analytics.Options{DSN: analytics.DSN(b.engine.Through(b.t, "migrator", b.line.URL) + "/hookline"), Connections: 2}}
	for _, edit := range edits {
		edit(&o)
	}
	return reprocess.Run(b.t.Context(), slog.New(slog.DiscardHandler), o)
}

const always = 1 << 40

// TestInvariants4And5_ReprocessedViewsEqualAModel maps a random history with one configuration after the other,
// cut short again and again; amounts, keys, effects, times and currencies change. HOOKLINE_SEED replays one.
func TestInvariants4And5_ReprocessedViewsEqualAModel(t *testing.T) {
	seed := uint64(20261123)
	if s := os.Getenv("HOOKLINE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	// From each configuration to each other one.
	for redelivery, rounds := range map[vendors.Redelivery][]int{vendors.RedeliveryFirst: {1, 2, 0}, vendors.RedeliveryLast: {2, 1, 0}} {
		t.Run(string(redelivery), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			random := rand.New(rand.NewPCG(seed, 0))
			yamls := configs(t, redelivery)
			received := start.AddDate(0, 6, 0)
			all := traffic(random, 0, 200, received, moody)
			b.store(parse(t, yamls[0]), all...)
			if random.IntN(2) == 0 {
				if err := b.db.RepairDuplicates(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var config *vendors.Config
			for round, c := range rounds {
				config = parse(t, yamls[c])
				before := b.ask("SELECT now64(3)")
				cuts := b.throughCuts(yamls[c], random, uint16(round+1))
				if b.ask("SELECT count() FROM events FINAL WHERE stored_at > '"+before+"'") != "0" {
					t.Errorf("seed %d, round %d: events were stored at another time", seed, round)
				}
				b.holds(fmt.Sprintf("seed %d, round %d, after %d cuts", seed, round, cuts), all, config)
				if redelivery == vendors.RedeliveryFirst { // for the other a re-mapping outranks what comes later
					more := traffic(random, 1000*(round+1), 20, received, steady)
					b.store(config, more...)
					all = append(all, more...)
					if err := b.db.RepairDuplicates(t.Context()); err != nil {
						t.Fatal(err)
					}
					b.holds(fmt.Sprintf("seed %d, round %d, with later events", seed, round), all, config)
				}
			}
			b.shown(fmt.Sprintf("seed %d", seed), all, config)
			if got := b.ask("SELECT count() FROM reprocess_mapped"); got != "0" {
				t.Errorf("%s rows are left of what was mapped", got)
			}
		})
	}
}

// throughCuts reprocesses over a line that is cut after a few requests, after a few more, and so on until a run comes
// through, and returns how often it was cut.
func (b *bench) throughCuts(yaml string, random *rand.Rand, atLeast uint16) (cuts int) {
	b.t.Helper()
	for requests := int64(random.IntN(12)); ; requests += int64(1 + random.IntN(12)) {
		report, err := b.again(yaml, requests)
		switch {
		case err == nil:
			if report.Generation < atLeast || report.Events == 0 {
				b.t.Errorf("%+v, want generation %d or later", report, atLeast)
			}
			return cuts
		case cuts > 200 || errors.Is(err, context.Canceled):
			b.t.Fatal(err)
		}
		cuts++
	}
}

// holds fails the test unless the tables hold what the model says.
func (b *bench) holds(when string, all []schemas.Event, config *vendors.Config) {
	b.t.Helper()
	want, effects := model(b.t, all, config)
	raw, err := b.db.SalesTotalsRaw(b.t.Context(), "UTC")
	if err != nil {
		b.t.Fatal(err)
	}
	if got := lines(raw); !reflect.DeepEqual(got, want) {
		b.t.Fatalf("%s: the table has\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	found := map[string]int{}
	for line := range strings.Lines(b.ask("SELECT if(error != '', 'error', effect) AS e, count() FROM events FINAL GROUP BY e") + "\n") {
		name, n, _ := strings.Cut(strings.TrimSpace("."+line), "\t")
		found[name[1:]], err = strconv.Atoi(n)
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(found, effects) {
		b.t.Errorf("%s: effects %v, want %v", when, found, effects)
	}
}

// shown fails the test unless the view comes to show what the model says.
func (b *bench) shown(when string, all []schemas.Event, config *vendors.Config) {
	b.t.Helper()
	want, _ := model(b.t, all, config)
	testkit.Eventually(b.t, time.Minute, func() error {
		totals, err := b.db.SalesTotals(b.t.Context(), "UTC")
		if got := lines(totals); err == nil && !reflect.DeepEqual(got, want) {
			err = fmt.Errorf("%s: the view has\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		return err
	})
}

// paid is an event about an order.
func paid(id, typ, order, amount string, at time.Time, received time.Duration) schemas.Event {
	e := schemas.Event{ID: id, Vendor: "acme", Type: typ, Time: at, Received: start.AddDate(0, 6, 0).Add(received)}
	e.Data = fmt.Appendf(nil, `{"id":%q,"type":%q,"at":%s,"order":%q,"charge":"c%s","amount":%q,"cents":100,"paid":%q}`, id, typ, stated(&e), order, order, amount, at.Format(time.RFC3339))
	return e
}

func (b *bench) shows(want ...string) {
	b.t.Helper()
	totals, err := b.db.SalesTotalsRaw(b.t.Context(), "UTC")
	if got := lines(totals); err != nil || !reflect.DeepEqual(got, want) {
		b.t.Errorf("%v, got %q, want %q", err, got, want)
	}
}

// An authorisation that never should have counted, and its payment that comes later: what is taken back must not
// outrank what is yet to come.
func TestWhatIsTakenBackDoesNotHideWhatComesLater(t *testing.T) {
	b := newBench(t)
	yamls := configs(t, vendors.RedeliveryFirst)
	wrong := yamls[0]
	right := strings.ReplaceAll(wrong, "pending:", "never:")
	february := start.AddDate(0, 1, 0)
	b.store(parse(t, wrong), paid("evt_1", "pending", "o1", "5", start, 0), paid("evt_2", "paid", "o2", "7", start, time.Second),
		paid("evt_4", "pending", "edge", "9", february.Add(-time.Second), 0), paid("evt_5", "pending", "edge", "9", february, time.Second))
	if err := b.db.RepairDuplicates(t.Context()); err != nil { // leaves a tombstone in February
		t.Fatal(err)
	}
	b.shows("2026-01 USD sale 3 21")
	if _, err := b.again(right, always); err != nil {
		t.Fatal(err)
	}
	b.shows("2026-01 USD sale 1 7")
	b.store(parse(t, right), paid("evt_1", "pending", "o1", "5", start, 2*time.Second), paid("evt_3", "paid", "o1", "5", start, time.Minute),
		paid("evt_6", "paid", "edge", "9", february, time.Minute))
	if err := b.db.RepairDuplicates(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.shows("2026-01 USD sale 2 12", "2026-02 USD sale 1 9")
}

func TestAWindowLeavesOtherMonthsAlone(t *testing.T) {
	b := newBench(t)
	old := configs(t, vendors.RedeliveryFirst)[0]
	february := start.AddDate(0, 1, 0)
	edge := february.Add(-time.Second)
	b.store(parse(t, old),
		paid("evt_1", "paid", "o1", "1", start, 0), paid("evt_2", "paid", "o2", "2", february, time.Second), paid("evt_3", "paid", "o3", "4", february.AddDate(0, 1, 0), 2*time.Second),
		paid("evt_4", "paid", "edge", "8", edge, 3*time.Second), paid("evt_5", "paid", "edge", "16", february, 4*time.Second), // one sale, on either side of midnight
		paid("evt_6", "paid", "o6", "32", time.Time{}, 5*time.Second))
	if err := b.db.RepairDuplicates(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := []string{"2026-01 USD sale 2 9", "2026-02 USD sale 1 2", "2026-03 USD sale 1 4", "undated USD sale 1 32"}
	b.shows(before...)
	euros := strings.ReplaceAll(old, "{const: USD}", "{const: EUR}")
	window := func(o *reprocess.Options) { o.Since, o.Until = 202602, 202602 }

	report, err := b.again(euros, always, window, func(o *reprocess.Options) { o.DryRun = true })
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.Table(&out, true); err != nil {
		t.Fatal(err)
	}
	const table = `    month  currency  kind  count  becomes  amount  becomes
  2026-02       EUR  sale      0        1       0        2
  2026-02       USD  sale      1        0       2        0
reprocess: events=2 moved=0 errors=0 totals=5 changed=2 generation=1 applied=false
`
	if out.String() != table {
		t.Errorf("got\n%swant\n%s", out.String(), table)
	}
	b.shows(before...)
	if got := b.ask("SELECT count() FROM reprocess_mapped"); got != "0" {
		t.Errorf("a dry run left %s rows", got)
	}

	if _, err := b.again(euros, always, window); err != nil {
		t.Fatal(err)
	}
	b.shows("2026-01 USD sale 2 9", "2026-02 EUR sale 1 2", "2026-03 USD sale 1 4", "undated USD sale 1 32")
	if duplicates, err := b.db.CrossPartitionDuplicates(t.Context()); err != nil || len(duplicates) != 0 {
		t.Errorf("%+v, %v", duplicates, err)
	}
	if got := b.ask("SELECT generation, state FROM reprocess_runs FINAL ORDER BY generation"); got != "1\tdropped\n2\tdone" {
		t.Errorf("runs: %s", got)
	}
	// Nothing differs any more: nothing is written.
	rows := b.ask("SELECT count() FROM sales")
	if _, err := b.again(euros, always, window); err != nil {
		t.Fatal(err)
	}
	if got := b.ask("SELECT countIf(bitShiftRight(version, 54) > 2) FROM sales"); got != "0" {
		t.Errorf("%s rows of %s were written again", got, rows)
	}
	if _, err := b.again(euros, always); err != nil {
		t.Fatal(err)
	}
	b.shows("2026-01 EUR sale 2 9", "2026-02 EUR sale 1 2", "2026-03 EUR sale 1 4", "undated EUR sale 1 32")
}

func TestMistakes(t *testing.T) {
	b := newBench(t)
	yaml := configs(t, vendors.RedeliveryFirst)[0]
	if _, err := b.again(yaml, always, func(o *reprocess.Options) { o.Vendor = "nobody" }); err == nil || !strings.Contains(err.Error(), `no vendor "nobody"`) {
		t.Errorf("%v", err)
	}
	if _, err := b.again(yaml, always, func(o *reprocess.Options) { o.Since, o.Until = 202603, 202602 }); err == nil || !strings.Contains(err.Error(), "--until=2026-02 is before --since=2026-03") {
		t.Errorf("%v", err)
	}
	var m reprocess.Month
	for _, text := range []string{"", "2026", "2026-13", "2026-01-01", "202601"} {
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, m)
		}
	}
	if err := m.UnmarshalText([]byte("2026-11")); err != nil || m != 202611 {
		t.Errorf("%v, %v", m, err)
	}
}
