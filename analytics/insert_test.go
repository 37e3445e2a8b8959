package analytics

import (
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestSettingsOfOneProtocol(t *testing.T) {
	for dsn, protocol := range map[DSN]clickhouse.Protocol{
		"clickhouse://localhost:9000/hookline":             clickhouse.Native,
		"clickhouse://localhost:9440/hookline?secure=true": clickhouse.Native,
		"tcp://localhost:9000/hookline":                    clickhouse.Native,
		"http://localhost:8123/hookline":                   clickhouse.HTTP,
		"https://localhost:8443/hookline?secure=true":      clickhouse.HTTP,
	} {
		db, err := Open(t.Context(), Options{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_, sent := insertSettings(db.opt.Protocol)["wait_end_of_query"]
		if sent != (protocol == clickhouse.HTTP) {
			t.Errorf("%s: wait_end_of_query is sent: %v", dsn, sent)
		}
	}
}
