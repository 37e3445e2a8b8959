package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hookline-io/hookline/compose/local"
	"github.com/hookline-io/hookline/compose/local/broker"
)

// injector carries faults out.
type injector struct {
	signal             func(part string, signal syscall.Signal) error
	pids               func() map[string]int
	toBroker, toEngine *way
	disk               *smallDisk        // nil: without
	orders             string            // URL at which the broker takes them
	deadLetters        string            // the topic
	ready              map[string]string // URLs that say that a part is ready, by part
	say                func(format string, args ...any)

	mu    sync.Mutex
	hit   int
	wrong []string
}

// run injects each fault when its time has come, and returns when all are over and undone.
func (s *injector) run(ctx context.Context, faults []Fault) error {
	began := time.Now()
	var under sync.WaitGroup
	defer under.Wait()
	for _, f := range faults {
		if !sleep(ctx, time.Until(began.Add(f.At))) {
			return ctx.Err()
		}
		s.say("%3d/%d  %s", f.Number, len(faults), f)
		under.Go(func() {
			if err := s.inject(ctx, f); err != nil && ctx.Err() == nil {
				s.say("%3d/%d  missed: %v", f.Number, len(faults), err)
				return
			}
			s.mu.Lock()
			s.hit++
			s.mu.Unlock()
		})
	}
	return nil
}

// report is how many faults were carried out, and what went wrong on the way.
func (s *injector) report() (hits int, wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hit, slices.Clone(s.wrong)
}

// inject carries one fault out. What it does it undoes, whatever comes between.
func (s *injector) inject(ctx context.Context, f Fault) error {
	switch f.Kind {
	case Kill:
		return s.reach(ctx, f.Target, syscall.SIGKILL)
	case KillTwo:
		return s.killTwo(ctx)
	case Hang:
		if err := s.reach(ctx, f.Target, syscall.SIGSTOP); err != nil {
			return err
		}
		sleep(ctx, f.For)
		_ = s.signal(f.Target, syscall.SIGCONT) // it may have been killed meanwhile
		return nil
	case Roll:
		for _, part := range []string{local.Processor, local.SecondProcessor, local.Ingest} {
			if err := s.restart(ctx, part); err != nil {
				return err
			}
		}
		return nil
	case Cut:
		s.way(f).close()
		sleep(ctx, f.For)
		return s.way(f).open()
	case Slow:
		return s.poison(ctx, f, "latency", map[string]any{"latency": 150, "jitter": 100})
	case Silence:
		return s.poison(ctx, f, "timeout", map[string]any{"timeout": 0})
	case Refuse:
		return s.order(ctx, f.Order)
	case Strand:
		order := broker.FaultOrder{Request: "Produce", Error: "NOT_ENOUGH_REPLICAS", Topic: s.deadLetters, For: f.For, Await: true}
		if err := s.order(ctx, order); err != nil {
			return err
		}
		sleep(ctx, time.Second) // in which a processor that does not wait for its dead letters goes on and commits
		return s.killTwo(ctx)
	case Full:
		defer func() { _ = s.disk.drain() }()
		if err := s.disk.fill(); err != nil {
			return err
		}
		sleep(ctx, f.For)
		return s.disk.drain()
	}
	return fmt.Errorf("no such fault: %s", f.Kind)
}

func (s *injector) killTwo(ctx context.Context) error {
	return errors.Join(s.reach(ctx, local.Processor, syscall.SIGKILL), s.reach(ctx, local.SecondProcessor, syscall.SIGKILL))
}

func (s *injector) way(f Fault) *way {
	if f.Target == toBroker {
		return s.toBroker
	}
	return s.toEngine
}

func (s *injector) poison(ctx context.Context, f Fault, kind string, attributes map[string]any) error {
	w := s.way(f)
	defer w.clean(context.WithoutCancel(ctx))
	if err := w.poison(kind, attributes); err != nil {
		return err
	}
	sleep(ctx, f.For)
	return nil
}

// patience is how long a part that is being restarted is waited for.
const patience = 10 * time.Second

// reach sends a signal to a part, once it runs: another fault may just have ended it.
func (s *injector) reach(ctx context.Context, part string, signal syscall.Signal) error {
	for deadline := time.Now().Add(patience); ; {
		err := s.signal(part, signal)
		if err == nil || time.Now().After(deadline) || !sleep(ctx, 20*time.Millisecond) {
			return err
		}
	}
}

// stopWithin is how long a part may take to stop after a signal, whatever else is broken: what Kubernetes gives a
// pod by default (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination).
const stopWithin = 30 * time.Second

// restart ends a part as an operator would, and returns when it is back, or when that takes long for another fault.
func (s *injector) restart(ctx context.Context, part string) error {
	before := s.pids()[part]
	if err := s.reach(ctx, part, syscall.SIGTERM); err != nil {
		return err
	}
	signalled := time.Now()
	for before != 0 && s.pids()[part] == before {
		if time.Since(signalled) > stopWithin {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.wrong = append(s.wrong, fmt.Sprintf("%s did not stop within %s", part, stopWithin))
			return nil
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return ctx.Err()
		}
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !answers(ctx, s.ready[part]); {
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

func (s *injector) order(ctx context.Context, order broker.FaultOrder) error {
	text, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("order a broker error: %w", err)
	}
	for deadline := time.Now().Add(patience); ; {
		err := post(ctx, s.orders, text)
		if err == nil || time.Now().After(deadline) || !sleep(ctx, 100*time.Millisecond) {
			return err
		}
	}
}

func post(ctx context.Context, url string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("order a broker error: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("order a broker error: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("order a broker error: %s: %s", resp.Status, text)
	}
	return nil
}

// answers says whether a GET of url is answered with 200, soon.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// sleep returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
