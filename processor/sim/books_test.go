//go:build synctests

package sim

import (
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

// place is where a record is.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%s/%d@%d", p.topic, p.partition, p.offset) }

type tp struct {
	topic     string
	partition int32
}

// books know what was acknowledged, and where. Hooks in the clients and the server report it, and
// so know of it before any commit that relies on it can reach the broker.
type books struct {
	topics schemas.Topics

	mu       sync.Mutex
	produced map[place]*delivery       // acknowledged to ingest
	fetched  map[place]*kgo.Record     // what some processor has read
	rows     map[place]row             // events' rows that are sure to stay, by the origin that they name
	sales    map[string]bool           // sales' rows that are sure to stay, by event and time received
	ledger   map[tp][][2]int64         // offsets that entries account for that are sure to stay
	retries  map[identity]map[int]bool // acknowledged by the retry topic, by attempts
	letters  map[place]bool            // acknowledged by the dead-letter topic, by origin
	checked  map[tp]int64              // all offsets below were committed, and rightly so
	commits  int
	wrong    []string
}

func newBooks(topics schemas.Topics) *books {
	return &books{
		topics: topics, produced: map[place]*delivery{}, fetched: map[place]*kgo.Record{}, rows: map[place]row{}, sales: map[string]bool{},
		ledger: map[tp][][2]int64{}, retries: map[identity]map[int]bool{}, letters: map[place]bool{}, checked: map[tp]int64{},
	}
}

func (b *books) complain(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complainLocked(format, args...)
}

func (b *books) complainLocked(format string, args ...any) {
	if len(b.wrong) < 20 {
		b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
	}
}

func (b *books) failed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.wrong) > 0
}

// OnFetchRecordBuffered implements kgo.HookFetchRecordBuffered for the processors' clients.
func (b *books) OnFetchRecordBuffered(r *kgo.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fetched[place{r.Topic, r.Partition, r.Offset}] = r
}

// OnProduceRecordUnbuffered implements kgo.HookProduceRecordUnbuffered for the processors' clients.
func (b *books) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch r.Topic {
	case b.topics.Retry:
		retry, err := schemas.DecodeRetry(r)
		if err != nil {
			b.complainLocked("what was written to the retry topic is no retry: %v", err)
			return
		}
		id := identify(r)
		if b.retries[id] == nil {
			b.retries[id] = map[int]bool{}
		}
		b.retries[id][retry.Attempts] = true
	case b.topics.DLQ:
		letter, _ := schemas.DecodeDeadLetter(r)
		b.letters[place{letter.Topic, letter.Partition, letter.Offset}] = true
	}
}

// stored is called for each row that is sure to stay in ClickHouse.
func (b *books) stored(table string, r row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch table {
	case "events":
		b.rows[place{r["kafka_topic"].(string), r["kafka_partition"].(int32), r["kafka_offset"].(int64)}] = r
	case "sales":
		b.sales[saleOf(r)] = true
	case "ledger":
		at := tp{r["kafka_topic"].(string), r["kafka_partition"].(int32)}
		b.ledger[at] = append(b.ledger[at], [2]int64{r["first_offset"].(int64), r["end_offset"].(int64)})
	}
}

func saleOf(r row) string {
	return fmt.Sprint(r["event_id"], " ", r["received_at"].(time.Time).UnixMilli())
}

// committing is called for each commit that reaches the broker, before the broker carries it out (invariant 3).
func (b *books) committing(at tp, offset int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.commits++
	for ; b.checked[at] < offset; b.checked[at]++ {
		if why := b.open(place{at.topic, at.partition, b.checked[at]}); why != "" {
			b.complainLocked("commit of %s/%d up to %d: %s", at.topic, at.partition, offset, why)
		}
	}
}

// open says why the record at p may not be committed yet; empty where it may. mu is held.
func (b *books) open(p place) string {
	r := b.fetched[p]
	if r == nil {
		return fmt.Sprintf("%v was never read", p)
	}
	if !b.accounted(tp{p.topic, p.partition}, p.offset) {
		return fmt.Sprintf("%v is not in the ledger", p)
	}
	if b.letters[p] {
		return ""
	}
	attempts := 0
	if p.topic == b.topics.Retry {
		retry, err := schemas.DecodeRetry(r)
		if retry.Action != "" {
			return ""
		} else if err != nil {
			return fmt.Sprintf("%v is no retry and no dead letter", p)
		}
		attempts = retry.Attempts
	}
	if b.retries[identify(r)][attempts+1] {
		return ""
	}
	stored := b.rows[p]
	switch {
	case stored == nil:
		return fmt.Sprintf("%v (%s) is neither stored nor in another topic", p, r.Key)
	case stored["error"] != "":
		return fmt.Sprintf("%v (%s) is stored as poison and no dead letter", p, r.Key)
	case stored["effect"] != "" && !b.sales[saleOf(stored)]:
		return fmt.Sprintf("the sale of %v (%s) is not stored", p, r.Key)
	}
	return ""
}

// accounted says whether the ledger has an offset; mu is held.
func (b *books) accounted(at tp, offset int64) bool {
	for _, e := range b.ledger[at] {
		if e[0] <= offset && offset < e[1] {
			return true
		}
	}
	return false
}
