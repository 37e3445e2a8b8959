//go:build unix

package engine

import (
	"fmt"
	"syscall"
)

// diskCapacity returns the size in bytes of the disk that dir is on.
func diskCapacity(dir string) (uint64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return disk.Blocks * uint64(disk.Bsize), nil //nolint:gosec,unconvert // a size, of different types by system
}
