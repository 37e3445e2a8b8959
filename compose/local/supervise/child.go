package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// child is one child with its present process.
type child struct {
	Child
	supervisor      *Supervisor
	lines           *lines
	needs, neededBy []*child

	ready     chan struct{} // closed when it is ready for the first time
	readyOnce sync.Once
	gone      chan struct{} // closed when it has ended for good
	killed    bool          // it had to be, when stopping; read it after gone

	mu        sync.Mutex
	process   *os.Process // nil between two lives
	signalled bool        // we killed the process
}

// childError is a failure that ends the stack.
type childError struct{ error }

// keep starts the child when what it needs is ready, and again whenever it dies, until ctx ends. Then it stops
// the child, after those that need it.
func (c *child) keep(ctx context.Context) error {
	// The kernel ties a child's death signal to the thread that started the child: this one stays as long.
	runtime.LockOSThread()
	for _, need := range c.needs {
		select {
		case <-need.ready:
		case <-ctx.Done():
			return nil
		}
	}
	o := &c.supervisor.options
	for pause := o.Pause; ; {
		began := time.Now()
		err := c.live(ctx)
		switch {
		case stopping(ctx):
			return nil
		case c.Ready == nil && err == nil:
			c.markReady()
			return nil
		case c.Ready == nil || !c.wasReady():
			return &childError{fmt.Errorf("did not start: %w; its last lines say why", how(err))}
		case time.Since(began) > o.Healthy || c.wasSignalled():
			pause = o.Pause
		}
		o.Log.Warn(c.Name+" died and is restarted", "how", how(err), "in", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, 32*o.Pause)
	}
}

func stopping(ctx context.Context) bool { return ctx.Err() != nil }

// live starts the process and returns how it ended.
func (c *child) live(ctx context.Context) error {
	cmd := exec.Command(c.supervisor.options.Program, c.Args...) //nolint:gosec,noctx // to run it is the point; it is stopped in order
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = c.lines, c.lines
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = time.Second // for output that a grandchild holds open
	if err := cmd.Start(); err != nil {
		return err
	}
	c.set(cmd.Process)
	defer c.lines.flush()
	defer c.set(nil)
	var result error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		result = cmd.Wait()
	}()
	probing, stop := context.WithCancel(ctx)
	defer stop()
	late := c.probe(probing)
	select {
	case <-ended:
		return result
	case <-late:
		_ = cmd.Process.Kill()
		<-ended
		return fmt.Errorf("not ready within %v", c.supervisor.options.StartWithin)
	case <-ctx.Done():
		c.stop(cmd.Process, ended)
		return nil
	}
}

// probe asks until the child is ready. The channel it returns is closed when that takes too long the first
// time; after that the child may take as long as it needs.
func (c *child) probe(ctx context.Context) (late <-chan struct{}) {
	if c.Ready == nil || c.wasReady() {
		return nil
	}
	tooLate := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(ctx, c.supervisor.options.StartWithin)
		defer cancel()
		again := time.NewTicker(20 * time.Millisecond)
		defer again.Stop()
		for c.Ready(ctx) != nil {
			select {
			case <-again.C:
			case <-ctx.Done():
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					close(tooLate)
				}
				return
			}
		}
		c.markReady()
	}()
	return tooLate
}

// stop ends the process: once those that need it are gone it is asked to, and when the time for stopping is
// over it is made to.
func (c *child) stop(process *os.Process, ended <-chan struct{}) {
	late := c.supervisor.deadline
	for _, dependent := range c.neededBy {
		select {
		case <-dependent.gone:
		case <-late:
		}
	}
	_ = process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-late:
		c.killed = true
		_ = process.Signal(syscall.SIGQUIT) // a Go program then says where it hangs
		select {
		case <-ended:
			return
		case <-time.After(lastWords):
		}
		_ = process.Kill()
		<-ended
	}
}

// lastWords is how long a child that does not stop may take to say why.
const lastWords = time.Second

func (c *child) markReady() { c.readyOnce.Do(func() { close(c.ready) }) }

func (c *child) wasReady() bool {
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

func (c *child) set(p *os.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process = p
}

// signal reaches all processes of the child's group: a child may be a parent itself.
func (c *child) signal(signal syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return fmt.Errorf("signal %s: it is not running", c.Name)
	}
	// A group has no handle, only a number, which is another's once the child is gone: ask that first.
	if err := c.process.Signal(syscall.Signal(0)); err != nil {
		return fmt.Errorf("signal %s: %w", c.Name, err)
	}
	if err := syscall.Kill(-c.process.Pid, signal); err != nil {
		return fmt.Errorf("signal %s: %w", c.Name, err)
	}
	c.signalled = c.signalled || signal == syscall.SIGKILL || signal == syscall.SIGTERM
	return nil
}

func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return 0
	}
	return c.process.Pid
}

// wasSignalled says, once, that the child died by signal: no reason to wait longer than usual.
func (c *child) wasSignalled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	signalled := c.signalled
	c.signalled = false
	return signalled
}

// how says how a process ended; Wait has no error for status 0.
func how(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}
