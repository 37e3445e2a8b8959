package analytics

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// wire carries columns into those of the driver, one after the other, through memory that they share. After an error it is
// of no use.
type wire struct {
	buffer proto.Buffer
	source io.Reader     // of what is decoded now
	reader *proto.Reader // over source; it has a large buffer of its own
}

// Read implements io.Reader, for the reader.
func (w *wire) Read(p []byte) (int, error) { return w.source.Read(p) }

// empty returns the buffer for one column in the form of ClickHouse's Native format, which decode hands over.
func (w *wire) empty() *proto.Buffer {
	w.buffer.Reset()
	return &w.buffer
}

// makeRoom brings the buffers of a String column of the driver, which is empty and stays so, to the size of what is
// appended next: the driver would grow them by doubling, which costs several times what it costs to copy what comes into
// them. It makes room for as many rows as it is told to decode and for the bytes of the first, and keeps it although no
// other row comes.
func (w *wire) makeRoom(into driver.Interface, rows, size int) error {
	var header [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(header[:], uint64(size))
	w.source = io.MultiReader(bytes.NewReader(header[:n]), io.LimitReader(zeros{}, int64(size)))
	if err := into.Decode(w.decoder(), rows); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	into.Reset()
	return nil
}

func (w *wire) decode(into driver.Interface, rows int) error {
	w.source = bytes.NewReader(w.buffer.Buf)
	if err := into.Decode(w.decoder(), rows); err != nil {
		return err
	}
	// What is left would be taken for the beginning of the next column.
	if _, err := w.reader.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%d rows are not all of the column: %w", rows, err)
	}
	return nil
}

func (w *wire) decoder() *proto.Reader {
	if w.reader == nil {
		w.reader = proto.NewReader(w)
	}
	return w.reader
}

// zeros is a Reader that leaves what it is to fill as it is.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
