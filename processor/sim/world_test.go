//go:build synctests

package sim

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const (
	group          = "hookline.store"
	insertTimeout  = 2 * time.Second
	sessionTimeout = 6 * time.Second
	stops          = 4 * time.Second // what stopping may take besides the drain timeout: leaving the group
	// kfake loses count of who joins when a member dies in the middle of a rebalance, and then completes one only by
	// this timeout, which each JoinGroup sets again: it must be shorter than the pauses between those.
	rebalanceTimeout = 4 * time.Second
	drains           = 10 * time.Minute // what has to be done by then, once all is well again
)

// world is one schedule: a broker, a ClickHouse, processors, and what happens to them.
type world struct {
	seed    uint64
	rng     *rand.Rand // of what happens; used by one goroutine
	began   time.Time
	topics  schemas.Topics
	config  *atomic.Pointer[vendors.Config]
	options processor.Options
	log     *slog.Logger

	network *kfake.VirtualNetwork
	cluster *kfake.Cluster
	server  *server
	books   *books
	ingest  *kgo.Client

	started   int
	processes []*process // that run
	under     sync.WaitGroup
	faults    []*kfake.FaultHandle // that may still answer
	happened  int                  // how many faults there were

	mu    sync.Mutex
	notes []string
}

// outcome is what a schedule came to.
type outcome struct {
	seed                        uint64
	deliveries, faults, commits int
	lasted                      time.Duration // virtual
	wrong, notes                []string
}

// String says what happened and what came of it.
func (o outcome) String() string {
	return strings.Join(o.notes, "\n") + "\nWRONG: " + strings.Join(o.wrong, "\nWRONG: ")
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := fmt.Sprintf("%8.3f s  ", time.Since(w.began).Seconds()) + fmt.Sprintf(format, args...)
	w.notes = append(w.notes, text)
	w.log.Info(text)
}

// given is what all schedules share.
type given struct {
	shapes map[string]*shape
	config *atomic.Pointer[vendors.Config]
}

// schedule sends traffic and lets faults happen.
type schedule func(*world) *sent

// play runs a schedule with a seed, mends everything, waits until all is done, and looks at what came of it. It is
// called in a synctest bubble.
func (g given) play(seed uint64, log *slog.Logger, s schedule) outcome {
	// Seconds before a month and a year end, so that schedules run over both.
	time.Sleep(time.Until(time.Date(2026, 12, 31, 23, 59, 40, 0, time.UTC)))
	w := &world{seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), began: time.Now(), topics: schemas.NewTopics("webhooks"), config: g.config, log: log}
	w.books = newBooks(w.topics)
	w.server = newServer(rand.New(rand.NewPCG(seed, 1)), g.shapes)
	w.server.stored = w.books.stored
	w.options = processor.Options{
		Group: group, SessionTimeout: sessionTimeout, AlertAfter: 5 * time.Second,
		Batch: processor.Limits{
			MaxRows: 3 + w.rng.IntN(40), MaxBytes: 1 << 20, MaxWait: time.Duration(20+w.rng.IntN(500)) * time.Millisecond,
			InsertTimeout: insertTimeout, DrainTimeout: time.Second + w.somewhat(5*time.Second),
		},
		Retry: processor.RetryOptions{Attempts: 2 + w.rng.IntN(3), Delay: 500*time.Millisecond + w.somewhat(5*time.Second)},
		Kafka: kafka.Options{Brokers: []string{"localhost:9001", "localhost:9002"}, TopicPrefix: "webhooks"},
	}
	deliveries := 0
	if err := w.open(); err != nil {
		w.books.complain("open: %v", err)
	} else {
		defer w.cluster.Close()
		defer w.ingest.Close()
		sent := s(w)
		deliveries = len(sent.deliveries)
		w.endFaults()
		w.drain(sent)
		for len(w.processes) > 0 {
			w.terminate(w.processes[0])
		}
		w.under.Wait()
		w.server.under.Wait()
		if !w.books.failed() {
			w.compare(sent.deliveries)
		}
	}
	return outcome{
		seed: seed, deliveries: deliveries, faults: w.happened, commits: w.books.commits, lasted: time.Since(w.began),
		wrong: w.books.wrong, notes: w.notes,
	}
}

func (w *world) open() (err error) {
	w.network = &kfake.VirtualNetwork{}
	partitions := int32(1 + w.rng.IntN(4))
	w.cluster, err = kfake.NewCluster(kfake.ListenFn(w.network.Listen), kfake.NumBrokers(2), kfake.Ports(9001, 9002),
		kfake.SeedTopics(partitions, w.topics.Events, w.topics.Retry), kfake.SeedTopics(1, w.topics.DLQ))
	if err != nil {
		return err
	}
	ids := map[[16]byte]string{}
	for _, topic := range []string{w.topics.Events, w.topics.Retry} {
		ids[w.cluster.TopicInfo(topic).TopicID] = topic
	}
	w.cluster.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		commit := r.(*kmsg.OffsetCommitRequest)
		for _, t := range commit.Topics {
			topic := t.Topic
			if topic == "" {
				topic = ids[t.TopicID]
			}
			for _, p := range t.Partitions {
				w.books.committing(tp{topic, p.Partition}, p.Offset)
			}
		}
		return nil, nil, false
	})
	options := append(kafka.ProducerOptions(), kgo.Dialer(w.network.DialContext), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	w.ingest, err = w.options.Kafka.NewClient(w.log, nil, options...)
	return err
}

func (w *world) newInstance() string {
	if w.rng.IntN(2) == 0 {
		return ""
	}
	return fmt.Sprint("i", w.started)
}

// random is the schedule that the seed makes up.
func random(w *world) *sent {
	lasts := 5*time.Second + w.somewhat(60*time.Second)
	sent := w.send(traffic(rand.New(rand.NewPCG(w.seed, 2)), w.began, lasts, w.topics.Events))
	for range 1 + w.rng.IntN(2) {
		w.start(w.newInstance())
	}
	for faults := w.rng.IntN(12); w.happened < faults && !w.books.failed(); w.happened++ {
		time.Sleep(time.Duration(w.rng.ExpFloat64() * float64(lasts) / float64(faults)))
		w.happen()
	}
	return sent
}

func (w *world) endFaults() {
	w.note("all faults end")
	w.server.feel(well, 0)
	for _, f := range w.faults {
		f.Remove()
	}
	for _, p := range w.processes {
		p.link.slow(usualLatency)
		p.link.setDown(false)
		p.link.thaw()
		p.session.thaw()
	}
	if len(w.processes) == 0 {
		w.start("")
	}
}
