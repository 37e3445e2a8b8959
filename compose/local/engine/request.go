package engine

import (
	"bytes"
	"crypto/subtle"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// maxStatement bounds the text of a statement, in bytes, without the data of an INSERT. The engine's own
// limit, max_query_size, is lower unless a request raises it.
const maxStatement = 16 << 20

// request is a request of ClickHouse's HTTP interface (https://clickhouse.com/docs/interfaces/http).
type request struct {
	id        string
	statement statement
	data      io.Reader // what follows the statement, for an INSERT
	params    map[string]string
	settings  map[string]string
	database  string
	format    string // of the rows, unless the statement names one
	revision  uint64 // of Native blocks
	compress  bool   // frame the response in ClickHouse's own compression
	method    string // of that: LZ4, ZSTD or NONE
	level     uint32
}

// isOption says whether a URL parameter is neither a setting nor a query parameter.
func isOption(name string) bool {
	switch name {
	case "query", "query_id", "database", "default_format", "user", "password", "quota_key", "role", "stacktrace",
		"compress", "decompress", "network_compression_method", "network_zstd_compression_level",
		"enable_http_compression", "http_zlib_compression_level", "client_protocol_version",
		"wait_end_of_query", "buffer_size", "send_progress_in_http_headers":
		return true
	}
	return false
}

// readRequest reads r up to the end of the statement. The error is an *Exception.
func readRequest(r *http.Request) (*request, error) {
	values := r.URL.Query()
	for _, name := range []string{"session_id", "session_timeout", "session_check"} {
		if values.Has(name) { // to leave it out silently would give wrong answers
			return nil, exceptionf(codeNotImplemented, "NOT_IMPLEMENTED", "The local engine has no sessions: leave out %s", name)
		}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil, exceptionf(codeNotImplemented, "NOT_IMPLEMENTED", "The local engine takes no external tables")
	}
	body, err := requestBody(r, values.Get("decompress") == "1")
	if err != nil {
		return nil, err
	}
	q := newRequest(r, values)
	return q, q.readStatement(values.Get("query"), body)
}

func newRequest(r *http.Request, values url.Values) *request {
	first := func(parameter, header, fallback string) string {
		if v := values.Get(parameter); v != "" {
			return v
		}
		if v := r.Header.Get(header); v != "" {
			return v
		}
		return fallback
	}
	q := &request{
		id:       first("query_id", "X-ClickHouse-Query-Id", ""),
		params:   map[string]string{},
		settings: map[string]string{},
		database: first("database", "X-ClickHouse-Database", ""),
		format:   first("default_format", "X-ClickHouse-Format", "TabSeparated"),
		compress: values.Get("compress") == "1",
		method:   strings.ToUpper(first("network_compression_method", "", "LZ4")),
	}
	if q.id == "" {
		q.id = uuid.NewString()
	}
	q.revision, _ = strconv.ParseUint(values.Get("client_protocol_version"), 10, 32)
	level, _ := strconv.ParseUint(values.Get("network_zstd_compression_level"), 10, 8)
	q.level = uint32(level)
	for name := range values {
		if parameter, ok := strings.CutPrefix(name, "param_"); ok {
			q.params[parameter] = values.Get(name)
		} else if !isOption(name) {
			q.settings[name] = values.Get(name)
		}
	}
	if r.Method != http.MethodPost {
		q.settings["readonly"] = "2" // as a server does: a GET changes nothing
	}
	return q
}

// readStatement splits query and body, which together are the statement and its data.
func (q *request) readStatement(query string, body io.Reader) error {
	if query != "" {
		query += "\n"
	}
	s := parseStatement(query)
	if s.insert == "" {
		more, err := io.ReadAll(io.LimitReader(body, maxStatement+1))
		if err != nil {
			return exceptionf(codeCannotDecompress, "CANNOT_DECOMPRESS", "Cannot read the request's body: %v", err)
		}
		query += string(more)
		s = parseStatement(query)
	}
	if len(s.text) > maxStatement {
		return exceptionf(codeQueryTooLarge, "QUERY_IS_TOO_LARGE", "The statement is longer than %d bytes", maxStatement)
	}
	q.statement = s
	if s.insert != "" {
		q.data = io.MultiReader(bytes.NewReader([]byte(query[s.data:])), body)
	}
	return nil
}

// rows is the format in which rows go out.
func (q *request) rows() string {
	if q.statement.format != "" {
		return q.statement.format
	}
	return q.format
}

// authorized says whether r names the user of o and that user's password.
func (o *Options) authorized(r *http.Request) bool {
	user, password := r.URL.Query().Get("user"), r.URL.Query().Get("password")
	if u, p, ok := r.BasicAuth(); ok {
		user, password = u, p
	}
	if u := r.Header.Get("X-ClickHouse-User"); u != "" {
		user, password = u, r.Header.Get("X-ClickHouse-Key")
	}
	if user == "" {
		user = defaultUser
	}
	want := o.User
	if want == "" {
		want = defaultUser
	}
	sameUser := subtle.ConstantTimeCompare([]byte(user), []byte(want))
	samePassword := subtle.ConstantTimeCompare([]byte(password), o.Password.Reveal())
	return sameUser&samePassword == 1
}

const defaultUser = "default" // of ClickHouse
