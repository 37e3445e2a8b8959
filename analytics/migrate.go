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

// Migrate creates the database and brings its tables and views to the form that this version of hookline
// needs. It only ever goes forward, is safe to repeat, and lets one runner in at a time.
func (db *DB) Migrate(ctx context.Context) error {
	if err := db.createDatabase(ctx); err != nil {
		return err
	}
	release, err := db.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	return db.migrate(ctx)
}

// migrate does what Migrate does, under a lock that the caller holds.
func (db *DB) migrate(ctx context.Context) error {
	provider, err := db.provider()
	if err != nil {
		return err
	}
	defer provider.Close()
	if _, err := provider.Up(ctx); err != nil {
		return wrap("migrate", err)
	}
	// Other views read it; Setup puts the real zones in its place.
	if err := db.createZones(ctx, "CREATE VIEW IF NOT EXISTS", []string{"UTC"}); err != nil {
		return err
	}
	return db.createViews(ctx)
}

// createDatabase connects to ClickHouse's own database "default", because a connection to one that does not
// exist is refused.
func (db *DB) createDatabase(ctx context.Context) error {
	opt := *db.opt
	opt.Auth.Database = "default"
	conn, err := clickhouse.Open(&opt)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	engine := "Atomic"
	if db.options.Replicated {
		engine = fmt.Sprintf("Replicated(%s, '{shard}', '{replica}')", literal("/clickhouse/databases/"+db.Name()))
	}
	return wrap("create database", conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE IF NOT EXISTS %s ENGINE = %s COMMENT 'hookline: webhooks of vendors and the sales in them.'", identifier(db.Name()), engine)))
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

// render fills in the templates of migrations. They know one function, engine, which names a table engine as
// this installation needs it.
func (db *DB) render(from embed.FS) (fs.FS, error) {
	out := fstest.MapFS{}
	paths, err := fs.Glob(from, "*/*.sql")
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	for _, name := range paths {
		t, err := template.New(path.Base(name)).Funcs(template.FuncMap{"engine": db.engine}).ParseFS(from, name)
		if err != nil {
			return nil, fmt.Errorf("prepare migrations: %w", err)
		}
		var sql strings.Builder
		if err := t.Execute(&sql, nil); err != nil {
			return nil, fmt.Errorf("prepare migrations: %w", err)
		}
		out[path.Base(name)] = &fstest.MapFile{Data: []byte(sql.String())}
	}
	return out, nil
}

// engine returns the name of a MergeTree engine, replicated where the installation is.
func (db *DB) engine(name string) string {
	if db.options.Replicated {
		return "Replicated" + name
	}
	return name
}

// createViews creates or replaces the views: they hold no data, so that they need no history.
func (db *DB) createViews(ctx context.Context) error {
	paths, err := fs.Glob(views, "views/*.sql")
	if err != nil {
		return fmt.Errorf("create views: %w", err)
	}
	for _, name := range paths {
		sql, err := views.ReadFile(name)
		if err != nil {
			return fmt.Errorf("create views: %w", err)
		}
		if err := db.exec(ctx, "create view "+strings.TrimSuffix(path.Base(name), ".sql"), string(sql)); err != nil {
			return err
		}
	}
	return nil
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
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}
