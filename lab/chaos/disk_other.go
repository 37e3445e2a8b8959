//go:build !linux

package chaos

import "errors"

var errNoDisk = errors.New("small disks are for Linux")

type smallDisk struct{}

func mountDisk(string) (*smallDisk, error) { return nil, errNoDisk }
func (*smallDisk) fill() error             { return errNoDisk }
func (*smallDisk) drain() error            { return errNoDisk }
func (*smallDisk) unmount(bool) error      { return errNoDisk }
