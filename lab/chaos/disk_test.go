package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hookline-io/hookline/compose/local/engine"
)

func TestSmallDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	d, err := mountDisk(dir)
	if errors.Is(err, errNoDisk) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	mounted := true
	t.Cleanup(func() {
		if mounted {
			_ = d.unmount(false)
		}
	})
	file := filepath.Join(dir, "folder", "file")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.fill(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, make([]byte, engine.KeepFree(diskSize)), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("writing to a full disk: %v", err)
	}
	if err := errors.Join(d.drain(), d.drain(), os.WriteFile(file, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	mounted = false
	if err := d.unmount(true); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "x" {
		t.Errorf("%q is kept (%v)", text, err)
	}
}
