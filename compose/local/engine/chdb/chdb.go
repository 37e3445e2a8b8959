// Package chdb makes a process a ClickHouse server of the shared library libchdb. It is apart from package engine, which
// starts such processes, because it needs a dynamic linker: the program hookline is static.
package chdb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"github.com/ebitengine/purego"
)

// serveQueries make a ClickHouse server of the library. It carries the handlers of both protocols, but starts them only
// in a process that runs as `clickhouse local` does, which ends when its queries do: the last one takes a century.
const serveQueries = `SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP;
	SELECT sleepEachRow(3) FROM numbers(1000000000) FORMAT Null SETTINGS function_sleep_max_microseconds_per_block = 0, max_block_size = 1`

// Serve makes this process a ClickHouse server of the shared library libchdb, with the configuration at config. It ends
// with standard input, of which the parent holds the other end, so that it outlives no parent: what an INSERT was
// acknowledged for is stored whatever ends the process. The library aborts where a server would log an exception that
// nothing catches: after a failed handshake of the native protocol, such as with a wrong password. The functions of the library are declared in chdb.h
// (https://github.com/chdb-io/chdb-core/blob/main/programs/local/chdb.h).
func Serve(library, config string) error {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load libchdb: %w", err)
	}
	var handleSignals func(enabled int32)
	var run func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	var failure func(result unsafe.Pointer) string
	var onSignal func(signal int32, handler uintptr) uintptr
	for name, fn := range map[string]any{
		"signal":                           &onSignal, // libc's, which libchdb depends on
		"chdb_set_signal_handlers_enabled": &handleSignals,
		"chdb_query_cmdline":               &run,
		"chdb_result_error":                &failure,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return fmt.Errorf("load libchdb: %w", err)
		}
		purego.RegisterFunc(fn, symbol)
	}
	handleSignals(0)                    // the Go runtime needs its own: it preempts goroutines by signal
	onSignal(int32(syscall.SIGABRT), 0) // but for the library's abort, which ends the process at once
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	argv := arguments("clickhouse", "--config-file="+config, "--multiquery", "--query="+serveQueries)
	result := run(int32(len(argv)-1), unsafe.Pointer(unsafe.SliceData(argv))) //nolint:gosec // four
	runtime.KeepAlive(argv)
	if text, _, _ := strings.Cut(failure(result), ", Stack trace"); text != "" {
		return errors.New(text)
	}
	return errors.New("the server has stopped")
}

// arguments returns a command line as C has it: strings that end with NUL, and NULL after the last.
func arguments(args ...string) []unsafe.Pointer {
	var argv []unsafe.Pointer
	for _, arg := range args {
		argv = append(argv, unsafe.Pointer(unsafe.SliceData(append([]byte(arg), 0)))) //nolint:gosec // for C
	}
	return append(argv, nil)
}
