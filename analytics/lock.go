package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const (
	lockTable       = "setup_lock"
	codeTableExists = 57
	staleLock       = 10 * time.Minute
)

// lock makes sure that one runner at a time changes the schema. ClickHouse has no advisory locks; creating a
// table is what exactly one of two runners can do. A lock that its holder left behind is taken over after
// staleLock. release gives it back.
func (db *DB) lock(ctx context.Context) (release func(), err error) {
	create := fmt.Sprintf("CREATE TABLE %s (held UInt8 COMMENT 'No rows are ever written.') ENGINE = Memory COMMENT 'Exists while hookline setup runs.'", lockTable)
	poll := time.NewTicker(200 * time.Millisecond)
	defer poll.Stop()
	for {
		err := db.exec(ctx, "lock the schema", create)
		if err == nil {
			break
		}
		if Code(err) != codeTableExists {
			return nil, err
		}
		if err := db.dropStaleLock(ctx); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock the schema: another 'hookline setup' is running, or died less than %v ago and left the table %s.%s: %w", staleLock, db.Name(), lockTable, ctx.Err())
		case <-poll.C:
		}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.options.Timeout)
		defer cancel()
		// Left behind, the lock goes stale; there is nobody to tell who could do more.
		_ = db.exec(ctx, "unlock the schema", "DROP TABLE IF EXISTS "+lockTable+" SYNC")
	}, nil
}

func (db *DB) dropStaleLock(ctx context.Context) error {
	stale, err := collect(ctx, db, "look at the schema's lock",
		`SELECT dateDiff('second', metadata_modification_time, now()) FROM system.tables WHERE database = currentDatabase() AND name = ?`,
		func(rows driver.Rows) (age int64, err error) { return age, rows.Scan(&age) }, lockTable)
	if err != nil {
		return err
	}
	if len(stale) == 1 && time.Duration(stale[0])*time.Second > staleLock {
		return db.exec(ctx, "drop a stale lock", "DROP TABLE IF EXISTS "+lockTable+" SYNC")
	}
	return nil
}

// keepLock keeps the lock from going stale while its holder works.
func (db *DB) keepLock(ctx context.Context) error {
	return db.exec(ctx, "keep the schema locked", "ALTER TABLE "+lockTable+" MODIFY COMMENT 'Exists while hookline setup runs.'")
}
