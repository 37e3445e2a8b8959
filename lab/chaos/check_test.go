package chaos

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local"
)

func TestLetters(t *testing.T) {
	at := func(offset int64) analytics.Origin {
		return analytics.Origin{Topic: "events", Partition: 1, Offset: offset}
	}
	a, b := analytics.EventID{Vendor: "v", ID: "a"}, analytics.EventID{Vendor: "v", ID: "b"}
	sound := func() *letters {
		return &letters{
			poisoned: map[analytics.Origin]analytics.EventID{at(1): a, at(2): b, at(7): a}, // a was sent again
			topic:    map[analytics.Origin]int{at(1): 1, at(2): 2, at(7): 1},               // b's was written again after a crash
			table:    map[analytics.DeadLetterID]analytics.EventID{{Origin: at(1)}: a, {Origin: at(2)}: b, {Origin: at(7)}: a},
		}
	}
	for name, tt := range map[string]struct {
		spoil    func(*letters)
		stranded int
		want     string
	}{
		"as it should be":         {func(*letters) {}, 0, "[]"},
		"not in the topic":        {func(l *letters) { delete(l.topic, at(7)) }, 1, "[poison a at events/1 offset 7 is not in the dead-letter topic]"},
		"not in the table":        {func(l *letters) { delete(l.table, analytics.DeadLetterID{Origin: at(2)}) }, 1, "[poison b at events/1 offset 2 is not in the table of dead letters]"},
		"another event's":         {func(l *letters) { l.table[analytics.DeadLetterID{Origin: at(2)}] = a }, 1, "[poison b at events/1 offset 2 is not in the table of dead letters]"},
		"lost by ingest":          {func(l *letters) { *l = letters{} }, 0, "[poison a was acknowledged and is not on Kafka poison b was acknowledged and is not on Kafka]"},
		"a sound event's, topic":  {func(l *letters) { l.topic[at(3)] = 1 }, 0, "[the record at events/1 offset 3 is a dead letter, though nothing is wrong with it]"},
		"a sound event's, table":  {func(l *letters) { l.table[analytics.DeadLetterID{Origin: at(3)}] = b }, 0, "[event b of v at events/1 offset 3 is in the table of dead letters, though nothing is wrong with it]"},
		"two letters of a record": {func(l *letters) { l.table[analytics.DeadLetterID{Origin: at(1), Action: "x"}] = a }, 0, "[poison a at events/1 offset 1 is 2 dead letters]"},
	} {
		t.Run(name, func(t *testing.T) {
			l := sound()
			tt.spoil(l)
			if stranded, wrong := l.judge([]analytics.EventID{a, b}); fmt.Sprint(wrong) != tt.want || stranded != tt.stranded {
				t.Errorf("%d %s\nwant %d %s", stranded, wrong, tt.stranded, tt.want)
			}
		})
	}
}

func TestPager(t *testing.T) {
	p, err := newPager()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.run(t.Context()) }()
	notify := func(status, instance string) {
		t.Helper()
		body := `{"alerts":[{"status":"` + status + `","labels":{"alertname":"Retrying","instance":"` + instance + `"}}]}`
		resp, err := http.Post(p.url(), "application/json", strings.NewReader(body))
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
	}
	if _, count := p.raised("Retrying"); count != 0 || !p.over("Retrying").IsZero() {
		t.Error("an alert before there was one")
	}
	notify("firing", "a")
	notify("firing", "b")
	notify("resolved", "a")
	if first, count := p.raised("Retrying"); count != 2 || time.Since(first) > time.Minute || !p.over("Retrying").IsZero() {
		t.Errorf("%d alerts, the first at %s, over at %s", count, first, p.over("Retrying"))
	}
	notify("resolved", "b")
	if p.over("Retrying").IsZero() || !p.over("Another").IsZero() {
		t.Error("both are resolved, and of another there was none")
	}
}

func TestMemory(t *testing.T) {
	m := memory{most: map[string]int64{local.Ingest: 10 << 20, local.Engine: 2000 << 20}}
	line, over := m.report(bounds(local.Embedded))
	if line != "memory, at most: engine 2000 of 1536 MiB, ingest 10 of 384 MiB" || fmt.Sprint(over) != "[engine took 2000 MiB of memory, 1536 are its bound]" {
		t.Errorf("%s\n%s", line, over)
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("SKIPPED: there is no /proc")
	}
	var total int64
	for _, bytes := range residentByGroup() {
		total += bytes
	}
	if total < 1<<20 {
		t.Errorf("all processes together take %d bytes", total)
	}
}
