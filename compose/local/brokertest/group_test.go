package brokertest

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/testkit"
)

// owners says which member has which partition, by what the members got.
type owners struct {
	mu      sync.Mutex
	of      map[int32]string
	revoked int
	wrong   []string // partitions that two members had at once
}

func (o *owners) options(member string) []kgo.Opt {
	return []kgo.Opt{
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
			o.mu.Lock()
			defer o.mu.Unlock()
			for _, partition := range slices.Concat(slices.Collect(maps.Values(topics))...) {
				if other, taken := o.of[partition]; taken {
					o.wrong = append(o.wrong, fmt.Sprintf("%s got partition %d while %s had it", member, partition, other))
				}
				o.of[partition] = member
			}
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, c *kgo.Client, topics map[string][]int32) {
			o.mu.Lock()
			defer o.mu.Unlock()
			for _, partition := range slices.Concat(slices.Collect(maps.Values(topics))...) {
				delete(o.of, partition)
				o.revoked++
			}
			if err := c.CommitUncommittedOffsets(ctx); err != nil {
				o.wrong = append(o.wrong, fmt.Sprintf("%s could not commit what it gave away: %v", member, err))
			}
		}),
	}
}

// share waits until the members have as many partitions each.
func (o *owners) share(t *testing.T, want map[string]int) {
	t.Helper()
	testkit.Eventually(t, patience, func() error {
		o.mu.Lock()
		defer o.mu.Unlock()
		got := map[string]int{}
		for _, member := range o.of {
			got[member]++
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("partitions per member: %v, want %v", got, want)
		}
		return nil
	})
}

func (o *owners) givenAway() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.revoked
}

// Processors come and go, and the others keep the partitions that they need not give away. While they all commit
// what they saw before they give it away, each record is seen once.
func TestCooperativeRebalance(t *testing.T) {
	f := start(t)
	has := &owners{of: map[int32]string{}}
	var mu sync.Mutex
	seen := map[uint64]int{}
	join := func(member string) (leave func()) {
		c := f.group(t, "store", has.options(member)...)
		left := make(chan struct{})
		go func() {
			defer close(left)
			for {
				fetches := c.PollFetches(context.Background())
				if fetches.IsClientClosed() {
					return
				}
				mu.Lock()
				fetches.EachRecord(func(r *kgo.Record) { seen[binary.BigEndian.Uint64(r.Value)]++ })
				mu.Unlock()
				c.AllowRebalance()
			}
		}()
		return func() {
			c.CloseAllowingRebalance()
			<-left
		}
	}
	producer := f.producer(t)
	sent := uint64(0)
	more := func() {
		for range 50 {
			produce(t, producer, &kgo.Record{Topic: f.topic, Key: number(sent), Value: number(sent)})
			sent++
		}
		testkit.Eventually(t, patience, func() error {
			mu.Lock()
			defer mu.Unlock()
			if got := len(seen); got != int(sent) {
				return fmt.Errorf("%d records came, want %d", got, sent)
			}
			return nil
		})
	}

	leaveA := join("a")
	has.share(t, map[string]int{"a": partitions})
	more()
	leaveB := join("b")
	has.share(t, map[string]int{"a": partitions / 2, "b": partitions / 2})
	if n := has.givenAway(); n != partitions/2 {
		t.Errorf("a gave %d partitions away, want %d", n, partitions/2)
	}
	more()
	leaveA()
	has.share(t, map[string]int{"b": partitions})
	more()
	leaveB()
	if got := f.committed(t, "store"); got != int64(sent) {
		t.Errorf("%d records are committed, want %d", got, sent)
	}
	for n, times := range seen {
		if times != 1 {
			t.Errorf("record %d came %d times", n, times)
		}
	}
	for _, wrong := range has.wrong {
		t.Error(wrong)
	}
}
