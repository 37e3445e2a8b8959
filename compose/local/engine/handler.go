package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// maxQueries bounds how many requests run at once, each on an OS thread: max_concurrent_queries of a server.
const maxQueries = 100

// handler serves ClickHouse's HTTP interface from a store.
type handler struct {
	store   *store
	options *Options
	log     *slog.Logger
	slots   chan struct{}
}

func newHandler(s *store, o *Options, log *slog.Logger) *handler {
	return &handler{store: s, options: o, log: log, slots: make(chan struct{}, maxQueries)}
}

// drain takes all slots, so that no query runs or can begin. It fails when queries still run after grace.
func (h *handler) drain(grace time.Duration) error {
	late := time.After(grace)
	for range cap(h.slots) {
		select {
		case h.slots <- struct{}{}:
		case <-late:
			return fmt.Errorf("stop the engine: queries still run after %v", grace)
		}
	}
	return nil
}

func (h *handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", ok)
	mux.HandleFunc("GET /replicas_status", ok)
	mux.HandleFunc("/", h.serve)
	return mux
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Ok.\n") }

func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-ClickHouse-Server-Display-Name", "hookline")
	if r.Method == http.MethodGet && r.URL.Path == "/" && !r.URL.Query().Has("query") {
		ok(w, r)
		return
	}
	if !h.options.authorized(r) {
		h.fail(w, r, exceptionf(codeAuthFailed, "AUTHENTICATION_FAILED",
			"Authentication failed: password is incorrect, or there is no user with such name"))
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		h.fail(w, r, exceptionf(codeTooManyQueries, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries. Maximum: %d", maxQueries))
		return
	}
	q, err := readRequest(r)
	if err == nil {
		err = h.run(w, r, q)
	}
	if err != nil {
		h.fail(w, r, err)
	}
}

// run carries out q and answers it. An error means that nothing was written yet.
func (h *handler) run(w http.ResponseWriter, r *http.Request, q *request) error {
	started := time.Now()
	s, err := h.store.session(r.Context(), uuid.NewString(), q.database, q.settings)
	if err != nil {
		return err
	}
	defer s.close()
	w.Header().Set("X-ClickHouse-Query-Id", q.id)
	res, err := h.execute(s, q)
	if err != nil {
		return err
	}
	defer res.close()
	h.answer(w, r, q, res, time.Since(started))
	return nil
}

func (h *handler) execute(s *session, q *request) (*result, error) {
	if q.statement.insert != "" {
		return executeInsert(s.conn, q)
	}
	// A server takes one statement a request; the engine would run them all.
	if n := s.statements(q.statement.text); n > 1 {
		return nil, exceptionf(codeSyntaxError, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed): %d statements in one request", n)
	}
	if q.statement.empty() {
		return nil, exceptionf(codeSyntaxError, "SYNTAX_ERROR", "Syntax error: Empty query")
	}
	return s.exec(q.statement.text, q.format, q.params)
}

// insertPiece is how much data the engine gets at once, in bytes.
const insertPiece = 1 << 20

// executeInsert hands the data on as it comes, in pieces: it is never held as a whole.
func executeInsert(c *conn, q *request) (*result, error) {
	in, err := c.insert(q.statement.head, q.statement.insert, q.params)
	if err != nil {
		return nil, err
	}
	pieces := bufio.NewWriterSize(in, insertPiece)
	_, err = pieces.ReadFrom(q.data)
	if err == nil {
		err = pieces.Flush()
	}
	if err != nil && !errors.Is(err, errInsertFailed) {
		in.cancel()
		return nil, exceptionf(codeCannotDecompress, "CANNOT_DECOMPRESS", "Cannot read the data to insert: %v", err)
	}
	return in.done()
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request, q *request, res *result, took time.Duration) {
	header := w.Header()
	header.Set("X-ClickHouse-Summary", res.summary(took))
	header.Set("X-ClickHouse-Timezone", "UTC")
	header.Set("X-ClickHouse-Format", q.rows())
	header.Set("Content-Type", contentType(q.rows()))
	data := res.data()
	if len(data) == 0 {
		header.Set("Content-Length", "0") // clickhouse-go's sign that there is no block to decode
		return
	}
	out := responseWriter(w, r, q)
	revision := q.revision
	if q.rows() != "Native" {
		revision = 0
	}
	if err := errors.Join(rewriteNative(out, data, revision), out.Close()); err != nil && r.Context().Err() == nil {
		// The status is sent; cutting the response short is what tells the client.
		h.log.Warn("response cut short", "query_id", q.id, "err", err)
		panic(http.ErrAbortHandler)
	}
}

// summary is what a server reports of a query's work, as JSON with numbers in strings.
func (r *result) summary(took time.Duration) string {
	return fmt.Sprintf(`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d","written_bytes":"%d","total_rows_to_read":"0","result_rows":"%d","result_bytes":"%d","elapsed_ns":"%d"}`,
		r.lib.readRows(r.handle), r.lib.readBytes(r.handle), r.lib.writtenRows(r.handle), r.lib.writtenBytes(r.handle),
		r.lib.resultRows(r.handle), r.lib.resultLength(r.handle), took.Nanoseconds())
}

func contentType(format string) string {
	switch format {
	case "JSON", "JSONCompact", "JSONStrings":
		return "application/json; charset=UTF-8"
	case "JSONEachRow", "NDJSON", "JSONLines":
		return "application/x-ndjson; charset=UTF-8"
	case "CSV", "CSVWithNames":
		return "text/csv; charset=UTF-8; header=present"
	case "TabSeparated", "TSV", "TabSeparatedWithNames", "TSVWithNames":
		return "text/tab-separated-values; charset=UTF-8"
	case "Native", "RowBinary", "RowBinaryWithNamesAndTypes", "Parquet", "Arrow", "ArrowStream":
		return "application/octet-stream"
	}
	return "text/plain; charset=UTF-8"
}

// fail answers with err in a server's form, which clients take apart.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *Exception
	if !errors.As(err, &e) {
		e = exceptionf(codeUnknown, "UNKNOWN_EXCEPTION", "%v", err)
	}
	if r.Context().Err() == nil {
		h.log.Debug("query failed", "code", e.Code, "err", e.Text)
	}
	w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code))
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(e.status())
	_, _ = io.WriteString(w, e.Text+"\n")
}
