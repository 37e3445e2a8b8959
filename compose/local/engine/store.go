package engine

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/compose/local/lockfile"
)

// store is the engine over one folder. There can be one in a process, and one process on a folder.
type store struct {
	lib  *library
	args []string // of every connection
	root *conn    // keeps the engine running between requests
	lock io.Closer
}

// openStore starts the engine over dir and creates what is missing there.
func openStore(lib *library, dir string, config settings) (_ *store, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	lock, err := claim(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	// Without a configuration of its own the engine reads any config.xml that it finds in the working folder.
	file := filepath.Join(dir, "engine.xml")
	config.Backups = filepath.Join(dir, "backups")
	text, err := xml.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	args := []string{"--path=" + dir, "--config-file=" + file}
	root, err := lib.dial(args)
	if err != nil {
		return nil, fmt.Errorf("open the tables in %s: %w", dir, err)
	}
	return &store{lib: lib, args: args, root: root, lock: lock}, nil
}

// settings are the server settings that differ from the engine's defaults, which suit a machine of its own.
type settings struct {
	XMLName   xml.Name `xml:"clickhouse"`
	Memory    uint64   `xml:"max_server_memory_usage"`
	MarkCache uint64   `xml:"mark_cache_size"`
	Users     string   `xml:"users_config,omitempty"` // absolute path
	Backups   string   `xml:"backups>allowed_path"`   // the only folder for BACKUP … TO File
}

// claim makes a second engine on the folder fail with an error that says why; the engine's own message does not
// reach us.
func claim(dir string) (io.Closer, error) {
	lock, err := lockfile.Acquire(filepath.Join(dir, "hookline.lock"))
	if errors.Is(err, lockfile.ErrHeld) {
		return nil, fmt.Errorf("another engine is running on %s: stop it, or choose another --data-dir", dir)
	}
	return lock, err
}

// close waits for the engine to put its affairs in order. All sessions must be closed.
func (s *store) close() error {
	s.root.close()
	return s.lock.Close()
}

// session is a connection set up for one request, and killed with it.
type session struct {
	*conn
	stop func()
}

// tagSetting marks the statements of a session in system.processes: libchdb gives no say in the query ID. The
// setting labels entries of a cache that the embedded engine does not have, so that it is free for this.
const tagSetting = "query_cache_tag"

// session opens a session with the given current database and settings. When ctx ends, what runs in it is
// killed. tag must be unique; close the session.
func (s *store) session(ctx context.Context, tag, database string, settings map[string]string) (*session, error) {
	c, err := s.lib.dial(s.args)
	if err != nil {
		return nil, exceptionf(codeUnknown, "UNKNOWN_EXCEPTION", "%v", err)
	}
	if err := c.configure(tag, database, settings); err != nil {
		c.close()
		return nil, err
	}
	done := make(chan struct{})
	killed := make(chan struct{})
	stopWatching := context.AfterFunc(ctx, func() {
		defer close(killed)
		s.kill(tag, done)
	})
	return &session{conn: c, stop: func() {
		close(done)
		if !stopWatching() {
			<-killed
		}
	}}, nil
}

func (s *session) close() {
	s.stop()
	s.conn.close()
}

// configure sets what a ClickHouse server would for a request. implicit_select, which lets "1+1" pass for a
// query, is off in a server and on in the library.
func (c *conn) configure(tag, database string, settings map[string]string) error {
	changes := []string{tagSetting + " = " + quote(tag), "implicit_select = 0"}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !isName(name) {
			return exceptionf(115, "UNKNOWN_SETTING", "Unknown setting %s", quote(name))
		}
		changes = append(changes, name+" = "+quote(settings[name]))
	}
	statements := "SET " + strings.Join(changes, ", ")
	if database != "" {
		statements = "USE `" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(database) + "`; " + statements
	}
	r, err := c.exec(statements, "Null", nil)
	if err != nil {
		return err
	}
	r.close()
	return nil
}

// kill stops the session's statement, and one that it starts meanwhile, until done is closed.
func (s *store) kill(tag string, done <-chan struct{}) {
	c, err := s.lib.dial(s.args)
	if err != nil {
		return // only while the engine stops, which ends all statements
	}
	defer c.close()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if r, err := c.exec("KILL QUERY WHERE Settings["+quote(tagSetting)+"] = "+quote(tag)+" ASYNC", "Null", nil); err == nil {
			r.close()
		}
		select {
		case <-done:
			return
		case <-again.C:
		}
	}
}

// quote returns s as a string literal.
func quote(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}

// isName says whether s can stand in a statement as a bare name.
func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isWordByte(c) || c >= 0x80 {
			return false
		}
	}
	return s != "" && (s[0] < '0' || s[0] > '9')
}
