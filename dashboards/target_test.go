package dashboards

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTargetComesBackAsItWas(t *testing.T) {
	for _, kind := range []QueryType{TableQuery, TimeSeriesQuery} {
		target := NewTarget("A", kind, "SELECT 'it''s' WHERE $__timeFilter(at)")
		raw, err := json.Marshal(target)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeTarget(raw, true)
		if err != nil {
			t.Fatal(err)
		}
		if !target.Equals(back) || target.Equals(NewTarget("B", kind, target.RawSQL)) {
			t.Errorf("%s came back as %+v", raw, back)
		}
	}
}

func TestTargetIsDecodedStrictly(t *testing.T) {
	raw, err := json.Marshal(NewTarget("A", TableQuery, "SELECT 1"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown field":      {`"rawSql"`, `"rawSQL2":1,"rawSql"`},
		"time series as 1":   {`"queryType":"table"`, `"queryType":"timeseries"`},
		"unknown shape":      {`"queryType":"table"`, `"queryType":"logs"`},
		"not written in SQL": {`"editorType":"sql"`, `"editorType":"builder"`},
		"no SQL":             {`SELECT 1`, ``},
	} {
		changed := strings.Replace(string(raw), change[0], change[1], 1)
		if changed == string(raw) {
			t.Fatalf("%s: nothing changed in %s", name, raw)
		}
		if target, err := decodeTarget([]byte(changed), true); err == nil {
			t.Errorf("%s: decoded as %+v", name, target)
		}
	}
}

func TestDecodeFindsWhatGrafanaWouldIgnore(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	raw := string(files[SalesUID+".json"])
	for _, change := range [][2]string{
		{`"editorType"`, `"editor"`},
		{`"stacking": "normal"`, `"stackings": "normal"`},
		{`"gridPos"`, `"gridpos"`},
		{`"refresh"`, `"refreshEvery"`},
		{`"type": "barchart"`, `"type": "bartchart"`},
		{`"type": "grafana-clickhouse-datasource"`, `"type": "clickhouse"`},
	} {
		changed := strings.Replace(raw, change[0], change[1], 1)
		if changed == raw {
			t.Fatalf("%s is not in the board", change[0])
		}
		if _, err := Decode([]byte(changed)); err == nil {
			t.Errorf("%s instead of %s was not noticed", change[1], change[0])
		}
	}
}
