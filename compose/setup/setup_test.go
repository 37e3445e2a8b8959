package setup_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/setup"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestSetup(t *testing.T) {
	engine := testkit.Engine(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	o := setup.Options{
		SetupOptions: analytics.SetupOptions{Zones: []string{"UTC"}}, Wait: time.Minute,
		Kafka:      kafka.Options{Brokers: cluster.ListenAddrs(), TopicPrefix: "webhooks"},
		Topics:     kafka.TopicOptions{Partitions: 2, Replication: 1, Retention: time.Hour, DeadLetterMaxAge: time.Hour},
		ClickHouse: analytics.Options{DSN: analytics.DSN(engine.DSN + "/hookline")},
	}
	log := slog.New(slog.DiscardHandler)
	plan := func() string {
		t.Helper()
		var out bytes.Buffer
		if err := setup.Plan(t.Context(), log, o, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first := plan()
	for _, want := range []string{"create the topic webhooks.events\n", "create the topic webhooks.rejections\n", "CREATE DATABASE", "CREATE TABLE IF NOT EXISTS sales\n", "sales_rollup_refresh"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first plan has no %q", want)
		}
	}
	if got := engine.Ask(t, "", "SELECT count() FROM system.databases WHERE name = 'hookline'"); got != "0" {
		t.Error("planning made a database")
	}
	if err := setup.Run(t.Context(), log, o); err != nil {
		t.Fatal(err)
	}
	if second := plan(); strings.Contains(second, "create the topic") || strings.Contains(second, "CREATE TABLE") || strings.Contains(second, "REFRESH") {
		t.Errorf("there is still to do:\n%s", second)
	}

	// More months than one run of the rollup recomputes: setup returns when the new zone has them all.
	store(t, o.ClickHouse, 10)
	o.Zones = []string{"UTC", "Asia/Kathmandu"}
	if err := setup.Run(t.Context(), log, o); err != nil {
		t.Fatal(err)
	}
	if got := engine.Ask(t, "", "SELECT count() FROM hookline.sales_per_month WHERE zone = 'Asia/Kathmandu'"); got != "10" {
		t.Errorf("the new zone has %s months, want 10", got)
	}

	// As after an upgrade, or at each start of the local stack: zones that are stored stay.
	o.Zones = nil
	if err := setup.Run(t.Context(), log, o); err != nil {
		t.Fatal(err)
	}
	if got := engine.Ask(t, "", "SELECT count() FROM hookline.sales_per_month WHERE zone = 'Asia/Kathmandu'"); got != "10" {
		t.Errorf("after a plain setup the zone has %s months, want 10", got)
	}
	// Nothing can compute the old months once their sales are deleted.
	o.Keep.Sales, o.Zones = 1, []string{"Asia/Tokyo"}
	var said bytes.Buffer
	if err := setup.Run(t.Context(), slog.New(slog.NewTextHandler(&said, nil)), o); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "zone=Asia/Tokyo months=") {
		t.Errorf("no warning of months that the new zone does not get:\n%s", said.String())
	}
}

// store stores one sale in each of so many months.
func store(t *testing.T, where analytics.Options, months int) {
	t.Helper()
	db, err := analytics.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := analytics.NewBatch()
	for i := range months {
		at := time.Date(2026, time.Month(-i), 15, 12, 0, 0, 0, time.UTC)
		id := at.Format(time.DateOnly)
		if err := rows.Append(analytics.Row{
			Event:   schemas.Event{ID: id, Vendor: "acme", Type: "paid", Time: at, Received: at, Data: []byte("{}")},
			Outcome: vendors.Outcome{Effects: []vendors.Effect{{Kind: vendors.KindSale, Key: id, Amount: decimal.New(1, 0), Currency: "EUR", Time: at}}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}
