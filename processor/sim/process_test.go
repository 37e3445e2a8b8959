//go:build synctests

package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/processor/alert"
)

// process is one run of a processor, from its start to its stop or crash.
type process struct {
	name     string
	instance string // survives a crash
	link     *link
	session  *session
	cancel   context.CancelFunc
	ended    chan struct{}
	still    time.Time // until when it stands still
}

// start starts a processor, or says in the books why it cannot.
func (w *world) start(instance string) *process {
	w.started++
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{
		name: fmt.Sprint("p", w.started), instance: instance, cancel: cancel, ended: make(chan struct{}),
		link:    newLink(w.network, rand.New(rand.NewPCG(w.seed, uint64(100+w.started)))),
		session: newSession(w.server),
	}
	log := w.log.With("process", p.name)
	loop, err := w.loop(p, log)
	if err != nil {
		cancel()
		w.books.complain("start of %s: %v", p.name, err)
		return nil
	}
	w.note("%s starts, instance %q", p.name, instance)
	w.processes = append(w.processes, p)
	w.under.Go(func() {
		defer close(p.ended)
		err := loop.Run(ctx)
		if ctx.Err() == nil {
			w.books.complain("%s gave up: %v", p.name, err)
		}
		w.note("%s ended: %v", p.name, err)
	})
	return p
}

func (w *world) loop(p *process, log *slog.Logger) (*processor.Loop, error) {
	db, err := analytics.OpenOver(p.session, analytics.Options{DSN: "clickhouse://simulated/hookline"})
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	alerts, err := alert.New(log, registry, "hookline-processor", alert.Options{Instance: p.name})
	if err != nil {
		return nil, err
	}
	options := w.options
	options.Instance = p.instance
	return processor.NewLoop(options, processor.Parts{
		Log: log, Registry: registry, Config: w.config, Store: db, Alerts: alerts,
		Client: []kgo.Opt{kgo.Dialer(p.link.DialContext), kgo.WithHooks(w.books), kgo.RebalanceTimeout(rebalanceTimeout)},
	})
}

// stop asks p to stop, which must not take much longer than it is given.
func (w *world) stop(p *process) {
	p.cancel()
	for i, other := range w.processes {
		if other == p {
			w.processes = append(w.processes[:i], w.processes[i+1:]...)
			break
		}
	}
	most := w.options.Batch.DrainTimeout + stops + max(time.Until(p.still), 0)
	late := time.AfterFunc(most, func() { w.books.complain("%s has not stopped %v after it was asked to", p.name, most) })
	w.under.Go(func() {
		<-p.ended
		late.Stop()
	})
}

// crash ends p as SIGKILL does: from now on nothing that it does has any effect.
func (w *world) crash(p *process) {
	w.note("%s is killed", p.name)
	p.session.kill()
	p.link.kill()
	w.stop(p)
}

// terminate stops p as SIGTERM does.
func (w *world) terminate(p *process) {
	w.note("%s is asked to stop", p.name)
	w.stop(p)
}

// freeze stops p as SIGSTOP does, as far as the world can tell.
func (w *world) freeze(p *process, lasts time.Duration) {
	w.note("%s stands still for %v", p.name, lasts)
	p.still = time.Now().Add(lasts)
	p.link.freeze()
	p.session.freeze()
	time.AfterFunc(lasts, func() {
		p.link.thaw()
		p.session.thaw()
	})
}
