package analytics

import (
	"context"

	"github.com/hookline-io/hookline/schemas"
)

// InsertRejections writes counts of refused deliveries and returns when they are stored. It may be repeated: of two
// counts of the same minute, vendor, reason and instance the higher one counts.
func (db *DB) InsertRejections(ctx context.Context, rejections []schemas.Rejection) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	var b rejectionBlock
	b.init()
	for i := range rejections {
		b.append(&rejections[i])
	}
	for _, part := range b.split(emptyRejections) {
		if err := db.insert(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// rejectionBlock is rows of the table rejections.
type rejectionBlock struct {
	block
	minute                   values[int64]
	vendor, reason, instance text
	count                    values[uint64]
}

func (b *rejectionBlock) init() {
	b.block = block{table: "rejections", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"minute", "DateTime('UTC')", &b.minute},
		{"vendor", typeWord, &b.vendor},
		{"reason", typeWord, &b.reason},
		{"instance", typeWord, &b.instance},
		{"count", "UInt64", &b.count},
	}}
}

func emptyRejections() *block {
	var b rejectionBlock
	b.init()
	return &b.block
}

func (b *rejectionBlock) append(r *schemas.Rejection) {
	b.minute.append(r.Minute.Unix()) // schemas.Rejection bounds it to the years 2000 to 2105
	b.vendor.append(r.Vendor)
	b.reason.append(r.Reason)
	b.instance.append(r.Instance)
	b.count.append(r.Count)
	b.endRow(sourceMonth(r.Minute))
}
