package ingest

import (
	"strings"
	"testing"
)

func TestConnectionsFitTheFiles(t *testing.T) {
	for _, test := range []struct {
		connections int
		files       uint64
		want        int
		warned      bool
	}{
		{4096, 1 << 20, 4096, false},
		{4096, 4352, 4096, false},
		{4096, 4351, 4095, true},
		{4096, 1024, 768, true},
		{4096, 256, 128, true},
		{4096, 1, 1, true},
		{0, 1<<64 - 1, 0, false},
		{0, 1 << 20, 1<<20 - 256, true},
		{0, 1024, 768, true},
	} {
		o := LimitOptions{MaxConnections: test.connections}
		warning := o.fit(test.files)
		if o.MaxConnections != test.want || (warning != "") != test.warned || test.warned && !strings.Contains(warning, "ulimit -n") {
			t.Errorf("%d connections, %d files: %d, %q", test.connections, test.files, o.MaxConnections, warning)
		}
	}
}
