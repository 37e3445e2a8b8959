package analytics

import "context"

// SaleVersion ranks what a row states about its object, or about its effects where it has none.
func SaleVersion(r Row) uint64 { return saleVersion(&r, r.Outcome.Object == "") }

// MigrateTo brings a new database to an older version, as an older hookline would have left it.
func (db *DB) MigrateTo(ctx context.Context, version int64) error {
	server, err := db.server()
	if err != nil {
		return err
	}
	defer server.Close()
	if err := server.run(ctx, db.createDatabase()); err != nil {
		return err
	}
	provider, err := db.provider()
	if err != nil {
		return err
	}
	defer provider.Close()
	_, err = provider.UpTo(ctx, version)
	return err
}
