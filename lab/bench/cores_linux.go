package bench

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// cores are processor cores to run on; none means any.
type cores []int

// split gives what is measured a core of its own, and all else the others. It returns none where there is only one.
func split() (measured, beside cores) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil || all.Count() < 2 {
		return nil, nil
	}
	for core := range len(all) * 64 {
		switch {
		case !all.IsSet(core):
		case measured == nil:
			measured = cores{core}
		default:
			beside = append(beside, core)
		}
	}
	return measured, beside
}

// pin moves the calling thread, and whatever it starts, to c.
func (c cores) pin() error { return c.pinThread(0) }

func (c cores) pinThread(id int) error {
	if len(c) == 0 {
		return nil
	}
	var set unix.CPUSet
	for _, core := range c {
		set.Set(core)
	}
	if err := unix.SchedSetaffinity(id, &set); err != nil {
		return fmt.Errorf("pin to cores %v: %w", c, err)
	}
	return nil
}

// pinSelf moves this process to c. Threads that it starts later are started by these, and stay there too.
func (c cores) pinSelf() error {
	if len(c) == 0 {
		return nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("pin to cores %v: %w", c, err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return fmt.Errorf("pin to cores %v: %w", c, err)
		}
		if err := c.pinThread(id); err != nil {
			return err
		}
	}
	runtime.GOMAXPROCS(len(c))
	return nil
}

// childAttributes has the kernel kill a child should we be killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
