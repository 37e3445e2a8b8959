// Package chaos proves what hookline promises: it runs the real stack under load, does to it what goes wrong in
// production, again and again, and then looks for what was lost or counted twice.
//
//	vendors (demo) --> ingest --> proxy --> broker --> proxy --> two processors --> proxy --> engine on a small disk
//	                     ^          ^         ^                     ^                 ^         ^        ^
//	plan(seed) ----------+----------+---------+---------------------+-----------------+---------+--------+
package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hookline-io/hookline/compose/local"
	"github.com/hookline-io/hookline/compose/local/broker"
)

// Kind is a kind of fault.
type Kind string

// The kinds of faults.
const (
	Kill    Kind = "kill"         // SIGKILL; the part is restarted at once
	KillTwo Kind = "kill both"    // both processors at the same time
	Hang    Kind = "hang"         // SIGSTOP, for longer than the session timeout; then SIGCONT
	Roll    Kind = "restart"      // SIGTERM to both processors and ingest, one after another
	Cut     Kind = "cut"          // connections are closed and refused
	Slow    Kind = "slow"         // each packet takes its time
	Silence Kind = "silence"      // connections stay open and carry nothing; then they are closed
	Refuse  Kind = "broker error" // the broker answers requests with an error
	Strand  Kind = "strand"       // the broker takes no dead letters, and once it has refused one both processors are killed
	Full    Kind = "full disk"    // under the engine
)

// Targets that are no part of the stack.
const (
	toBroker   = "way to the broker"
	toEngine   = "way to the engine"
	processors = "processors"
	disk       = "engine's disk"
)

// sessionTimeout is that of the processors' groups: the shortest that Kafka allows by default
// (https://kafka.apache.org/documentation/#brokerconfigs_group.min.session.timeout.ms).
const sessionTimeout = 6 * time.Second

// Fault is one thing that is done to the stack.
type Fault struct {
	Number int
	At     time.Duration // since the traffic began
	Kind   Kind
	Target string
	For    time.Duration     // until it is undone; 0 where there is nothing to undo
	Order  broker.FaultOrder // of Refuse
}

// String says what the fault is, for people.
func (f Fault) String() string {
	text := fmt.Sprintf("%s: %s", f.Kind, f.Target)
	if f.Kind == Refuse {
		text = fmt.Sprintf("%s: %s to the next %d requests %s", f.Kind, f.Order.Error, f.Order.Count, f.Order.Request)
	}
	if f.For > 0 {
		text += fmt.Sprintf(" for %.1f s", f.For.Seconds())
	}
	return text
}

// card is a fault that can be drawn.
type card struct {
	Kind
	target   string
	copies   int           // in a deck
	from, to time.Duration // how long it lasts
}

// cards are all faults there are, in the shares in which they come.
func cards() []card {
	const ms = time.Millisecond
	hang, longer := sessionTimeout+1000*ms, sessionTimeout+2500*ms
	return []card{
		{Kill, local.Ingest, 2, 0, 0},
		{Kill, local.Processor, 3, 0, 0},
		{Kill, local.SecondProcessor, 3, 0, 0},
		{Kill, local.Broker, 2, 0, 0},
		{Kill, local.Engine, 2, 0, 0},
		{KillTwo, processors, 1, 0, 0},
		{Hang, local.Ingest, 1, hang, longer},
		{Hang, local.Processor, 1, hang, longer},
		{Hang, local.SecondProcessor, 1, hang, longer},
		{Hang, local.Broker, 1, hang, longer},
		{Hang, local.Engine, 1, hang, longer},
		{Roll, processors, 1, 0, 0},
		{Cut, toBroker, 2, 200 * ms, 3000 * ms},
		{Cut, toEngine, 2, 200 * ms, 3000 * ms},
		{Slow, toBroker, 1, 1000 * ms, 4000 * ms},
		{Slow, toEngine, 1, 1000 * ms, 4000 * ms},
		{Silence, toBroker, 1, 1000 * ms, 7000 * ms},
		{Silence, toEngine, 1, 1000 * ms, 7000 * ms},
		{Refuse, local.Broker, 4, 0, 0},
		{Strand, processors, 2, 3000 * ms, 6000 * ms},
		{Full, disk, 2, 1500 * ms, 4000 * ms},
	}
}

// refusals are errors that a broker gives without being broken: while leaders move, while a coordinator is elected,
// while replicas are missing. The last two of Produce come after the record was written.
var refusals = []broker.FaultOrder{ //nolint:gochecknoglobals // a constant
	{Request: "Produce", Error: "NOT_LEADER_FOR_PARTITION"},
	{Request: "Produce", Error: "NOT_ENOUGH_REPLICAS"},
	{Request: "Produce", Error: "REQUEST_TIMED_OUT"},
	{Request: "Produce", Error: "NOT_ENOUGH_REPLICAS_AFTER_APPEND"},
	{Request: "Fetch", Error: "NOT_LEADER_FOR_PARTITION"},
	{Request: "Fetch", Error: "KAFKA_STORAGE_ERROR"},
	{Request: "Metadata", Error: "LEADER_NOT_AVAILABLE"},
	{Request: "FindCoordinator", Error: "COORDINATOR_NOT_AVAILABLE"},
	{Request: "JoinGroup", Error: "COORDINATOR_LOAD_IN_PROGRESS"},
	{Request: "Heartbeat", Error: "REBALANCE_IN_PROGRESS"},
	{Request: "Heartbeat", Error: "UNKNOWN_MEMBER_ID"},
	{Request: "OffsetCommit", Error: "NOT_COORDINATOR"},
	{Request: "OffsetCommit", Error: "REBALANCE_IN_PROGRESS"},
	{Request: "OffsetCommit", Error: "COORDINATOR_NOT_AVAILABLE"},
	{Request: "OffsetFetch", Error: "COORDINATOR_LOAD_IN_PROGRESS"},
	{Request: "InitProducerId", Error: "COORDINATOR_LOAD_IN_PROGRESS"},
}

// plan returns n faults without those of the kinds left out, in order of time. It depends on its arguments alone. One
// target has one fault at a time; different targets may have theirs at once. Nearly all
// kinds come before any comes again.
func plan(seed uint64, n int, without ...Kind) []Fault {
	rng := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // reproducible on purpose
	var deck []card
	deal := func() {
		var first, rest []card
		for _, c := range cards() {
			for range c.copies {
				if !slices.Contains(without, c.Kind) {
					rest = append(rest, c)
				}
			}
		}
		rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		rest = slices.DeleteFunc(rest, func(c card) bool {
			fresh := !slices.ContainsFunc(first, func(f card) bool { return f.Kind == c.Kind })
			if fresh {
				first = append(first, c)
			}
			return fresh
		})
		deck = append(deck, append(first, rest...)...)
	}
	between := func(from, to time.Duration) time.Duration {
		return (from + time.Duration(rng.Int64N(int64(to-from)+1))).Round(time.Millisecond)
	}
	faults := make([]Fault, n)
	busy := map[string]time.Duration{}
	at := time.Second
	for i := range faults {
		if len(deck) == 0 {
			deal()
		}
		at += between(700*time.Millisecond, 2300*time.Millisecond)
		free := func(c card) bool { return busy[c.target] <= at }
		next := slices.IndexFunc(deck, free)
		if next < 0 { // all that is left is for targets that have theirs: draw from the next deck, too
			deal()
			next = slices.IndexFunc(deck, free)
		}
		c := deck[next]
		deck = slices.Delete(deck, next, next+1)
		f := Fault{Number: i + 1, At: at, Kind: c.Kind, Target: c.target}
		if c.to > 0 {
			f.For = between(c.from, c.to)
		}
		if c.Kind == Refuse {
			f.Order = refusals[rng.IntN(len(refusals))]
			f.Order.Count = 1 + rng.IntN(20)
		}
		busy[c.target] = at + f.For
		faults[i] = f
	}
	return faults
}
