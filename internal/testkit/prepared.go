package testkit

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing"
	"testing/fstest"
)

// Prepared is what an engine's folder holds once it is set up. To begin with a copy of it takes a fraction of the time
// that it takes to create two dozen tables and views, which most tests only need to be there.
type Prepared struct {
	Setup func(t testing.TB, e *EngineProcess)

	once  sync.Once
	files fstest.MapFS
}

// Engine starts an engine over a folder of its own in which all that Setup does is done; it ends with the test.
func (p *Prepared) Engine(t testing.TB) *EngineProcess {
	t.Helper()
	if e, ok := externalEngine(t); ok {
		p.Setup(t, e)
		return e
	}
	p.once.Do(func() {
		e := Engine(t)
		p.Setup(t, e)
		e.Stop()
		var err error
		if p.files, err = readFolder(e.DataDir()); err != nil {
			t.Fatal(err)
		}
	})
	dir := t.TempDir()
	if err := os.CopyFS(dir, p.files); err != nil || len(p.files) == 0 {
		t.Fatalf("copy the %d files of a prepared engine: %v", len(p.files), err)
	}
	return startEngine(t, spec{DataDir: dir})
}

// readFolder returns the files, folders and links of a folder.
func readFolder(dir string) (fstest.MapFS, error) {
	root, files := os.DirFS(dir), fstest.MapFS{}
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		file := &fstest.MapFile{Mode: entry.Type() | 0o700}
		switch entry.Type() {
		case fs.ModeDir:
		case fs.ModeSymlink:
			var target string
			target, err = fs.ReadLink(root, path)
			file.Data = []byte(target)
		default:
			file.Data, err = fs.ReadFile(root, path)
		}
		files[path] = file
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the folder: %w", err)
	}
	return files, nil
}
