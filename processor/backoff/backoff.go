// Package backoff repeats a step that must not be given up: one that a store or a topic refuses for now. Nothing is
// committed meanwhile, so nothing can be lost, and an administrator is alerted when it lasts.
package backoff

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/hookline-io/hookline/processor/alert"
)

// Repeater repeats steps.
type Repeater struct {
	Log        *slog.Logger
	Alerts     *alert.Notifier
	Alert      string        // name of the alert, such as HooklineActionsRetrying
	AlertAfter time.Duration // how long a step may go on before the alert is raised
	Try        time.Duration // how long one try may take
	Retrying   func(bool)    // called with whether a step is being repeated; may be nil
}

// Do repeats try until it returns nil, or until ctx ends; then it returns an error. step says in a few words what
// try does, such as "insert results".
func (r *Repeater) Do(ctx context.Context, step string, try func(context.Context) error) error {
	watch := r.watch(step)
	pauses := retry.WithJitterPercent(50, retry.WithCappedDuration(7*time.Second, retry.NewExponential(100*time.Millisecond)))
	for tries := 1; ; tries++ {
		bounded, cancel := context.WithTimeout(ctx, r.Try)
		err := try(bounded)
		cancel()
		if err == nil {
			watch.over()
			if tries > 1 {
				r.retrying(false)
				r.Log.Info("recovered", "step", step, "tries", tries)
			}
			return nil
		}
		if ctx.Err() != nil {
			watch.stop() // the alert stays: the next to do this work meets the same failure
			return fmt.Errorf("%s: not done before stopping; nothing is lost, the work is taken up again: %w", step, err)
		}
		watch.failed(err)
		r.retrying(true)
		pause, _ := pauses.Next()
		r.Log.Warn("retrying", "step", step, "try", tries, "again_in", pause.Round(time.Millisecond), "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (r *Repeater) retrying(on bool) {
	if r.Retrying != nil {
		r.Retrying(on)
	}
}

// watch raises an alert when a step takes long, whether its tries fail or hang.
type watch struct {
	r     *Repeater
	step  string
	timer *time.Timer

	mu    sync.Mutex
	ended bool
	err   error // of the last try
}

func (r *Repeater) watch(step string) *watch {
	w := &watch{r: r, step: step}
	w.timer = time.AfterFunc(r.AlertAfter, w.raise)
	return w
}

func (w *watch) key() string { return w.r.Alert + "/" + w.step }

func (w *watch) raise() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	why := "There is no answer yet."
	if w.err != nil {
		why = "The last try says: " + w.err.Error()
	}
	w.r.Alerts.Raise(alert.Alert{
		Name: w.r.Alert, Key: w.key(), Labels: map[string]string{"step": w.step},
		Summary: fmt.Sprintf("retrying for more than %s: %s", w.r.AlertAfter, w.step),
		Details: why + "\nNothing is lost and nothing is dequeued meanwhile: Kafka keeps the events. Processing resumes by itself once the cause is fixed.",
	})
}

func (w *watch) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

// stop ends the watch and leaves the alert as it is.
func (w *watch) stop() {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// over ends the watch and the alert.
func (w *watch) over() {
	w.stop()
	w.r.Alerts.Resolve(w.key())
}
