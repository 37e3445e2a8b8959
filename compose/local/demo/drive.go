// Package demo plays vendors: four of them, with four ways to sign, three currencies and 25 months of history. It
// keeps a ledger of its own of what hookline accepted, and compares every total with it, to the cent.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Target is a running stack.
type Target struct {
	Ingest     string // base URL
	Vendors    string // path of vendors.yaml, with the secrets
	Kafka      kafka.Options
	ClickHouse analytics.Options
}

// Load says what to send.
type Load struct {
	Deliveries int     `default:"100000" help:"Deliveries to make, repetitions after a failure not counted."`
	Workers    int     `default:"32" help:"Deliveries in flight at once."`
	Rate       float64 `default:"0" help:"Deliveries per second; 0 for as many as go."`
	Seed       uint64  `help:"Seed of the traffic; random by default. The same seed makes the same events."`

	Poison time.Duration `kong:"-"` // how often to send an event that is signed as it should be and cannot be mapped; 0: never
}

// Fault is something that is done to the stack while traffic flows.
type Fault struct {
	At   int // deliveries made before it
	Name string
	Do   func() error
}

// Verdict is what a demo found.
type Verdict struct {
	Sent, Accepted, Rejected, Stored int64
	Mismatches                       []string
	Lost, Doubled                    []analytics.EventID // accepted events that are not stored, and that count more than once
	Poison                           []analytics.EventID // accepted events that cannot be mapped; see Load
}

// String is the line that the demo ends with.
func (v Verdict) String() string {
	return fmt.Sprintf("demo: sent=%d accepted=%d rejected=%d stored=%d mismatches=%d", v.Sent, v.Accepted, v.Rejected, v.Stored,
		len(v.Mismatches))
}

// Err is an error where something was found.
func (v Verdict) Err() error {
	if len(v.Mismatches) == 0 {
		return nil
	}
	return errors.New("what is stored is not what was sent")
}

// settle is how long hookline may take to store the next event once the last delivery is made, and after the last one
// the rollup to show it.
const settle = 45 * time.Second

// Drive sends load to target, waits until everything accepted is stored, and compares. The target's tables must
// be empty before. The faults, in order, happen on the way.
func Drive(ctx context.Context, log *slog.Logger, target Target, load Load, faults ...Fault) (Verdict, error) {
	return drive(ctx, log, target, load, func(ctx context.Context, r *runner) error {
		r.faults = faults
		defer r.progress(load.Deliveries)()
		return r.run(ctx, func(i int) bool { return i < load.Deliveries })
	})
}

// Progress says how many deliveries were made and accepted so far.
type Progress func() (sent, accepted int64)

// DriveDuring does what Drive does, but sends for as long as during takes.
func DriveDuring(ctx context.Context, log *slog.Logger, target Target, load Load,
	during func(context.Context, Progress) error) (Verdict, error) {
	return drive(ctx, log, target, load, func(ctx context.Context, r *runner) error {
		group, ctx := errgroup.WithContext(ctx)
		over := make(chan struct{})
		group.Go(func() error {
			defer close(over)
			return during(ctx, func() (int64, int64) { return r.sent.Load(), r.accepted.Load() })
		})
		group.Go(func() error {
			return r.run(ctx, func(int) bool {
				select {
				case <-over:
					return false
				default:
					return true
				}
			})
		})
		return group.Wait()
	})
}

func drive(ctx context.Context, log *slog.Logger, target Target, load Load, send func(context.Context, *runner) error) (Verdict, error) {
	if load.Seed == 0 {
		load.Seed = rand.Uint64() //nolint:gosec // any number does
	}
	db, err := analytics.Open(ctx, target.ClickHouse)
	if err != nil {
		return Verdict{}, err
	}
	defer db.Close()
	r, err := newRunner(log, target, load)
	if err != nil {
		return Verdict{}, err
	}
	defer r.past.kafka.Close()
	log.Info("demo begins", "seed", load.Seed)
	start := time.Now()
	if err := send(ctx, r); err != nil {
		return Verdict{}, fmt.Errorf("demo traffic: %w", err)
	}
	log.Info("demo traffic is sent; waiting until it is stored", "took", time.Since(start).Round(time.Millisecond))
	stored, err := await(ctx, log, db, r.ledger)
	if err != nil {
		return Verdict{}, err
	}
	catchUp := settle // of the rollup
	if stored < r.ledger.Events() {
		catchUp = 5 * time.Second // something is lost already: name it soon
	}
	v := Verdict{Sent: r.sent.Load(), Accepted: r.accepted.Load(), Rejected: r.rejected.Load(), Stored: int64(stored),
		Poison: r.ledger.Poison()}
	if v.Mismatches, err = compare(ctx, db, r.ledger, catchUp); err != nil {
		return Verdict{}, err
	}
	copies, err := db.EventCopies(ctx)
	if err != nil {
		return Verdict{}, err
	}
	var foreign []analytics.EventID
	v.Lost, v.Doubled, foreign = r.ledger.CompareEvents(copies)
	for what, events := range map[string][]analytics.EventID{"lost": v.Lost, "counted more than once": v.Doubled,
		"stored though never accepted": foreign} {
		for i, e := range events {
			if i == maxNamed {
				v.Mismatches = append(v.Mismatches, fmt.Sprintf("%d more events are %s", len(events)-i, what))
				break
			}
			v.Mismatches = append(v.Mismatches, fmt.Sprintf("event %s of %s is %s", e.ID, e.Vendor, what))
		}
	}
	return v, nil
}

// maxNamed is how many events of a kind are named each by itself.
const maxNamed = 20

func newRunner(log *slog.Logger, target Target, load Load) (*runner, error) {
	config, err := vendors.Load(target.Vendors, vendors.Options{Schemes: signature.Names()})
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: load.Workers, MaxConnsPerHost: load.Workers},
	}
	s, err := sender.New(target.Ingest, config, client)
	if err != nil {
		return nil, err
	}
	producer, err := target.Kafka.NewClient(slog.New(slog.DiscardHandler), nil, kafka.ProducerOptions()...)
	if err != nil {
		return nil, err
	}
	past, err := newPast(s, config, producer, target.Kafka.Topics().Events)
	if err != nil {
		producer.Close()
		return nil, err
	}
	return &runner{
		sender: s, traffic: NewTraffic(load.Seed, time.Now()), ledger: NewLedger(), log: log, past: past,
		rng: rand.New(rand.NewPCG(load.Seed, 1)), workers: load.Workers, limit: limiter(load.Rate), poison: load.Poison, //nolint:gosec // reproducible on purpose
	}, nil
}

// await returns the number of stored events once it has reached the ledger's, or has not grown for too long.
func await(ctx context.Context, log *slog.Logger, db *analytics.DB, ledger *Ledger) (uint64, error) {
	var stored uint64
	grown := time.Now()
	for tick := time.NewTicker(500 * time.Millisecond); ; {
		now, err := db.CountEvents(ctx)
		switch {
		case ctx.Err() != nil:
			return stored, ctx.Err()
		case err != nil:
			log.Warn("demo cannot ask ClickHouse yet", "err", err)
		case now >= ledger.Events():
			return now, nil
		case now != stored:
			log.Info("demo", "stored", now, "of", ledger.Events())
			stored, grown = now, time.Now()
		}
		if time.Since(grown) > settle {
			return stored, nil
		}
		<-tick.C
	}
}

// compare compares the ledger with the view that people read, once its rollup has caught up, and with the rows
// themselves.
func compare(ctx context.Context, db *analytics.DB, ledger *Ledger, within time.Duration) ([]string, error) {
	var seen []string
	for deadline := time.Now().Add(within); ; {
		totals, err := db.SalesTotals(ctx, "UTC")
		if err == nil {
			if seen = ledger.Compare(totals); len(seen) == 0 {
				break
			}
		}
		if time.Now().After(deadline) {
			if err != nil {
				return nil, err
			}
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
	raw, err := db.SalesTotalsRaw(ctx, "UTC")
	if err != nil {
		return nil, err
	}
	for _, line := range ledger.Compare(raw) {
		seen = append(seen, "in the rows: "+line)
	}
	return seen, nil
}
