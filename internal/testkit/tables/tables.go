// Package tables prepares engines for tests that need hookline's tables.
package tables

import (
	"testing"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
)

// Prepared begins engines with all that hookline setup makes, for these reporting zones.
func Prepared(zones ...string) *testkit.Prepared {
	return &testkit.Prepared{Setup: func(t testing.TB, e *testkit.EngineProcess) { Setup(t, e, zones...) }}
}

// Setup is what hookline setup does to ClickHouse.
func Setup(t testing.TB, e *testkit.EngineProcess, zones ...string) {
	t.Helper()
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(e.DSN + "/hookline")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: zones}); err != nil {
		t.Fatal(err)
	}
}
