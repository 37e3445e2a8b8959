package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// progress is how far the history has been sent. It is kept in a file beside vendors.yaml, so that a start after an
// interruption makes the same deliveries again and sends those that are missing.
type progress struct {
	Seed  uint64
	Began time.Time // the history ends here
	Made  int       // deliveries that have surely been sent; a few more may have been, which count once all the same
	Done  bool

	path string
}

func progressPath(target Target) string {
	return filepath.Join(filepath.Dir(target.Vendors), "history.json")
}

func newProgress(target Target) *progress {
	return &progress{Seed: playful().Seed, Began: time.Now().UTC().Truncate(time.Millisecond), path: progressPath(target)}
}

// readProgress returns nil where none is kept.
func readProgress(target Target) (*progress, error) {
	p := &progress{path: progressPath(target)}
	raw, err := os.ReadFile(p.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // no progress is no error
	}
	if err != nil {
		return nil, fmt.Errorf("read how far the history is: %w", err)
	}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("read how far the history is from %s: %w", p.path, err)
	}
	return p, nil
}

// keep writes the file whole or not at all.
func (p *progress) keep() error {
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("keep how far the history is: %w", err)
	}
	part := p.path + ".part"
	if err := os.WriteFile(part, raw, 0o600); err != nil {
		return fmt.Errorf("keep how far the history is: %w", err)
	}
	if err := os.Rename(part, p.path); err != nil {
		return fmt.Errorf("keep how far the history is: %w", err)
	}
	return nil
}

// sendHistory sends what is missing, and returns how many events that has.
func (p *progress) sendHistory(ctx context.Context, log *slog.Logger, target Target) (events uint64, err error) {
	load := playful()
	load.Seed = p.Seed
	r, err := newRunner(log, target, load)
	if err != nil {
		return 0, err
	}
	defer r.past.kafka.Close()
	r.traffic, r.punctual, r.skip = NewTraffic(p.Seed, p.Began), true, p.Made
	const often = 500 // deliveries
	r.made = func(made int) error {
		if made%often != 0 {
			return nil
		}
		p.Made = max(p.Made, made-2*r.workers) // the last of them may still be in flight
		return p.keep()
	}
	log.Info("demo vendors send 25 months of history", "deliveries", history-p.Made)
	if err := r.run(ctx, func(made int) bool { return made < history }); err != nil {
		return r.ledger.Events(), err
	}
	p.Made, p.Done = history, true
	return r.ledger.Events(), p.keep()
}
