package processor_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/processor/alert"
	"github.com/hookline-io/hookline/schemas"
)

// ask runs a statement in the engine, past everything that is under test.
func (s *stack) ask(sql string) string {
	s.t.Helper()
	return s.engine.Ask(s.t, "hookline", sql)
}

// pager plays the webhook that alerts go to, over real HTTP, and keeps what it was sent, such as "firing Name".
type pager struct {
	*httptest.Server
	mu   sync.Mutex
	sent []string
	text string
}

func newPager(t *testing.T) *pager {
	p := &pager{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			Text   string
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.text += body.Text
		for _, a := range body.Alerts {
			p.sent = append(p.sent, a.Status+" "+a.Labels["alertname"])
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pager) on(o *processor.Options) { o.Alert.WebhookURL = alert.URL(p.URL) }

func (p *pager) heard(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.sent, what)
}

func (p *pager) want(t *testing.T, what string) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		if !p.heard(what) {
			return fmt.Errorf("the pager did not get %q", what)
		}
		return nil
	})
}

// wantReady waits until /readyz answers with that status and text.
func wantReady(t *testing.T, address string, status int, text string) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		r, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != status || !strings.Contains(string(body), text) {
			return fmt.Errorf("readyz: %d %s, want %d with %q", r.StatusCode, body, status, text)
		}
		return nil
	})
}

func TestInvariant3_AnOutageIsHeldAndARefusalNeedsAPerson(t *testing.T) {
	s, p := newStack(t), newPager(t)
	var admin string
	s.start(p.on, func(o *processor.Options) { admin = o.Admin.Listen })
	s.produce(sale(0, time.Now()))
	s.wantSales(1)

	// An outage: an alert when it lasts, ready all the while.
	s.engine.Kill()
	s.produce(sales(1, 200, time.Now())...)
	p.want(t, "firing HooklineStoreRetrying")
	wantReady(t, admin, http.StatusOK, "ready")
	s.engine.Restart()
	s.wantSales(200)
	p.want(t, "resolved HooklineStoreRetrying")
	if p.heard("firing HooklineStoreRefused") {
		t.Error("an outage was taken for a refusal")
	}

	// A table that is not there: an alert at once, and not ready.
	s.ask("RENAME TABLE sales TO elsewhere")
	s.produce(sales(200, 300, time.Now())...)
	p.want(t, "firing HooklineStoreRefused")
	wantReady(t, admin, http.StatusServiceUnavailable, "hookline setup")
	s.ask("RENAME TABLE elsewhere TO sales")
	s.wantSales(300)
	p.want(t, "resolved HooklineStoreRefused")
	wantReady(t, admin, http.StatusOK, "ready")

	// A table that takes not one row: the same, and no event is to blame.
	s.ask("ALTER TABLE events ADD CONSTRAINT nothing CHECK 1 = 0")
	s.produce(sales(300, 400, time.Now())...)
	wantReady(t, admin, http.StatusServiceUnavailable, "constraint")
	s.ask("ALTER TABLE events DROP CONSTRAINT nothing")
	s.wantSales(400)
	s.wantAllCommitted()
	if letters, retries := s.read(s.kafka.Topics().DLQ), s.read(s.kafka.Topics().Retry); len(letters)+len(retries) != 0 {
		t.Errorf("%d dead letters and %d retries, for a fault that was not the events'", len(letters), len(retries))
	}
}

// Events of a whole topic meet a password that is wrong: none is to blame, so none is dead-lettered, and all are stored
// once the password is right, by the same process.
func TestInvariant3_AWrongPasswordNeedsAPersonAndNoRestart(t *testing.T) {
	const n = 3000
	engine := prepared.Engine(t)
	s, p := newStackOver(t, engine, 4), newPager(t)
	file := filepath.Join(t.TempDir(), "password")
	password := func(text string) {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	password("a-wrong-one")
	s.produce(sales(0, n, time.Now())...)
	var admin string
	s.start(p.on, func(o *processor.Options) {
		admin = o.Admin.Listen
		o.ClickHouse.DSN, o.ClickHouse.Password = analytics.DSN(engine.HTTPAs(t, "writer")+"/hookline"), secret.Ref("file:"+file)
	})
	p.want(t, "firing HooklineStoreRefused")
	wantReady(t, admin, http.StatusServiceUnavailable, "password")
	p.want(t, "firing HooklineStoreRetrying") // by when it has been tried again and again
	if committed, _ := s.committed(); committed != 0 {
		t.Errorf("%d offsets are committed", committed)
	}
	password(engine.Password(t, "writer"))
	s.wantSales(n)
	s.wantAllCommitted()
	p.want(t, "resolved HooklineStoreRefused")
	p.want(t, "resolved HooklineStoreRetrying")
	wantReady(t, admin, http.StatusOK, "ready")
	if letters, retries := s.read(s.kafka.Topics().DLQ), s.read(s.kafka.Topics().Retry); len(letters)+len(retries) != 0 {
		t.Errorf("%d dead letters and %d retries, for a password that was not the events'", len(letters), len(retries))
	}
	if totals := s.audit(false).Totals; !totals.Passed() || totals.Committed != n {
		t.Errorf("%+v", totals)
	}
}

func TestInvariant8_ARejectedRowCostsOnlyItself(t *testing.T) {
	s, p := newStack(t), newPager(t)
	s.ask("ALTER TABLE events ADD CONSTRAINT no_bad CHECK event_id NOT LIKE 'bad%'")
	bad := func(id string) schemas.Event {
		e := sale(7, time.Now())
		e.ID, e.Data = id, fmt.Appendf(nil, `{"id":%q,"type":"paid","at":%q,"order":%q,"amount":"1.25"}`, id, e.Time.Format(time.RFC3339), id)
		return e
	}
	events := sales(0, 300, time.Now())
	events = slices.Insert(events, 0, bad("bad_1"))
	events = slices.Insert(events, 150, bad("bad_2"), bad("bad_3"))
	s.produce(append(events, bad("bad_4"))...)
	s.start(p.on)
	s.wantSales(300)
	s.wantAllCommitted()

	letters := s.deadLetters(4)
	for _, id := range []string{"bad_1", "bad_2", "bad_3", "bad_4"} {
		letter, original := schemas.DecodeDeadLetter(letters[id])
		if letter.Stage != "store" || letter.Attempts != 3 || !strings.Contains(letter.Error, "no_bad") || letter.Topic != s.kafka.Topics().Retry {
			t.Errorf("%s: %+v", id, letter)
		}
		want := bad(id)
		if string(original.Value) != string(want.Data) || len(original.Headers) != len(want.Record("").Headers) {
			t.Errorf("%s: the original is not untouched", id)
		}
	}
	attempts := map[string][]int{}
	for _, r := range s.read(s.kafka.Topics().Retry) {
		retry, err := schemas.DecodeRetry(r)
		if err != nil || retry.Action != "" || !strings.Contains(retry.Reason, "no_bad") {
			t.Errorf("%s: %+v, %v", r.Key, retry, err)
		}
		attempts[string(r.Key)] = append(attempts[string(r.Key)], retry.Attempts)
	}
	if got := fmt.Sprint(attempts); got != "map[bad_1:[1 2] bad_2:[1 2] bad_3:[1 2] bad_4:[1 2]]" {
		t.Errorf("attempts in the retry topic: %s", got)
	}
	p.want(t, "firing HooklineDeadLetters")

	// What is retried when the cause is gone is stored; a record for the actions' group is left to it, and one that
	// is no retry is dead.
	s.ask("ALTER TABLE events DROP CONSTRAINT no_bad")
	waiting := bad("bad_5")
	foreign := schemas.Retry{Action: "forward http://x/", NotBefore: time.Now()}.Record(s.kafka.Topics().Retry, events[5].Record(""))
	s.produceRecords(schemas.Retry{Attempts: 1, NotBefore: time.Now().Add(400 * time.Millisecond)}.Record(s.kafka.Topics().Retry, waiting.Record("")), foreign,
		&kgo.Record{Topic: s.kafka.Topics().Retry, Key: []byte("stray"), Value: []byte("?")})
	s.wantSales(301)
	if letter, _ := schemas.DecodeDeadLetter(s.deadLetters(5)["stray"]); letter.Stage != "decode" {
		t.Errorf("what is no retry: %+v", letter)
	}
}

// read returns what a topic holds now.
func (s *stack) read(topic string) (out []*kgo.Record) {
	s.t.Helper()
	ranges, err := kafka.Held(s.t.Context(), s.client, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	err = s.kafka.Scan(s.t.Context(), discard(), ranges, func(r *kgo.Record) error {
		out = append(out, r)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}
