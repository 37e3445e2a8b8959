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

// A setting that a server does not know fails each INSERT. The versions are those of ClickHouse's changelog.
func TestEveryServerKnowsTheSettingsOfInserts(t *testing.T) {
	since := map[string]string{"insert_deduplicate": "19", "insert_deduplication_token": "22.1", "async_insert": "21.11"}
	for name := range insertSettings(clickhouse.Native) {
		if since[name] == "" {
			t.Errorf("%s is no setting of ClickHouse 24.10, the oldest that hookline works with", name)
		}
	}
}
