package engine

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"text/template"

	"github.com/hookline-io/hookline/compose/clickhouse"
)

//go:embed config.xml.tmpl
var configTemplate string

//go:embed users.xml.tmpl
var usersTemplate string

// configuration is what the generated files depend on.
type configuration struct {
	dir      string // of the files
	Path     string // of the tables
	HTTP     netip.AddrPort
	Native   netip.AddrPort
	Memory   uint64 // bytes
	KeepFree uint64 // bytes of the disk
	LogLevel string
	Embedded bool   // the server is the library
	Override []byte // merged into config.xml, if there are any
}

func (c configuration) addresses() Addresses {
	return Addresses{HTTP: c.HTTP.String(), Native: c.Native.String()}
}

func (c configuration) file() string { return filepath.Join(c.dir, "config.xml") }

// KeepFree returns how many bytes of a disk ClickHouse leaves free: it refuses inserts and merges that would take them,
// and they are stored once there is space again. The library takes no notice of a write that fails (measured on 26.5.3:
// a merge on a full disk yields a part of empty files, in place of those that it merged), so the disk must never be full.
func KeepFree(capacity uint64) uint64 { return min(max(capacity/16, 16<<20), 1<<30) }

// Users is the path of users.xml.
func (c configuration) Users() string { return filepath.Join(c.dir, "users.xml") }

// MarkCache is the size of the mark cache in bytes: its default is for a machine of its own.
func (c configuration) MarkCache() uint64 { return c.Memory / 16 }

// Nobody is the hash of a password that nobody has.
func (configuration) Nobody() string {
	sum := sha256.Sum256([]byte(rand.Text()))
	return hex.EncodeToString(sum[:])
}

// write writes config.xml and users.xml with what is merged into them. Files of the user's beside them stay.
func (c configuration) write() error {
	for _, dir := range []string{c.Path, c.dir, filepath.Join(c.dir, "users.d"), filepath.Join(c.dir, "config.d")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("create a folder for ClickHouse: %w", err)
		}
	}
	files := map[string][]byte{filepath.Join("users.d", "hookline.xml"): clickhouse.UsersXML}
	for name, text := range map[string]string{"config.xml": configTemplate, "users.xml": usersTemplate} {
		parsed, err := template.New(name).Parse(text)
		if err != nil {
			return fmt.Errorf("write ClickHouse's configuration: %w", err)
		}
		var out bytes.Buffer
		if err := parsed.Execute(&out, c.escaped()); err != nil {
			return fmt.Errorf("write ClickHouse's configuration: %w", err)
		}
		files[name] = out.Bytes()
	}
	override := filepath.Join("config.d", "hookline-override.xml")
	if files[override] = c.Override; len(c.Override) == 0 {
		delete(files, override)
		if err := os.Remove(filepath.Join(c.dir, override)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("write ClickHouse's configuration: %w", err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), text, 0o600); err != nil {
			return fmt.Errorf("write ClickHouse's configuration: %w", err)
		}
	}
	return nil
}

// escaped is c with paths as they stand in XML.
func (c configuration) escaped() configuration {
	for _, text := range []*string{&c.dir, &c.Path} {
		var out bytes.Buffer
		_ = xml.EscapeText(&out, []byte(*text)) // a buffer takes everything
		*text = out.String()
	}
	return c
}
