// Package lockfile keeps two processes from using one folder at the same time.
package lockfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrHeld is wrapped by Acquire's error when another process has the lock.
var ErrHeld = errors.New("another process holds the lock")

// Acquire takes the lock that the file at path stands for, without waiting, and creates the file if it is
// missing. Close releases the lock; so does the end of the process, however it comes. A process that inherits the file
// holds the lock as well, for as long as it lives.
func Acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a file descriptor is a small number
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrHeld
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}
