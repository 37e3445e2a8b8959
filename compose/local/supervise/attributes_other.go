//go:build !linux

package supervise

import "syscall"

// attributes puts a child in a process group of its own, so that Ctrl-C in a terminal reaches the supervisor
// alone, which then stops the children in order. Only Linux can also end them with a supervisor that is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
