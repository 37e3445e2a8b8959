// Package supervise keeps the processes of one stack running: it starts them in the order of what they need,
// restarts what dies, prefixes what they say, and stops them in the opposite order within a bound.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Child is one process to keep running.
type Child struct {
	Name  string
	Args  []string // its command line, after the program
	Env   []string // beside the supervisor's own environment, as KEY=value
	After []string // names of the children that must be ready before it starts, and be stopped after it
	// Ready returns nil once the child does its job. Without it the child's job is to end: it is ready when it
	// has ended with status 0, and is not started again.
	Ready Probe
}

// Options say what to run. The durations have defaults.
type Options struct {
	Program  string // path of the executable that every child runs
	Children []Child
	Output   io.Writer // gets every line of the children, prefixed with the child's name
	Colour   bool      // of the prefixes
	Log      *slog.Logger

	StartWithin time.Duration // a child has to be ready for the first time; default 60 s
	StopWithin  time.Duration // all children have to end; default 15 s
	Pause       time.Duration // before the first restart; doubles up to 32 times itself; default 200 ms
	Healthy     time.Duration // a child has to live to be forgiven its earlier deaths; default 10 s
}

// Supervisor runs children. Use New.
type Supervisor struct {
	options  Options
	children []*child
	output   *output
	deadline chan struct{} // closed when the time to stop is over
}

// New checks o. It is an error when a child needs one that is not among those before it.
func New(o Options) (*Supervisor, error) {
	setDefault(&o.StartWithin, 60*time.Second)
	setDefault(&o.StopWithin, 15*time.Second)
	setDefault(&o.Pause, 200*time.Millisecond)
	setDefault(&o.Healthy, 10*time.Second)
	s := &Supervisor{options: o, output: newOutput(o.Output), deadline: make(chan struct{})}
	width := 0
	for _, c := range o.Children {
		width = max(width, len(c.Name))
	}
	named := map[string]*child{}
	for i, spec := range o.Children {
		c := &child{Child: spec, supervisor: s, lines: s.output.prefixed(spec.Name, width, i, o.Colour), ready: make(chan struct{}),
			gone: make(chan struct{})}
		for _, name := range spec.After {
			need := named[name]
			if need == nil {
				return nil, fmt.Errorf("supervise %s: it needs %q, which is not a child before it", spec.Name, name)
			}
			c.needs = append(c.needs, need)
			need.neededBy = append(need.neededBy, c)
		}
		if named[spec.Name] != nil {
			return nil, fmt.Errorf("supervise %s: there are two of that name", spec.Name)
		}
		named[spec.Name] = c
		s.children = append(s.children, c)
	}
	return s, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// Run runs the children until ctx ends and then stops them all; it returns when they are gone. ready is called
// once, when all children are ready for the first time. An error says which child did not get that far, or that
// some had to be killed. Run a Supervisor once.
func (s *Supervisor) Run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, c := range s.children {
		group.Go(func() {
			defer close(c.gone)
			if err := c.keep(ctx); err != nil {
				cancel(fmt.Errorf("%s: %w", c.Name, err))
			}
		})
	}
	group.Go(func() {
		if s.await(ctx) {
			ready()
		}
	})
	stopTimer := context.AfterFunc(ctx, func() {
		time.AfterFunc(s.options.StopWithin, func() { close(s.deadline) })
	})
	defer stopTimer()
	group.Wait()
	var failed *childError
	if err := context.Cause(ctx); errors.As(err, &failed) {
		return err
	}
	return s.killed()
}

// await says whether all children got ready before ctx ended.
func (s *Supervisor) await(ctx context.Context) bool {
	for _, c := range s.children {
		select {
		case <-c.ready:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// killed names the children that did not end by themselves.
func (s *Supervisor) killed() error {
	var errs []error
	for _, c := range s.children {
		if c.killed {
			errs = append(errs, fmt.Errorf("%s did not stop within %v and was killed", c.Name, s.options.StopWithin))
		}
	}
	return errors.Join(errs...)
}

// Signal sends a signal to a child's processes: SIGKILL ends it as a crash would, SIGTERM as an operator would, and the
// supervisor then restarts it; SIGSTOP has it hang until SIGCONT. It is for showing that nothing is lost.
func (s *Supervisor) Signal(name string, signal syscall.Signal) error {
	for _, c := range s.children {
		if c.Name == name {
			return c.signal(signal)
		}
	}
	return fmt.Errorf("signal %s: no such child", name)
}

// PIDs returns the process IDs of the children that run, by name. Each is also the ID of a process group, to which
// belongs whatever the child itself started.
func (s *Supervisor) PIDs() map[string]int {
	pids := map[string]int{}
	for _, c := range s.children {
		if pid := c.pid(); pid != 0 {
			pids[c.Name] = pid
		}
	}
	return pids
}
