package analytics_test

import (
	"testing"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// open returns a set-up database in a new engine.
func open(t testing.TB, zones ...string) (*analytics.DB, *testkit.EngineProcess) {
	t.Helper()
	e := testkit.Engine(t)
	db := connect(t, e)
	if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: zones}); err != nil {
		t.Fatal(err)
	}
	return db, e
}

func connect(t testing.TB, e *testkit.EngineProcess) *analytics.DB {
	t.Helper()
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(e.DSN + "/hookline")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestSmoke(t *testing.T) {
	db, _ := open(t, "UTC", "Africa/Lagos")
	if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}
