package brokertest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/testkit"
)

// A 200 is given for what Kafka acknowledged, so whatever ends Kafka, that must be there.
func TestInvariant1_AcknowledgedRecordsSurviveCrashes(t *testing.T) {
	f := start(t)
	const crashes, perCrash, inFlight = 3, 500, 100
	producer := f.producer(t, kgo.MaxBufferedRecords(inFlight))
	var acked sync.Map
	var acks atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for n := uint64(0); ctx.Err() == nil; n++ {
			producer.Produce(ctx, &kgo.Record{Topic: f.topic, Key: number(n), Value: number(n)}, func(_ *kgo.Record, err error) {
				switch {
				case err == nil:
					acked.Store(n, true)
					acks.Add(1)
				case !errors.Is(err, context.Canceled):
					t.Errorf("produce %d: %v", n, err)
				}
			})
		}
	}()
	more := func() {
		want := acks.Load() + perCrash
		testkit.Eventually(t, patience, func() error {
			if got := acks.Load(); got < want {
				return fmt.Errorf("%d records acknowledged, want %d", got, want)
			}
			return nil
		})
	}
	for range crashes {
		more()
		f.Kill()
		f.Restart()
	}
	more()
	stop()
	<-stopped
	if err := producer.Flush(within(t, patience)); err != nil {
		t.Fatal(err)
	}

	stored := map[uint64]int{}
	total := 0
	for _, records := range f.read(t, f.stored(t)) {
		for _, r := range records {
			stored[binary.BigEndian.Uint64(r.Value)]++
			total++
		}
	}
	acked.Range(func(n, _ any) bool {
		if stored[n.(uint64)] == 0 {
			t.Errorf("record %d was acknowledged and is lost", n)
		}
		return true
	})
	t.Logf("%d crashes: %d records acknowledged, %d stored, %d of them more than once", crashes, acks.Load(), total, total-len(stored))
}

// stored is the number of records in the topic: it has had none removed.
func (f *fixture) stored(t *testing.T) (sum int) {
	t.Helper()
	offsets, err := kadm.NewClient(f.client(t)).ListEndOffsets(within(t, patience), f.topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	offsets.Each(func(o kadm.ListedOffset) { sum += int(o.Offset) })
	return sum
}

// Were commits lost, every crash of Kafka would have all that is on it stored once more.
func TestInvariant3_CommittedOffsetsSurviveCrashes(t *testing.T) {
	f := start(t)
	producer := f.producer(t)
	const rounds, perRound = 3, 20
	consumer := f.group(t, "store")
	for round := range rounds {
		done := uint64(round * perRound) // records that were committed before the last crash
		for n := range perRound {
			v := number(done + uint64(n))
			produce(t, producer, &kgo.Record{Topic: f.topic, Key: v, Value: v})
		}
		want := int64(done) + perRound
		testkit.Eventually(t, patience, func() error {
			poll, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			consumer.PollFetches(poll).EachRecord(func(r *kgo.Record) {
				if n := binary.BigEndian.Uint64(r.Value); n < done {
					t.Errorf("record %d came again", n)
				}
			})
			err := consumer.CommitUncommittedOffsets(poll)
			consumer.AllowRebalance()
			if got := f.committed(t, "store"); got != want {
				return fmt.Errorf("%d records are committed, want %d (%w)", got, want, err)
			}
			return nil
		})
		f.Kill()
		f.Restart()
		if got := f.committed(t, "store"); got != want {
			t.Fatalf("%d records are committed after the crash, want %d", got, want)
		}
	}
}

// committed is the sum of the group's offsets. It asks for stable ones, as members of a group do, because otherwise
// Apache Kafka, for a moment after all of its nodes crashed, answers that there are none
// (GroupCoordinatorService.fetchOffsets reads only up to the high watermark, which it has to learn again).
func (f *fixture) committed(t *testing.T, group string) (sum int64) {
	t.Helper()
	c := f.client(t)
	defer c.Close()
	testkit.Eventually(t, patience, func() error {
		offsets, err := kadm.NewClient(c).FetchOffsets(kadm.RequireStable(within(t, patience)), group)
		if err == nil {
			err = offsets.Error()
		}
		sum = 0
		offsets.Each(func(o kadm.OffsetResponse) { sum += max(o.At, 0) })
		return err
	})
	return sum
}
