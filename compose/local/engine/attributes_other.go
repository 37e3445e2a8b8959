//go:build !linux

package engine

import "syscall"

// attributes are none: only Linux can end a process with its parent.
func attributes() *syscall.SysProcAttr { return nil }
