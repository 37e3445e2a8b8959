//go:build synctests

package sim

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

// compare looks at what came of a schedule: at the tables as people read them, the dead letters and the ledger.
func (w *world) compare(deliveries []*delivery) {
	letters := w.letters()
	events, sales := map[string][]row{}, map[string][]row{}
	for _, r := range w.server.final("events") {
		id := r["event_id"].(string)
		events[id] = append(events[id], r)
	}
	for _, r := range w.server.final("sales") {
		key := fmt.Sprint(r["kind"], " ", r["sale_key"])
		sales[key] = append(sales[key], r)
	}
	kept := map[identity]bool{} // deliveries of which there is a row that counts, or counted before a better one came
	for _, p := range w.server.tables["events"].rows {
		if p.row["error"] == "" {
			kept[identity{p.row["event_id"].(string), p.row["received_at"].(time.Time).UnixMilli()}] = true
		}
	}
	first, stored := map[string]time.Time{}, map[string]bool{}
	want := map[string]int64{} // cents by sale
	for _, d := range deliveries {
		id := identify(d.record)
		letter := letters[id]
		delete(letters, id)
		switch {
		case letter == nil && d.fate != poison && d.fate != refused:
			stored[d.ID] = true
			if !kept[id] {
				w.books.complain("%s, received %v, was never stored", d.ID, d.received)
			}
			if d.sale != "" {
				want[d.sale] = d.cents
			}
			if at, is := first[d.ID]; !is || d.received.Before(at) {
				first[d.ID] = d.received
			}
		case letter == nil:
			w.books.complain("%s, received %v, is %s and no dead letter", d.ID, d.received, d.fate)
		case d.fate == good:
			w.books.complain("%s is good and a dead letter", d.ID)
		case !bytes.Equal(letter.Value, d.record.Value):
			w.books.complain("dead letter %s is not what was sent", d.ID)
		}
	}
	for id := range letters {
		w.books.complain("dead letter %v was never sent", id)
	}
	seen := map[string]bool{}
	for _, d := range deliveries {
		rows := events[d.ID]
		switch {
		case seen[d.ID]:
		case len(rows) > 1:
			w.books.complain("%s is in events %d times", d.ID, len(rows))
		case !stored[d.ID] || d.fate == flaky && len(rows) == 1:
		case len(rows) == 0:
			w.books.complain("%s is not in events", d.ID)
		default:
			r := rows[0]
			if r["error"] != "" || !r["received_at"].(time.Time).Equal(first[d.ID]) || r["payload"] != string(d.Data) {
				w.books.complain("%s in events is not its first delivery (of %v): %v", d.ID, first[d.ID], r)
			}
		}
		seen[d.ID] = true
	}
	for sale, cents := range want {
		if n := len(sales[sale]); n != 1 {
			w.books.complain("%s is in sales %d times", sale, n)
		} else if got := sales[sale][0]["amount"].(decimal.Decimal); !got.Equal(decimal.New(cents, -2)) {
			w.books.complain("%s is worth %v, not %d cents", sale, got, cents)
		}
		delete(sales, sale)
	}
	for sale, rows := range sales { // dead letters whose INSERT went through all the same, after its time was up
		if len(rows) > 1 {
			w.books.complain("%s is in sales %d times", sale, len(rows))
		}
	}
	w.compareLedger()
}

func (w *world) compareLedger() {
	for _, topic := range []string{w.topics.Events, w.topics.Retry} {
		// What comes later, if anything, was written to the retry topic a second time by who has lost the partition.
		for partition, commit := range w.cluster.GroupInfo(group).Commits[topic] {
			for offset := range commit.Offset {
				if !w.books.accounted(tp{topic, partition}, offset) {
					w.books.complain("%v is not in the ledger", place{topic, partition, offset})
				}
			}
		}
	}
	for _, r := range w.server.final("ledger") {
		n := int64(0)
		for _, column := range []string{"stored", "retried", "dead", "skipped"} {
			n += int64(r[column].(uint32))
		}
		if n != r["end_offset"].(int64)-r["first_offset"].(int64) {
			w.books.complain("a ledger entry does not add up: %v", r)
		}
	}
}

// letters returns what the dead-letter topic holds, each dead letter once.
func (w *world) letters() map[identity]*kgo.Record {
	out := map[identity]*kgo.Record{}
	end := w.cluster.PartitionInfo(w.topics.DLQ, 0).HighWatermark
	client, err := w.options.Kafka.NewClient(w.log, nil, kgo.Dialer(w.network.DialContext),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{w.topics.DLQ: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		w.books.complain("read the dead letters: %v", err)
		return out
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for at := int64(0); at < end; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			w.books.complain("read the dead letters: %v", err)
			return out
		}
		for _, r := range fetches.Records() {
			_, original := schemas.DecodeDeadLetter(r)
			out[identity{string(r.Key), original.Timestamp.UnixMilli()}] = r
			at = r.Offset + 1
		}
	}
	return out
}
