package analytics

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing/fstest"
	"text/template"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed views/*.sql
var views embed.FS

// migrate brings tables and views to their newest form, under a lock that the caller holds.
func (db *DB) migrate(ctx context.Context) error {
	provider, err := db.provider()
	if err != nil {
		return err
	}
	defer provider.Close()
	if _, err := provider.Up(ctx); err != nil {
		return wrap("migrate", err)
	}
	if err := db.moveSales(ctx); err != nil {
		return err
	}
	steps, err := db.viewSteps()
	if err != nil {
		return err
	}
	return db.run(ctx, steps...)
}

// pending returns the migrations that are still to be made: files, and the names of those.
func (db *DB) pending(ctx context.Context, server *DB) (files fs.FS, pending []string, err error) {
	files, err = db.render(migrations)
	if err != nil {
		return nil, nil, err
	}
	all, err := names(files)
	if err != nil {
		return nil, nil, err
	}
	exists, err := server.number(ctx, "look for migrations", "SELECT count() FROM system.tables WHERE database = ? AND name = ?", db.Name(),
		versionTable)
	if err != nil {
		return nil, nil, err
	}
	version := uint64(0)
	if exists > 0 {
		if version, err = db.number(ctx, "look for migrations", "SELECT toUInt64(max(version_id)) FROM "+versionTable); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range all {
		number, err := goose.NumericComponent(name)
		if err != nil {
			return nil, nil, fmt.Errorf("prepare migrations: %w", err)
		}
		if uint64(number) > version {
			pending = append(pending, name)
		}
	}
	return files, pending, nil
}

// names are those of the files of SQL, in order.
func names(files fs.FS) ([]string, error) {
	all, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	return all, nil
}

// provider is goose over the migrations, written out for this installation's engines.
func (db *DB) provider() (*goose.Provider, error) {
	files, err := db.render(migrations)
	if err != nil {
		return nil, err
	}
	store, err := database.NewStoreFromQuerier(versionTable, versions{engine: db.engine})
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	// goose closes the database it is given, so it gets one of its own.
	opt := *db.opt
	opt.MaxOpenConns, opt.MaxIdleConns = 2, 2
	provider, err := goose.NewProvider("", clickhouse.OpenDB(&opt), files, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	return provider, nil
}

// definer makes a view read tables with the rights of the user that set it up: its readers need none on them.
const definer = "DEFINER = CURRENT_USER SQL SECURITY DEFINER"

// render fills in the templates of migrations and views. They know three functions: engine names a table engine as
// this installation needs it, database is the database's name as a string of SQL, because currentDatabase() in a view
// is that of its reader, and definer is above.
func (db *DB) render(from embed.FS) (fs.FS, error) {
	out := fstest.MapFS{}
	paths, err := fs.Glob(from, "*/*.sql")
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	functions := template.FuncMap{
		"engine":   db.engine,
		"database": func() string { return literal(db.Name()) },
		"definer":  func() string { return definer },
	}
	for _, name := range paths {
		t, err := template.New(path.Base(name)).Funcs(functions).ParseFS(from, name)
		if err != nil {
			return nil, fmt.Errorf("prepare migrations: %w", err)
		}
		sql, err := fill(t, nil)
		if err != nil {
			return nil, fmt.Errorf("prepare migrations: %w", err)
		}
		out[path.Base(name)] = &fstest.MapFile{Data: []byte(sql)}
	}
	return out, nil
}

func fill(t *template.Template, data any) (string, error) {
	var b strings.Builder
	err := t.Execute(&b, data)
	return b.String(), err
}

// engine returns the name of a MergeTree engine, replicated where the installation is.
func (db *DB) engine(name string) string {
	if db.options.Replicated {
		return "Replicated" + name
	}
	return name
}

const versionTable = "schema_migrations"

// versions are goose's queries for ClickHouse, with a table that says what it is and is replicated with the
// others.
type versions struct{ engine func(string) string }

func (v versions) CreateTable(table string) string {
	return fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s
(
    version_id Int64 COMMENT 'Number of the migration.',
    is_applied UInt8 COMMENT '1: it was applied.',
    tstamp     DateTime('UTC') DEFAULT now() COMMENT 'When.'
)
ENGINE = %s
ORDER BY version_id
COMMENT 'Which migrations this database has had; kept by hookline setup.'`, table, v.engine("MergeTree"))
}

func (versions) InsertVersion(table string) string {
	return fmt.Sprintf(`INSERT INTO %s (version_id, is_applied) VALUES ($1, $2)`, table)
}

func (versions) DeleteVersion(table string) string {
	return fmt.Sprintf(`ALTER TABLE %s DELETE WHERE version_id = $1 SETTINGS mutations_sync = 2`, table)
}

func (versions) GetMigrationByVersion(table string) string {
	return fmt.Sprintf(`SELECT tstamp, is_applied FROM %s WHERE version_id = $1 ORDER BY tstamp DESC LIMIT 1`, table)
}

func (versions) ListMigrations(table string) string {
	return fmt.Sprintf(`SELECT version_id, is_applied FROM %s ORDER BY version_id DESC`, table)
}

func (versions) GetLatestVersion(table string) string {
	return fmt.Sprintf(`SELECT max(version_id) FROM %s`, table)
}

// identifier quotes name as an identifier of SQL.
func identifier(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// literal quotes s as a string of SQL.
func literal(s string) string {
	if !strings.ContainsAny(s, `\'`) {
		return "'" + s + "'" // each batch names thousands of keys
	}
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}

func literals(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = literal(v)
	}
	return strings.Join(quoted, ", ")
}
