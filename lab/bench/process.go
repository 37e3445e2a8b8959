package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"

	"github.com/hookline-io/hookline/compose/local/supervise"
)

// process is one part of the stack in a process of its own, on cores of its own.
type process struct {
	name  string
	admin string // base URL of its admin listener; empty where it has none
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // how it ended; read it after ended
}

// startWithin bounds how long a part may take to be ready, and stopWithin how long to end.
const (
	startWithin = 60 * time.Second
	stopWithin  = 20 * time.Second
)

// start runs a sub-command of hookline, or a floor, on the given cores and returns once ready says so; without ready, once it
// has ended well, however long that takes.
func (r *rig) start(ctx context.Context, on cores, ready supervise.Probe, name string, args ...string) (*process, error) {
	program := r.program
	if name == httpFloor || name == insertFloor {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this binary, which the floors run: %w", err)
		}
	}
	log, err := os.OpenFile(filepath.Join(r.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	cmd := exec.Command(program, append([]string{name}, args...)...) //nolint:noctx // it is stopped in order
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	p := &process{name: name, cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// A child has the cores of the thread that starts it, and dies with that thread, which is this one alone
		// and ends with this goroutine: it is never unlocked.
		runtime.LockOSThread()
		defer log.Close()
		err := errors.Join(on.pin(), cmd.Start())
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	r.running = append(r.running, p)
	if ready != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startWithin)
		defer cancel()
	}
	for tick := time.NewTicker(20 * time.Millisecond); ready == nil || ready(ctx) != nil; {
		select {
		case <-p.ended:
			if ready == nil && p.err == nil {
				return p, nil
			}
			return nil, fmt.Errorf("start %s: it ended (%w); %s says why", name, p.err, log.Name())
		case <-ctx.Done():
			return nil, fmt.Errorf("start %s: %w; %s may say why", name, ctx.Err(), log.Name())
		case <-tick.C:
		}
	}
	return p, nil
}

// stop ends the process: it is asked to, and when it takes too long it is made to.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopWithin):
		p.kill()
	}
}

// kill ends the process as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// usage is what a process has used since it began.
type usage struct {
	cpu     time.Duration
	mallocs float64 // objects that it allocated
	at      time.Time
}

// usage asks the kernel and, where the process exports it, Go's runtime.
func (p *process) usage(ctx context.Context) (usage, error) {
	proc, err := procfs.NewProc(p.cmd.Process.Pid)
	if err != nil {
		return usage{}, fmt.Errorf("measure %s: %w", p.name, err)
	}
	family, err := withChildren(proc)
	if err != nil {
		return usage{}, fmt.Errorf("measure %s: %w", p.name, err)
	}
	u := usage{at: time.Now()}
	for _, proc := range family {
		stat, err := proc.Stat()
		if err != nil {
			return usage{}, fmt.Errorf("measure %s: %w", p.name, err)
		}
		u.cpu += time.Duration(stat.CPUTime() * float64(time.Second))
	}
	if p.admin != "" {
		u.mallocs, err = p.metric(ctx, "go_memstats_mallocs_total")
	}
	return u, err
}

// withChildren returns a process and those that it has started: the engine's server is one.
func withChildren(parent procfs.Proc) (procfs.Procs, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	family := procfs.Procs{parent}
	for _, proc := range all {
		if stat, err := proc.Stat(); err == nil && stat.PPID == parent.PID {
			family = append(family, proc)
		}
	}
	return family, nil
}

// peak is the most memory that the process has had, and resident what it has now, in bytes.
func (p *process) peak() (float64, error) {
	status, err := p.status()
	return float64(status.VmHWM), err
}

func (p *process) resident() (float64, error) {
	status, err := p.status()
	return float64(status.VmRSS), err
}

func (p *process) status() (procfs.ProcStatus, error) {
	proc, err := procfs.NewProc(p.cmd.Process.Pid)
	if err != nil {
		return procfs.ProcStatus{}, fmt.Errorf("measure %s: %w", p.name, err)
	}
	status, err := proc.NewStatus()
	if err != nil {
		return procfs.ProcStatus{}, fmt.Errorf("measure %s: %w", p.name, err)
	}
	return status, nil
}

// errNoMetric is wrapped by metric's error where the process has no series of that name (yet).
var errNoMetric = errors.New("it has no such metric")

// metric sums the series of one metric of the process.
func (p *process) metric(ctx context.Context, name string) (sum float64, err error) {
	text, err := get(ctx, p.admin+"/metrics")
	if err != nil {
		return 0, fmt.Errorf("ask %s for %s: %w", p.name, name, err)
	}
	found := false
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if base, _, _ := strings.Cut(series, "{"); base != name {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("ask %s for %s: %w", p.name, name, err)
		}
		sum, found = sum+n, true
	}
	if !found {
		return 0, fmt.Errorf("ask %s for %s: %w", p.name, name, errNoMetric)
	}
	return sum, nil
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept-Encoding", "identity") // to compress its answers would be work of what is measured
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return string(body), err
}

// freeAddress returns an address of this machine that nothing listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
