package engine

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/hookline-io/hookline/compose/local/supervise"
)

// process is the server's process. It ends with ours: its standard input ends then, which the library watches, and on
// Linux the kernel kills it.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
	err   error // how it ended; after ended
}

func start(cmd *exec.Cmd) (*process, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = attributes()
	p := &process{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel ties a child's death signal to the thread that started the child: this one stays as long.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	return p, <-started
}

// await waits until the server answers on both ports, and says whether it does: it may end before, and so may ctx.
func (p *process) await(ctx context.Context, at Addresses) bool {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for _, ready := range []supervise.Probe{supervise.TCP(at.Native), supervise.HTTP("http://" + at.HTTP + "/ping")} {
		for ready(ctx) != nil {
			select {
			case <-again.C:
			case <-p.ended:
				return false
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}

// how says how the process ended.
func (p *process) how() error {
	if p.err == nil {
		return errors.New("exit status 0")
	}
	return p.err
}

// stop ends the process: it is asked to, and after the grace period it is made to.
func (p *process) stop(grace time.Duration) {
	_ = p.stdin.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(grace):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}
