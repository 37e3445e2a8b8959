//nolint:gosec // the border to C, where unsafe is at home
package engine

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"unsafe"
)

// conn is one connection to the engine. It runs one statement at a time and has settings and a current
// database of its own; connections do not wait for one another. Opening one takes 0.1 ms.
type conn struct {
	lib    *library
	handle unsafe.Pointer // chdb_connection *
}

// dial opens a connection. The first one in the process starts the engine, with args as its command line;
// the last one to close stops it.
func (l *library) dial(args []string) (*conn, error) {
	argv := make([]unsafe.Pointer, 0, 1+len(args))
	for _, arg := range append([]string{"hookline"}, args...) {
		argv = append(argv, unsafe.Pointer(unsafe.SliceData(append([]byte(arg), 0))))
	}
	handle := l.connect(int32(len(argv)), unsafe.Pointer(unsafe.SliceData(argv)))
	runtime.KeepAlive(argv)
	if handle == nil {
		return nil, errors.New("the engine refused a connection")
	}
	return &conn{lib: l, handle: handle}, nil
}

func (c *conn) close() { c.lib.closeConn(c.handle) }

// pointer is the chdb_connection that chdb_connect's result points to.
func (c *conn) pointer() unsafe.Pointer { return *(*unsafe.Pointer)(c.handle) }

// statements returns how many statements query holds, and 0 where it cannot be parsed.
func (c *conn) statements(query string) int {
	var analysis struct{ size, count, flags, class uint32 } // chdb_query_analysis_v1
	analysis.size = uint32(unsafe.Sizeof(analysis))
	sql, n := bytesOf(query)
	c.lib.classify(c.pointer(), sql, n, nil, 0, unsafe.Pointer(&analysis))
	runtime.KeepAlive(query)
	return int(analysis.count)
}

// exec runs query to its end. format is that of the rows where the query names none. The error is an
// *Exception.
func (c *conn) exec(query, format string, params map[string]string) (*result, error) {
	q, qn := bytesOf(query)
	f, fn := bytesOf(format)
	p := newParameters(params)
	handle := c.lib.query(c.pointer(), q, qn, f, fn, p.names(), p.nameLens(), p.values(), p.valueLens(), p.count())
	runtime.KeepAlive(query)
	runtime.KeepAlive(format)
	runtime.KeepAlive(p)
	return c.lib.result(handle)
}

// insert begins an INSERT whose data follows in the given format. query ends before its FORMAT clause.
func (c *conn) insert(query, format string, params map[string]string) (*insert, error) {
	q, qn := bytesOf(query)
	f, fn := bytesOf(format)
	p := newParameters(params)
	stream := c.lib.insertBegin(c.pointer(), q, qn, f, fn, p.names(), p.nameLens(), p.values(), p.valueLens(), p.count())
	runtime.KeepAlive(query)
	runtime.KeepAlive(format)
	runtime.KeepAlive(p)
	if text := goString(c.lib.insertError(stream)); text != "" {
		c.lib.insertDestroy(stream)
		return nil, newException(text)
	}
	return &insert{lib: c.lib, stream: stream}, nil
}

// insert is an INSERT under way. After done or cancel it is gone.
type insert struct {
	lib    *library
	stream unsafe.Pointer
}

// Write implements io.Writer: it hands p to the engine and waits while the engine is behind. An error says
// only that the engine has given up; done says why.
func (i *insert) Write(p []byte) (int, error) {
	if i.lib.insertAppend(i.stream, unsafe.Pointer(unsafe.SliceData(p)), uintptr(len(p))) != 0 {
		return 0, errInsertFailed
	}
	return len(p), nil
}

var errInsertFailed = errors.New("the engine stopped reading the data")

// done ends the data and waits until the engine has stored it. The error is an *Exception.
func (i *insert) done() (*result, error) {
	defer i.lib.insertDestroy(i.stream)
	return i.lib.result(i.lib.insertDone(i.stream))
}

// cancel gives up the INSERT. Blocks that are stored already stay, as in ClickHouse.
func (i *insert) cancel() {
	i.lib.insertCancel(i.stream)
	i.lib.insertDestroy(i.stream)
}

// result is what a statement returned. Its data is C memory: close it.
type result struct {
	lib    *library
	handle unsafe.Pointer
}

func (l *library) result(handle unsafe.Pointer) (*result, error) {
	if text := goString(l.resultError(handle)); text != "" {
		l.destroyResult(handle)
		return nil, newException(text)
	}
	return &result{lib: l, handle: handle}, nil
}

// data returns the rows, formatted. The slice is valid until close.
func (r *result) data() []byte {
	return unsafe.Slice((*byte)(r.lib.resultBuffer(r.handle)), int(r.lib.resultLength(r.handle)))
}

func (r *result) close() { r.lib.destroyResult(r.handle) }

// parameters are the values of {name:Type} placeholders, laid out as C wants them. They are binary-safe.
type parameters struct {
	keys, vals         []unsafe.Pointer
	keyLength, vlength []uintptr
	keep               []string
}

func newParameters(params map[string]string) *parameters {
	p := &parameters{}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		key, keyLength := bytesOf(name)
		value, valueLength := bytesOf(params[name])
		p.keys, p.keyLength = append(p.keys, key), append(p.keyLength, keyLength)
		p.vals, p.vlength = append(p.vals, value), append(p.vlength, valueLength)
		p.keep = append(p.keep, name, params[name])
	}
	return p
}

func (p *parameters) names() unsafe.Pointer     { return unsafe.Pointer(unsafe.SliceData(p.keys)) }
func (p *parameters) nameLens() unsafe.Pointer  { return unsafe.Pointer(unsafe.SliceData(p.keyLength)) }
func (p *parameters) values() unsafe.Pointer    { return unsafe.Pointer(unsafe.SliceData(p.vals)) }
func (p *parameters) valueLens() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(p.vlength)) }
func (p *parameters) count() uintptr            { return uintptr(len(p.keys)) }
