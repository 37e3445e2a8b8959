//go:build synctests

package sim

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

var (
	seeds = flag.Int("seeds", 24, "schedules to run")
	first = flag.Uint64("seed", 1, "seed of the first one")
	times = flag.Int("times", 1, "how often to run each")
	logs  = flag.Bool("log", false, "show the log of a schedule that fails")
)

// load reads what all schedules share.
func load(t *testing.T) given {
	t.Helper()
	shapes, err := shapes("../../analytics/migrations/00001_events_and_sales.sql", "../../analytics/migrations/00002_outcomes.sql",
		"../../analytics/migrations/00010_identity.sql", "../../analytics/migrations/00013_identify_again.sql")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "vendors.yaml")
	if err := os.WriteFile(file, []byte(vendorsYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := vendors.Load(file, vendors.Options{WithoutSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	g := given{shapes: shapes, config: &atomic.Pointer[vendors.Config]{}}
	g.config.Store(loaded)
	return g
}

// TestSim runs schedules; see the package's comment.
func TestSim(t *testing.T) {
	g := load(t)
	debug.SetGCPercent(400) // thousands of small worlds: time is dearer than memory
	const enough = 3        // failures, after which no more are looked for
	var (
		mu    sync.Mutex
		next  = 0
		sum   outcome
		bad   []outcome
		began = time.Now()
	)
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		n := next
		next++
		return *first + uint64(n / *times), n < *seeds**times && len(bad) < enough
	}
	t.Run("schedules", func(t *testing.T) {
		for worker := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for seed, more := take(); more; seed, more = take() {
					log, said := slog.New(slog.DiscardHandler), &bytes.Buffer{}
					if *logs {
						log = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
					}
					out := watched(t, seed, func() outcome { return g.play(seed, log, random) })
					mu.Lock()
					sum.deliveries += out.deliveries
					sum.faults += out.faults
					sum.commits += out.commits
					sum.lasted += out.lasted
					if len(out.wrong) > 0 {
						bad = append(bad, out)
						_, _ = said.WriteTo(os.Stderr)
					}
					mu.Unlock()
				}
			})
		}
	})
	for _, out := range bad {
		t.Errorf("to run this again: make sim SEED=%d\n%v", out.seed, out)
	}
	ran := min(next, *seeds**times)
	fmt.Printf("sim: seeds=%d..%d schedules=%d deliveries=%d faults=%d commits=%d failed=%d virtual=%v took=%v\n",
		*first, *first+uint64(*seeds)-1, ran, sum.deliveries, sum.faults, sum.commits, len(bad), sum.lasted.Round(time.Second), time.Since(began).Round(100*time.Millisecond))
}

// watched runs one schedule in a bubble of its own, and says which it was where that never ends or panics.
func watched(t *testing.T, seed uint64, run func() outcome) (out outcome) {
	watch := time.AfterFunc(time.Minute, func() {
		fmt.Fprintf(os.Stderr, "sim: seed %d takes more than a minute of real time\n", seed)
	})
	defer watch.Stop()
	ended := false
	defer func() {
		if !ended {
			fmt.Fprintf(os.Stderr, "sim: seed %d did not end; to run it again: make sim SEED=%d\n", seed, seed)
		}
	}()
	synctest.Test(t, func(*testing.T) { out = run() })
	ended = true
	return out
}
