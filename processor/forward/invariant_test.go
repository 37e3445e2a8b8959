package forward

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
)

// TestInvariant3_StopDuringRequest: what was in flight when the time to stop was over is run again, under the same ID.
func TestInvariant3_StopDuringRequest(t *testing.T) {
	l, release := newLine(t, 1), make(chan struct{})
	site := newSite(t, func(_ string, times int) int {
		if times == 1 {
			<-release
		}
		return http.StatusOK
	})
	defer close(release)
	l.triggers(map[string][]string{"paid": {site.URL}})
	l.options.DrainTimeout = 50 * time.Millisecond
	l.produce(l.event("other"), l.event("paid"), l.event("other"))
	r := l.start()
	site.eventually(t, 1)
	l.eventuallyCommitted(l.topics.Events, 1)
	if err := r.stop(); err == nil {
		t.Error("the stop does not say that it did not finish")
	}
	if at := l.committed(l.topics.Events); at != 1 {
		t.Fatalf("committed up to %d while the request was in flight", at)
	}
	l.start()
	l.eventuallyCommitted(l.topics.Events, 3)
	if n := site.times("e1"); n != 2 {
		t.Errorf("came %d times", n)
	}
}

// TestDrain: what is in flight at a stop is finished, stored and committed.
func TestDrain(t *testing.T) {
	l, release := newLine(t, 1), make(chan struct{})
	site := newSite(t, func(string, int) int {
		<-release
		return http.StatusOK
	})
	l.triggers(map[string][]string{"paid": {site.URL}})
	l.produce(l.event("paid"))
	r := l.start()
	site.eventually(t, 1)
	r.cancel()
	close(release)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if at := l.committed(l.topics.Events); at != 1 || l.results.of("e0", site.URL) != "1 succeeded 200" {
		t.Errorf("committed up to %d, result %q", at, l.results.of("e0", site.URL))
	}
}

// TestInvariant3_ResultsAway: without ClickHouse forwarding goes on until so many results wait, then it stops. Nothing
// is committed, the backlog stays where it is, and an alert lasts until it is over.
func TestInvariant3_ResultsAway(t *testing.T) {
	const events = 200
	l, site := newLine(t, 1), newSite(t, nil)
	l.triggers(map[string][]string{"paid": {site.URL}})
	l.results.set(true)
	l.produce(l.event("paid"))
	r := l.start(func(a *Actions) { a.settled = make(chan settled, 10) })
	testkit.Eventually(t, 20*time.Second, func() error {
		l.results.mu.Lock()
		defer l.results.mu.Unlock()
		if l.results.calls < 2 {
			return errors.New("not tried to store")
		}
		return nil
	})
	for range events - 1 {
		l.produce(l.event("paid"))
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if n := site.distinct(); n < 10 {
			return fmt.Errorf("%d came", n)
		}
		if !strings.Contains(l.log.String(), "alert: retrying for more than 200ms: store results of actions") {
			return errors.New("nobody is notified")
		}
		return nil
	})
	if n := site.distinct(); n > 40 {
		t.Errorf("%d of %d were forwarded although their results cannot be stored", n, events)
	}
	if n := len(l.read(l.topics.Retry)); n > 10 {
		t.Errorf("%d of the backlog were moved to the retry topic", n)
	}
	if at := l.committed(l.topics.Events); at != 0 {
		t.Errorf("committed up to %d", at)
	}
	l.results.set(false)
	site.eventually(t, events)
	l.eventuallyCommitted(l.topics.Events, events)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(l.log.String(), "alert is over") {
		t.Error("the alert is not over")
	}
}

// TestInvariant3_RetryTopicAway: an offset waits until the retry is acknowledged.
func TestInvariant3_RetryTopicAway(t *testing.T) {
	l := newLine(t, 1)
	site := newSite(t, func(_ string, times int) int { return []int{0, 503, 200, 200, 200}[times] })
	l.triggers(map[string][]string{"paid": {site.URL}})
	l.produce(l.event("paid"))
	var refused, tries atomic.Int64
	refused.Store(1)
	l.cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		l.cluster.KeepControl()
		if refused.Load() == 0 {
			return nil, nil, false
		}
		tries.Add(1)
		req := request.(*kmsg.ProduceRequest)
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range req.Topics {
			st := kmsg.NewProduceResponseTopic()
			st.Topic, st.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode = p.Partition, kerr.NotEnoughReplicas.Code
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
	l.start()
	testkit.Eventually(t, 20*time.Second, func() error {
		if tries.Load() < 5 {
			return errors.New("the retry was not written")
		}
		return nil
	})
	if at := l.committed(l.topics.Events); at != 0 {
		t.Errorf("committed up to %d", at)
	}
	refused.Store(0)
	l.eventuallyCommitted(l.topics.Events, 1)
	l.eventuallyCommitted(l.topics.Retry, 1)
	if got := l.results.of("e0", site.URL); got != "1 failed 503, 2 succeeded 200" {
		t.Error(got)
	}
}

// TestInvariant3_Kills stops runs at random moments, with no time to finish, while both targets fail now and then.
// After each it looks whether anything neither arrived nor will be read again; in the end everything must have arrived.
func TestInvariant3_Kills(t *testing.T) {
	const events, partitions = 500, 3
	random := rand.New(rand.NewPCG(3, 4))
	l := newLine(t, partitions)
	l.options.DrainTimeout, l.options.Attempts, l.options.RetryDelay, l.options.Queue = time.Millisecond, 1000, time.Second, 50
	var arrived [2]sync.Map // event IDs by target
	sites := make([]*site, 2)
	for i := range sites {
		sites[i] = newSite(t, func(id string, times int) int {
			<-time.After(10 * time.Millisecond) // so that there is always something in flight
			if (len(id)+times+i)%3 == 0 {       // differs by event, attempt and target
				return http.StatusServiceUnavailable
			}
			arrived[i].Store(id, true)
			return http.StatusOK
		})
	}
	l.triggers(map[string][]string{"paid": {sites[0].URL, sites[1].URL}})
	var records []*kgo.Record
	for range events {
		records = append(records, l.event("paid"))
	}
	l.produce(records...)
	has := func(i int, id string) bool {
		_, ok := arrived[i].Load(id)
		return ok
	}
	committed := map[int64]bool{}
	for range 8 {
		r := l.start()
		time.AfterFunc(time.Duration(100+random.IntN(1200))*time.Millisecond, r.cancel)
		err := <-r.ended
		r.ended <- err
		t.Log("killed:", err) // it may say that it did not finish
		offsets, waiting := l.offsets(l.topics.Events), map[string]bool{}
		retried := l.offsets(l.topics.Retry)
		for _, record := range l.read(l.topics.Retry) {
			if retry, _ := schemas.DecodeRetry(record); record.Offset >= retried[record.Partition] {
				waiting[string(record.Key)+" "+retry.Action] = true
			}
		}
		for _, record := range records {
			if record.Offset >= offsets[record.Partition] {
				continue
			}
			for i, s := range sites {
				if id := string(record.Key); !has(i, id) && !waiting[id+" forward "+s.URL] {
					t.Fatalf("%s is not at target %d, and nobody will read it again", id, i)
				}
			}
		}
		committed[l.committed(l.topics.Events)+l.committed(l.topics.Retry)] = true
	}
	if len(committed) < 4 {
		t.Errorf("the kills came at no different moments: %v", committed)
	}
	l.options.DrainTimeout = 10 * time.Second
	l.start()
	testkit.Eventually(t, 60*time.Second, func() error {
		for _, record := range records {
			for i := range sites {
				if !has(i, string(record.Key)) {
					return fmt.Errorf("%s is not at target %d", record.Key, i)
				}
			}
		}
		return nil
	})
	l.eventuallyCommitted(l.topics.Events, events)
	if n := len(l.read(l.topics.DLQ)); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// TestRebalance: two share the work, one leaves in the middle of it, and everything arrives.
func TestRebalance(t *testing.T) {
	const events = 300
	l := newLine(t, 6)
	site := newSite(t, func(_ string, times int) int { return []int{0, 503, 200, 200, 200, 200, 200}[min(times, 6)] })
	l.triggers(map[string][]string{"paid": {site.URL}})
	first := l.start()
	for i := range events {
		l.produce(l.event("paid"))
		switch i {
		case events / 3:
			l.start()
		case 2 * events / 3:
			if err := first.stop(); err != nil {
				t.Error(err)
			}
		}
	}
	site.eventually(t, events)
	l.eventuallyCommitted(l.topics.Events, events)
	testkit.Eventually(t, 30*time.Second, func() error {
		for i := range events {
			if got := l.results.of(fmt.Sprintf("e%d", i), site.URL); !strings.Contains(got, "succeeded 200") {
				return fmt.Errorf("e%d: %q", i, got)
			}
		}
		return nil
	})
}

// TestRedelivery: a vendor's redelivery is forwarded under the same ID, by which the target knows it, and leaves one result.
func TestRedelivery(t *testing.T) {
	l, site := newLine(t, 1), newSite(t, nil)
	l.triggers(map[string][]string{"paid": {site.URL}})
	r := l.event("paid")
	again := *r
	l.produce(r, &again)
	l.start()
	l.eventuallyCommitted(l.topics.Events, 2)
	if n := site.times("e0"); n != 2 || site.distinct() != 1 {
		t.Errorf("came %d times", n)
	}
	if got := l.results.of("e0", site.URL); got != "1 succeeded 200" {
		t.Error(got)
	}
}

// TestNotBefore: what is not due waits and holds up neither the events nor what is of storing; no clock of another
// makes it wait longer than a delay.
func TestNotBefore(t *testing.T) {
	l, site := newLine(t, 1), newSite(t, nil)
	l.triggers(map[string][]string{"paid": {site.URL}})
	l.options.RetryDelay = 3 * time.Second
	of := func(action string, notBefore time.Time) *kgo.Record {
		return schemas.Retry{Action: action, Attempts: 1, Reason: "503", NotBefore: notBefore}.Record(l.topics.Retry, l.event("paid"))
	}
	ours := "forward " + site.URL
	l.produce(of("", time.Now().Add(time.Hour)), of(ours, time.Now()), of(ours, time.Now().Add(time.Second)), of(ours, time.Now().Add(24*time.Hour)))
	started := time.Now()
	l.start()
	l.eventuallyCommitted(l.topics.Retry, 2)
	if site.times("e2") != 0 {
		t.Error("run before it was due")
	}
	l.produce(l.event("paid"))
	l.eventuallyCommitted(l.topics.Events, 1)
	if took := time.Since(started); took > 3*time.Second && site.times("e3") == 0 {
		t.Errorf("an event waited %v behind what was not due", took)
	}
	l.eventuallyCommitted(l.topics.Retry, 4)
	if took := time.Since(started); took < 2500*time.Millisecond || site.times("e0") != 0 || site.times("e2") != 1 || site.times("e3") != 1 {
		t.Errorf("after %v: of storing %d, due %d, of a wrong clock %d", took, site.times("e0"), site.times("e2"), site.times("e3"))
	}
}

// TestStopWithoutKafka: a stop takes bounded time even when there is no broker to commit to.
func TestStopWithoutKafka(t *testing.T) {
	l, site := newLine(t, 1), newSite(t, func(string, int) int { return http.StatusServiceUnavailable })
	l.triggers(map[string][]string{"paid": {site.URL}})
	l.options.DrainTimeout = 300 * time.Millisecond
	l.produce(l.event("paid"))
	r := l.start()
	site.eventually(t, 1)
	l.cluster.Close()
	before := time.Now()
	_ = r.stop() // it may or may not have finished before the broker went
	if took := time.Since(before); took > 8*time.Second {
		t.Errorf("took %v", took)
	}
}
