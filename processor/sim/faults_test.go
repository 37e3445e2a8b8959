//go:build synctests

package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The answers that the broker gives in place of the right one. With RequestTimedOut and NotEnoughReplicasAfterAppend
// it does what it was asked all the same.
var brokerFaults = []struct {
	key    kmsg.Key
	topics bool // those of the processor only: what ingest does is not under test
	errs   []*kerr.Error
}{
	{kmsg.Produce, true, []*kerr.Error{kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.UnknownTopicOrPartition}},
	{kmsg.OffsetCommit, false, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.RequestTimedOut, kerr.NotCoordinator, kerr.RebalanceInProgress}},
	{kmsg.OffsetFetch, false, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}},
	{kmsg.Fetch, false, []*kerr.Error{kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch, kerr.KafkaStorageError, kerr.UnknownServerError}},
	{kmsg.Heartbeat, false, []*kerr.Error{kerr.NotCoordinator, kerr.RebalanceInProgress, kerr.CoordinatorNotAvailable}},
	{kmsg.JoinGroup, false, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}},
	{kmsg.SyncGroup, false, []*kerr.Error{kerr.RebalanceInProgress, kerr.NotCoordinator}},
	{kmsg.InitProducerID, false, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.ConcurrentTransactions}},
}

// somewhat is a span that is short more often than long, up to most.
func (w *world) somewhat(most time.Duration) time.Duration {
	return time.Duration(float64(most) * w.rng.Float64() * w.rng.Float64()).Round(time.Millisecond)
}

// happen lets one fault happen, of any kind.
func (w *world) happen() {
	switch w.rng.IntN(10) {
	case 0, 1, 2:
		m := append(moods, moody, moody)[w.rng.IntN(len(moods)+2)]
		lasts := w.somewhat(20 * time.Second)
		w.note("ClickHouse: %s, for %v", m, lasts)
		w.server.feel(m, lasts)
	case 3:
		w.note("ClickHouse restarts")
		w.server.restart()
	case 4, 5:
		w.brokerFails()
	case 6:
		w.networkFails()
	default:
		w.processFails()
	}
}

func (w *world) brokerFails() {
	switch w.rng.IntN(5) {
	case 0:
		w.note("partitions move")
		w.cluster.ShufflePartitionLeaders()
	case 1:
		w.note("coordinators move")
		w.cluster.RehashCoordinators()
	default:
		kind := brokerFaults[w.rng.IntN(len(brokerFaults))]
		f := kfake.Fault{Keys: []kmsg.Key{kind.key}, Err: kind.errs[w.rng.IntN(len(kind.errs))], Count: 1 + w.rng.IntN(6)}
		if kind.topics {
			f.Topic = w.topics.Retry
			if w.rng.IntN(2) == 0 {
				f.Topic = w.topics.DLQ
			}
		}
		w.note("brokers answer %v to %s, %d times", f.Err.Message, kind.key.Name(), f.Count)
		w.faults = append(w.faults, w.cluster.Fault(f))
	}
}

func (w *world) networkFails() {
	p := w.any()
	if p == nil {
		return
	}
	lasts := w.somewhat(15 * time.Second)
	switch w.rng.IntN(3) {
	case 0:
		w.note("connections of %s are cut", p.name)
		p.link.cut()
	case 1:
		w.note("%s does not reach the brokers for %v", p.name, lasts)
		p.link.setDown(true)
		time.AfterFunc(lasts, func() { p.link.setDown(false) })
	case 2:
		latency := w.somewhat(3 * time.Second)
		w.note("packets of %s take %v for %v", p.name, latency, lasts)
		p.link.slow(max(latency, usualLatency))
		time.AfterFunc(lasts, func() { p.link.slow(usualLatency) })
	}
}

func (w *world) processFails() {
	p := w.any()
	if p == nil || len(w.processes) < 3 && w.rng.IntN(4) == 0 {
		w.start(w.newInstance())
		return
	}
	again := w.newInstance()
	if w.rng.IntN(2) == 0 {
		again = p.instance
	}
	switch w.rng.IntN(4) {
	case 0, 1:
		w.crash(p)
		time.Sleep(w.somewhat(10 * time.Second))
		w.start(again)
	case 2: // a rolling restart
		w.terminate(p)
		if again != "" && again == p.instance || w.rng.IntN(2) == 0 {
			<-p.ended
		}
		w.start(again)
	case 3:
		w.freeze(p, w.somewhat(3*sessionTimeout))
	}
}

// any returns one of the processes that run, or nil.
func (w *world) any() *process {
	if len(w.processes) == 0 {
		return nil
	}
	return w.processes[w.rng.IntN(len(w.processes))]
}
