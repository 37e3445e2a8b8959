package dashboards

import (
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// Everybody's Grafana asks ClickHouse as one user: so many people may leave the same board open all day without using
// up its quota.
func TestManyReadersFitIntoTheQuota(t *testing.T) {
	const readers = 50
	raw, err := os.ReadFile("../compose/clickhouse/users.d/hookline.xml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)<hookline_boards>.*?<duration>3600</duration>\s*<queries>(\d+)</queries>`).FindSubmatch(raw)
	if found == nil {
		t.Fatal("no quota of queries in an hour")
	}
	quota, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	for name, model := range decoded(t) {
		if *model.Refresh == "" {
			continue
		}
		every, err := time.ParseDuration(*model.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for _, variable := range model.Templating.List {
			if variable.Query != nil && variable.Datasource != nil {
				asked++
			}
		}
		for _, panel := range panelsOf(model) {
			for _, query := range panel.Targets {
				if query.DataqueryType() == ClickHouseType {
					asked++
				}
			}
		}
		if inAnHour := asked * int(time.Hour/every); inAnHour*readers > quota {
			t.Errorf("%s asks %d queries in an hour: %d readers use up the quota of %d", name, inAnHour, readers, quota)
		}
	}
}
