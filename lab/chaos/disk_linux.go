package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hookline-io/hookline/compose/local/engine"
)

// diskSize holds what a long run stores, several times over.
const diskSize = 512 << 20

// smallDisk is a file system of its own, in memory, that can be filled.
type smallDisk struct{ dir, balloon string }

// errNoDisk is wrapped by mountDisk's error where this user may not mount.
var errNoDisk = errors.New("this user may not mount a small disk: run as root, or under `unshare -rm`")

// mountDisk makes dir a small disk. Unmount it.
func mountDisk(dir string) (*smallDisk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a small disk: %w", err)
	}
	err := unix.Mount("hookline-chaos", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d,mode=0700", diskSize))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil, errNoDisk
	}
	if err != nil {
		return nil, fmt.Errorf("make a small disk: %w", err)
	}
	return &smallDisk{dir, filepath.Join(dir, "balloon")}, nil
}

// fill takes all the space but half of what the engine keeps free.
func (d *smallDisk) fill() error {
	f, err := os.OpenFile(d.balloon, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fill the small disk: %w", err)
	}
	defer f.Close()
	left := int64(engine.KeepFree(diskSize) / 2)
	// Others write meanwhile: look again at what is left after each step.
	for size, tries := int64(0), 0; tries < 10; tries++ {
		var disk unix.Statfs_t
		if err := unix.Fstatfs(int(f.Fd()), &disk); err != nil {
			return fmt.Errorf("fill the small disk: %w", err)
		}
		step := int64(disk.Bavail)*disk.Bsize - left //nolint:gosec // a small disk
		if step < disk.Bsize {
			return nil
		}
		err := unix.Fallocate(int(f.Fd()), 0, size, step)
		if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ENOSPC) {
			return fmt.Errorf("fill the small disk: %w", err)
		}
		if err == nil {
			size += step
		}
	}
	return nil
}

// drain gives the space back.
func (d *smallDisk) drain() error {
	if err := os.Remove(d.balloon); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("empty the small disk: %w", err)
	}
	return nil
}

// unmount takes the disk away. What it holds is kept in its folder's place if keep is set, and is gone otherwise.
func (d *smallDisk) unmount(keep bool) error {
	var kept error
	copied := d.dir + ".kept"
	if keep {
		kept = os.CopyFS(copied, os.DirFS(d.dir))
	}
	if err := unix.Unmount(d.dir, unix.MNT_DETACH); err != nil {
		return errors.Join(kept, fmt.Errorf("unmount the small disk: %w", err))
	}
	if keep && kept == nil {
		kept = errors.Join(os.Remove(d.dir), os.Rename(copied, d.dir))
	}
	return kept
}
