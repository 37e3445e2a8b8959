package processor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/processor/audit"
	"github.com/hookline-io/hookline/schemas"
)

// audit returns what an audit of everything finds.
func (s *stack) audit(repair bool) *audit.Report {
	s.t.Helper()
	report, err := audit.Run(s.t.Context(), discard(), audit.Options{
		Group: "hookline.store", Records: time.Hour, Split: true, Repair: repair, Timeout: time.Minute, Kafka: s.kafka, ClickHouse: s.clickhouse(),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

func TestInvariant6_EveryOffsetIsAccountedForAndWhatIsNotIsNamed(t *testing.T) {
	s := newStack(t)
	s.ask("ALTER TABLE events ADD CONSTRAINT no_bad CHECK event_id NOT LIKE 'bad%'")
	quick := func(o *processor.Options) { o.Retry.Delay = 100 * time.Millisecond }
	stop := s.start(quick)
	now := time.Now()
	n, dead := 0, 0
	for round := range 4 {
		s.produce(sales(n, n+40, now)...)
		s.produce(sales(n, n+20, now.Add(time.Second))...) // again
		n += 40
		rejected, odd := sale(1, now), sale(2, now)
		rejected.ID, odd.ID, odd.Vendor = fmt.Sprint("bad_", round), fmt.Sprint("odd_\x00\xff'\\", round), "nobody"
		s.produce(rejected, odd)
		dead += 2
		s.wantSales(n)
		if round%2 == 1 { // a clean restart, and another processor beside it for a while
			second := s.start(quick)
			if err := stop(); err != nil {
				t.Error(err)
			}
			stop = second
		}
	}
	s.deadLetters(dead)
	s.wantAllCommitted()
	var report *audit.Report
	testkit.Eventually(t, 20*time.Second, func() error { // the retry topic, too
		if report = s.audit(false); report.Totals.Lag != 0 {
			return fmt.Errorf("%+v", report.Totals)
		}
		return nil
	})
	var sums audit.Partition
	for _, p := range report.Partitions {
		sums.Stored += p.Stored
		sums.Duplicates += p.Duplicates
		sums.Retried += p.Retried
		sums.Dead += p.Dead
		sums.Skipped += p.Skipped
	}
	if want := uint64(n + n/2); !report.Totals.Passed() || report.Totals.LookedUp != int(want)+dead || sums.Stored < want || sums.Retried < 8 || sums.Dead < uint64(dead) || sums.Skipped != 0 {
		t.Errorf("%+v\n%+v", report.Totals, sums)
	}
	if got := s.ask("SELECT sum(arraySum(mapValues(vendors))) FROM ledger FINAL WHERE kafka_topic = '" + s.kafka.Topics().Retry + "'"); got != "0" {
		t.Errorf("%s retries count as deliveries", got)
	}
	// 4 rounds of some 10 flushes each, on up to 8 partitions, are a few entries.
	if entries, err := s.db.Ledger(t.Context(), "hookline.store"); err != nil || len(entries) > 40 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}

	// An event that is gone, offsets that are committed and not stored, and a sale in two months: all are named.
	s.ask("ALTER TABLE events DELETE WHERE event_id = 'evt_7' SETTINGS mutations_sync = 2")
	s.produce(sales(n, n+5, now)...)
	admin := kadm.NewClient(s.client)
	ends, err := admin.ListEndOffsets(t.Context(), s.kafka.Topics().Events)
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.CommitAllOffsets(t.Context(), "hookline.store", ends.Offsets()); err != nil {
		t.Fatal(err)
	}
	moved := sale(3, now)
	batch := analytics.NewBatch()
	moved.Time = month.AddDate(0, 1, 0)
	if err := batch.Append(analytics.Row{Event: moved}); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Insert(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	report = s.audit(false)
	if got := report.Totals; got.Unaccounted != 5 || got.Missing != 6+1 || got.Split != 1 || got.Wrong != 0 || got.Passed() {
		t.Errorf("%+v", got)
	}
	if i := slices.IndexFunc(report.Missing, func(m audit.Missing) bool { return m.Event == "evt_7" && m.Vendor == "acme" }); i < 0 {
		t.Errorf("missing: %+v", report.Missing)
	}
	if len(report.Split) != 1 || report.Split[0].Key != "evt_3" {
		t.Errorf("split: %+v", report.Split)
	}
	if got := s.audit(true).Totals; got.Split != 0 || got.Repaired != 1 {
		t.Errorf("%+v", got)
	}
	if got := s.audit(false).Totals; got.Split != 0 || got.Unaccounted != 5 {
		t.Errorf("%+v", got)
	}
}

// faulty stands between the processor and the engine and refuses to pass on inserts of some events, as a load
// balancer would whose server is away. The events of those that it passes on it notes.
type faulty struct {
	*httptest.Server
	mu     sync.Mutex
	refuse *regexp.Regexp
	stored []string
	tried  bool // something that is refused
}

var eventIDs = regexp.MustCompile(`evt_[A-E]`)

func newFaulty(t *testing.T, engine string) *faulty {
	to, err := url.Parse(engine)
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{}
	proxy := httputil.NewSingleHostReverseProxy(to)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		ids := eventIDs.FindAllString(string(body), -1)
		f.mu.Lock()
		refused := f.refuse != nil && f.refuse.Match(body)
		if refused {
			f.tried = true
		} else {
			f.stored = append(f.stored, ids...)
		}
		f.mu.Unlock()
		if refused {
			http.Error(w, "no server is available", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// hasRefused returns nil once an insert was refused.
func (f *faulty) hasRefused() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.tried {
		return errors.New("nothing was refused yet")
	}
	return nil
}

// took returns which events were passed on since the last call, each once, in order.
func (f *faulty) took(refuse *regexp.Regexp) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.stored)
	stored := slices.Compact(f.stored)
	f.stored, f.refuse = nil, refuse
	return stored
}

// TestInvariant3_AcknowledgedAreThoseBeforeTheFirstFailure takes A, B and D and fails at C and E: after a restart C,
// D and E come again, and A and B do not. A partition's offsets are committed in order, so D is not even
// tried before C is done with.
func TestInvariant3_AcknowledgedAreThoseBeforeTheFirstFailure(t *testing.T) {
	s := newStackOf(t, 1)
	f := newFaulty(t, s.engine.URL)
	f.took(regexp.MustCompile(`evt_[CE]`))
	one := func(o *processor.Options) {
		o.ClickHouse.DSN = analytics.DSN(s.engine.Through(t, "writer", f.URL) + "/hookline?compress=none")
		o.Batch.MaxRows, o.Batch.DrainTimeout = 1, 100*time.Millisecond
	}
	stop := s.start(one)
	named := func(name string) schemas.Event {
		e := sale(0, time.Now())
		e.ID, e.Data = "evt_"+name, []byte(`{"order":"`+name+`","amount":"1.25"}`)
		return e
	}
	s.produce(named("A"), named("B"))
	s.wantSales(2)
	s.wantAllCommitted()
	s.produce(named("C"), named("D"), named("E"))
	testkit.Eventually(t, 10*time.Second, f.hasRefused)
	if committed, end := s.committed(); committed != 2 || end != 5 {
		t.Errorf("committed %d of %d", committed, end)
	}
	if err := stop(); err == nil {
		t.Error("stopped with C in hand and says nothing")
	}
	if committed, _ := s.committed(); committed != 2 {
		t.Errorf("committed %d, C is at 2", committed)
	}
	if got := fmt.Sprint(f.took(nil)); got != "[evt_A evt_B]" {
		t.Errorf("took %s", got)
	}
	s.start(one)
	s.wantSales(5)
	s.wantAllCommitted()
	if got := fmt.Sprint(f.took(nil)); got != "[evt_C evt_D evt_E]" {
		t.Errorf("after the restart took %s", got)
	}
	if totals := s.audit(false).Totals; !totals.Passed() || totals.Committed != 5 {
		t.Errorf("%+v", totals)
	}
}
