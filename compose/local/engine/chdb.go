//nolint:gosec // the border to C, where unsafe is at home
package engine

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is libchdb, ClickHouse as a shared library. Its functions are declared in chdb.h
// (https://github.com/chdb-io/chdb-core/blob/main/programs/local/chdb.h).
//
// The official Go binding panics at import where the library is missing and cuts strings at the first NUL
// byte, so the functions that take lengths are bound here. Pointers to C memory are unsafe.Pointer; no
// function keeps a pointer that it is given.
type library struct {
	handleSignals func(enabled int32)
	connect       func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn     func(conn unsafe.Pointer)
	version       func() string

	classify func(conn unsafe.Pointer, sql unsafe.Pointer, sqlLen uintptr, database unsafe.Pointer, databaseLen uintptr, analysis unsafe.Pointer) int32
	query    func(conn unsafe.Pointer, query unsafe.Pointer, queryLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer

	destroyResult func(result unsafe.Pointer)
	resultBuffer  func(result unsafe.Pointer) unsafe.Pointer
	resultLength  func(result unsafe.Pointer) uintptr
	resultError   func(result unsafe.Pointer) unsafe.Pointer
	resultRows    func(result unsafe.Pointer) uint64
	readRows      func(result unsafe.Pointer) uint64
	readBytes     func(result unsafe.Pointer) uint64
	writtenRows   func(result unsafe.Pointer) uint64
	writtenBytes  func(result unsafe.Pointer) uint64

	insertBegin func(conn unsafe.Pointer, query unsafe.Pointer, queryLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer
	insertAppend  func(stream unsafe.Pointer, data unsafe.Pointer, dataLen uintptr) int32
	insertDone    func(stream unsafe.Pointer) unsafe.Pointer
	insertCancel  func(stream unsafe.Pointer)
	insertError   func(stream unsafe.Pointer) unsafe.Pointer
	insertDestroy func(stream unsafe.Pointer)
}

// loadLibrary opens the shared library at path. It stays loaded until the process ends.
func loadLibrary(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load libchdb: %w", err)
	}
	var l library
	var setenv func(name, value string, overwrite int32) int32
	for name, fn := range map[string]any{
		"chdb_set_signal_handlers_enabled": &l.handleSignals,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_version":                     &l.version,
		"chdb_classify_query_n":            &l.classify,
		"chdb_query_with_params_n":         &l.query,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_error":                &l.resultError,
		"chdb_result_rows_read":            &l.resultRows,
		"chdb_result_storage_rows_read":    &l.readRows,
		"chdb_result_storage_bytes_read":   &l.readBytes,
		"chdb_result_rows_written":         &l.writtenRows,
		"chdb_result_bytes_written":        &l.writtenBytes,
		"chdb_stream_insert_with_params_n": &l.insertBegin,
		"chdb_stream_append":               &l.insertAppend,
		"chdb_stream_done":                 &l.insertDone,
		"chdb_stream_cancel_insert":        &l.insertCancel,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.insertDestroy,
		"setenv":                           &setenv, // libc's, which libchdb depends on
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("load libchdb: %w", err)
		}
		purego.RegisterFunc(fn, symbol)
	}
	// The Go runtime needs its own handlers: it preempts goroutines by signal and turns faults into panics.
	l.handleSignals(0)
	// The engine takes its time zone from the C environment, which os.Setenv does not reach.
	setenv("TZ", "UTC", 1)
	return &l, nil
}

// bytesOf returns where s is, for a call that only reads it.
func bytesOf(s string) (unsafe.Pointer, uintptr) {
	return unsafe.Pointer(unsafe.StringData(s)), uintptr(len(s))
}

// goString copies a C string; "" for NULL.
func goString(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}
