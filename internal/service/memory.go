package service

import (
	"os"
	"runtime/debug"
)

// GrowHeap says by how many percent of what is live the heap may grow before Go collects garbage, in place of Go's
// default of 100; GOGC, if it is set, has the last word. The hard bound is GOMEMLIMIT, which the deployment sets by the
// container's limit.
func GrowHeap(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
