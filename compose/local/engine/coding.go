package engine

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// requestBody undoes the request's Content-Encoding and, where framed says so, ClickHouse's own compression.
func requestBody(r *http.Request, framed bool) (io.Reader, error) {
	var body io.Reader = r.Body
	var err error
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	case "br":
		body = brotli.NewReader(body)
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30)); err == nil {
			body = d
		}
	case "lz4":
		body = lz4.NewReader(body)
	default:
		return nil, exceptionf(codeUnknownCompression, "UNKNOWN_COMPRESSION_METHOD",
			"Content-Encoding %q is none of gzip, deflate, br, zstd, lz4", encoding)
	}
	if err != nil {
		return nil, exceptionf(codeCannotDecompress, "CANNOT_DECOMPRESS", "Cannot decompress the request's body: %v", err)
	}
	if framed {
		body = newFrameReader(body)
	}
	return body, nil
}

// responseWriter returns a writer that compresses as the client accepts it, and sets the header that says so.
// Close it.
func responseWriter(w http.ResponseWriter, r *http.Request, q *request) io.WriteCloser {
	out := encodeResponse(w, r)
	if !q.compress {
		return out
	}
	method := compress.LZ4
	switch q.method {
	case "ZSTD":
		method = compress.ZSTD
	case "NONE":
		method = compress.None
	case "LZ4HC":
		method = compress.LZ4HC
	}
	return &frameWriter{out: out, frames: compress.NewWriter(compress.Level(q.level), method)}
}

func encodeResponse(w http.ResponseWriter, r *http.Request) io.WriteCloser {
	if r.URL.Query().Get("enable_http_compression") == "0" {
		return nopCloser{w}
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		encoding, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		var out io.WriteCloser
		switch encoding {
		case "gzip":
			out = gzip.NewWriter(w)
		case "deflate":
			out = zlib.NewWriter(w)
		case "br":
			out = brotli.NewWriterLevel(w, brotli.BestSpeed)
		case "zstd":
			out, _ = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		case "lz4":
			out = lz4.NewWriter(w)
		default:
			continue
		}
		w.Header().Set("Content-Encoding", encoding)
		return out
	}
	return nopCloser{w}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// frameReader reads frames of ClickHouse's own compression. Unlike compress.Reader, which wraps io.EOF
// wherever it meets it, it tells the end of the data from a frame that is cut short.
type frameReader struct {
	source *countingReader
	frames *compress.Reader
}

func newFrameReader(r io.Reader) *frameReader {
	source := &countingReader{r: r}
	return &frameReader{source: source, frames: compress.NewReader(source)}
}

func (f *frameReader) Read(p []byte) (int, error) {
	before := f.source.n
	n, err := f.frames.Read(p)
	switch {
	case !errors.Is(err, io.EOF):
		return n, err
	case f.source.n == before:
		return n, io.EOF
	}
	return n, io.ErrUnexpectedEOF
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// frameSize is how much goes into one frame of ClickHouse's compression: DBMS_DEFAULT_BUFFER_SIZE of the server.
const frameSize = 1 << 20

// frameWriter writes the frames of ClickHouse's own compression: a checksum, the method and two lengths before
// each compressed block.
type frameWriter struct {
	out    io.WriteCloser
	frames *compress.Writer
	buffer []byte
}

func (f *frameWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(frameSize-len(f.buffer), len(rest))
		f.buffer, rest = append(f.buffer, rest[:n]...), rest[n:]
		if len(f.buffer) == frameSize {
			if err := f.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func (f *frameWriter) flush() error {
	if len(f.buffer) == 0 {
		return nil
	}
	if err := f.frames.Compress(f.buffer); err != nil {
		return err
	}
	f.buffer = f.buffer[:0]
	_, err := f.out.Write(f.frames.Data)
	return err
}

func (f *frameWriter) Close() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.out.Close()
}
