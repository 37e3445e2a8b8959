//go:build !linux

package bench

import "syscall"

// cores are processor cores to run on. Only Linux lets a process choose: elsewhere there are none to choose from.
type cores []int

func split() (measured, beside cores)       { return nil, nil }
func (c cores) pin() error                  { return nil }
func (c cores) pinSelf() error              { return nil }
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
