package processor_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor/deadletter"
	"github.com/hookline-io/hookline/schemas"
)

func TestInvariant4_RedrivenLettersCountOnce(t *testing.T) {
	s := newStack(t)
	right := vendorsYAML
	wrong := strings.ReplaceAll(right, "amount: amount", "amount: total")
	configure := func(yaml string) {
		if err := os.WriteFile(s.vendors, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure(wrong)
	stop := s.start()
	received := time.Now().AddDate(0, 0, -60) // so long ago that Kafka would delete what has this timestamp
	const n = 20
	for i := range n {
		e := sale(i, received)
		s.produce(e)
	}
	poison := sale(0, received)
	poison.ID, poison.Time, poison.BadTime = "never", time.Time{}, "soon"
	poison.Data = []byte(`{"id":"never","type":"paid","at":"soon","order":"o0","amount":"1.25"}`)
	s.produce(poison)
	s.deadLetters(n + 1)
	want := func(what, sql, want string) {
		t.Helper()
		testkit.Eventually(t, 15*time.Second, func() error {
			if got := s.ask(sql); got != want {
				return fmt.Errorf("%s: %s, want %s", what, got, want)
			}
			return nil
		})
	}
	const letters = "SELECT state, count() FROM dead_letters FINAL GROUP BY state ORDER BY state"
	want("letters", letters, fmt.Sprintf("dead\t%d", n+1))
	want("errors", "SELECT count() FROM events FINAL WHERE error != '' AND payload != ''", fmt.Sprint(n+1))

	redrive := func(o deadletter.RedriveOptions) deadletter.Redriven {
		t.Helper()
		q, err := deadletter.Open(t.Context(), discard(), deadletter.Options{Kafka: s.kafka, ClickHouse: s.clickhouse()})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		out, err := q.Redrive(t.Context(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	stage := deadletter.Filter{Vendor: "acme", Stage: "map"}
	_, before := s.committed()
	if got := redrive(deadletter.RedriveOptions{Filter: stage, DryRun: true}); got != (deadletter.Redriven{Matched: n, Sent: n}) {
		t.Errorf("dry run: %+v", got)
	}
	if _, after := s.committed(); after != before {
		t.Errorf("a dry run wrote %d records", after-before)
	}

	// Too early: they fail again, and are new dead letters.
	if got := redrive(deadletter.RedriveOptions{Filter: deadletter.Filter{Event: "evt_0"}}); got != (deadletter.Redriven{Matched: 1, Sent: 1}) {
		t.Errorf("one: %+v", got)
	}
	want("letters", letters, fmt.Sprintf("dead\t%d\nredriven\t1", n+1))

	if err := stop(); err != nil {
		t.Error(err)
	}
	configure(right)
	s.start()
	for round, tt := range []struct {
		options deadletter.RedriveOptions
		want    deadletter.Redriven
	}{
		{deadletter.RedriveOptions{Filter: stage}, deadletter.Redriven{Matched: n + 1, Sent: n, Before: 1}},
		{deadletter.RedriveOptions{Filter: stage}, deadletter.Redriven{Matched: n + 1, Before: n + 1}},
		{deadletter.RedriveOptions{Filter: stage, Again: true}, deadletter.Redriven{Matched: n + 1, Sent: n + 1}},
		{deadletter.RedriveOptions{Filter: deadletter.Filter{Stage: "time"}}, deadletter.Redriven{Matched: 1, Sent: 1}},
	} {
		if got := redrive(tt.options); got != tt.want {
			t.Errorf("round %d: %+v, want %+v", round, got, tt.want)
		}
		s.wantSales(n)
		s.wantAllCommitted()
		want("errors", "SELECT count() FROM events FINAL WHERE error != ''", "1")
	}
	want("letters", letters, fmt.Sprintf("dead\t1\nredriven\t%d", n+2))
	s.ask("OPTIMIZE TABLE events FINAL")
	want("errors", "SELECT count() FROM events WHERE error != ''", "1")
	want("events", "SELECT count() FROM events", fmt.Sprint(n+1))
	want("deliveries", "SELECT sum(vendors['acme']) FROM ledger FINAL", fmt.Sprint(n+1)) // of the vendor's; redrives are ours
	want("received", "SELECT count() FROM events WHERE received_at < now() - INTERVAL 50 DAY", fmt.Sprint(n+1))

	// An action's letter goes round for that action alone.
	failed := schemas.DeadLetter{Stage: "action", Action: "forward http://a/", Attempts: 8, Error: "503"}
	record := sale(1, received)
	s.produceRecords(failed.Record(s.kafka.Topics().DLQ, record.Record(s.kafka.Topics().Events)))
	if got := redrive(deadletter.RedriveOptions{Filter: deadletter.Filter{Stage: "action"}}); got != (deadletter.Redriven{Matched: 1, Sent: 1}) {
		t.Errorf("an action: %+v", got)
	}
	retries := s.read(s.kafka.Topics().Retry)
	if len(retries) != 1 {
		t.Fatalf("%d retries", len(retries))
	}
	if retry, err := schemas.DecodeRetry(retries[0]); err != nil || retry.Action != failed.Action || retry.Attempts != 0 || retry.NotBefore.After(time.Now()) {
		t.Errorf("%+v, %v", retry, err)
	}
	if totals := s.audit(false).Totals; !totals.Passed() {
		t.Errorf("%+v", totals)
	}
}
