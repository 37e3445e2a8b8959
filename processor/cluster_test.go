//go:build cluster

package processor_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor/reprocess"
)

// TestCluster runs setup, the processor, redeliveries, reprocess and audit on each of three shards, over the native protocol,
// and then reads the figures of all shards at once.
func TestCluster(t *testing.T) {
	engines := testkit.Cluster(t, 3, "")
	const n = 200
	for i, engine := range engines {
		t.Run("shard "+strconv.Itoa(i+1), func(t *testing.T) { shard(t, engine, i*1000, n) })
	}
	if got := engines[0].Ask(t, "", "SELECT uniqExact(hostName() || toString(tcpPort())), count() FROM clusterAllReplicas('hookline', hookline.current_sales)"); got != fmt.Sprintf("3\t%d", 3*n) {
		t.Errorf("over all shards: %s, want 3 shards and %d sales", got, 3*n)
	}
}

// shard stores n sales, each delivered twice, and looks for what is missing or counted twice.
func shard(t *testing.T, engine *testkit.EngineProcess, from, n int) {
	o := analytics.Options{DSN: analytics.DSN(engine.As(t, "migrator") + "/hookline")}
	db, err := analytics.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 2 {
		if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}}); err != nil {
			t.Fatal(err)
		}
	}
	s := newStackOver(t, engine, 4)
	events := sales(from, from+n, time.Now())
	s.produce(events...)
	stop := s.start()
	s.wantSales(n)
	s.produce(events...) // redelivered
	s.wantAllCommitted()
	s.wantSales(n)
	// What is deleted comes back with the next delivery, although ClickHouse has seen the very same rows.
	engine.Ask(t, "hookline", "ALTER TABLE sales DELETE WHERE 1 SETTINGS mutations_sync = 2")
	s.produce(events...)
	s.wantAllCommitted()
	s.wantSales(n)
	if totals := s.audit(false).Totals; !totals.Passed() {
		t.Errorf("audit: %+v", totals)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := reprocess.Run(t.Context(), slog.New(slog.DiscardHandler), reprocess.Options{Vendor: "acme", Vendors: s.vendors, Page: 50, ClickHouse: o}); err != nil {
		t.Errorf("reprocess: %v", err)
	}
	s.wantSales(n)
}
