package supervise

import "syscall"

// attributes puts a child in a process group of its own, so that Ctrl-C in a terminal reaches the supervisor
// alone, which then stops the children in order; and has the kernel kill it should the supervisor be killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
