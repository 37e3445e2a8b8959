package engine

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// rewriteNative copies blocks in the Native format from revision 0, which is what the engine writes, to the
// revision that a client of the HTTP interface asked for with client_protocol_version. The formats differ in a
// header before each block and one byte before each column; the columns' own bytes are the same and are copied
// as they are (https://clickhouse.com/docs/native-protocol/server#block).
func rewriteNative(w io.Writer, blocks []byte, revision uint64) error {
	if revision == 0 {
		_, err := w.Write(blocks)
		return err
	}
	r := newNativeReader(blocks)
	for !r.atEnd() {
		if err := r.rewriteBlock(w, revision); err != nil {
			return fmt.Errorf("rewrite a Native block: %w", err)
		}
	}
	return nil
}

// nativeReader walks through blocks and knows where it is, which lets it copy what it has read.
type nativeReader struct {
	blocks []byte
	rest   *bytes.Reader
	buffer *bufio.Reader
	proto  *chproto.Reader
}

func newNativeReader(blocks []byte) *nativeReader {
	r := &nativeReader{blocks: blocks, rest: bytes.NewReader(blocks)}
	// A bufio.Reader at least as large as chproto's own is used by it as it is, so that the position is known.
	r.buffer = bufio.NewReaderSize(r.rest, 1<<18)
	r.proto = chproto.NewReader(r.buffer)
	return r
}

func (r *nativeReader) position() int { return len(r.blocks) - r.rest.Len() - r.buffer.Buffered() }

func (r *nativeReader) atEnd() bool { return r.position() == len(r.blocks) }

func (r *nativeReader) rewriteBlock(w io.Writer, revision uint64) error {
	columns, err := r.proto.UVarInt()
	if err != nil {
		return err
	}
	rows, err := r.proto.UVarInt()
	if err != nil {
		return err
	}
	// What stands before a block since revision 51903: field 1, not an overflow row; field 2, no bucket of a
	// two-level aggregation (-1); end of fields.
	header := []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}
	header = binary.AppendUvarint(header, columns)
	header = binary.AppendUvarint(header, rows)
	if _, err := w.Write(header); err != nil {
		return err
	}
	for range columns {
		if err := r.rewriteColumn(w, rows, revision); err != nil {
			return err
		}
	}
	return nil
}

func (r *nativeReader) rewriteColumn(w io.Writer, rows, revision uint64) error {
	start := r.position()
	name, err := r.proto.Str()
	if err != nil {
		return err
	}
	kind, err := r.proto.Str()
	if err != nil {
		return err
	}
	split := r.position()
	if err := r.skipColumn(name, kind, int(rows)); err != nil { //nolint:gosec // the engine counts no more than fit its memory
		return fmt.Errorf("column %s of type %s: %w", name, kind, err)
	}
	if _, err := w.Write(r.blocks[start:split]); err != nil {
		return err
	}
	if revision >= proto.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION {
		if _, err := w.Write([]byte{0}); err != nil { // no custom serialization
			return err
		}
	}
	_, err = w.Write(r.blocks[split:r.position()])
	return err
}

// skipColumn reads a column only to learn where it ends.
func (r *nativeReader) skipColumn(name, kind string, rows int) error {
	if rows == 0 {
		return nil
	}
	c, err := column.Type(kind).Column(name, &column.ServerContext{})
	if err != nil {
		return err
	}
	if prefixed, ok := c.(column.CustomSerialization); ok {
		if err := prefixed.ReadStatePrefix(r.proto); err != nil {
			return err
		}
	}
	return c.Decode(r.proto, rows)
}
