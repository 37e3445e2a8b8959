package clickhouse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/dashboards/preview"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// TestWhoMayDoWhat sets a database up as migrator and then uses it as each of the other users.
func TestWhoMayDoWhat(t *testing.T) {
	passwords(t)
	dir := t.TempDir()
	var tables, views []string
	session := func(user string, do func(t *testing.T, e *testkit.EngineProcess)) {
		t.Helper()
		if !t.Run(user, func(t *testing.T) {
			e := as(t, dir, strings.TrimSuffix(user, " again"))
			do(t, e)
			e.Stop()
		}) {
			t.FailNow()
		}
	}

	session("migrator", func(t *testing.T, e *testkit.EngineProcess) {
		db := connect(t, e)
		for _, zones := range [][]string{{"UTC"}, {"UTC", "Africa/Lagos"}} {
			o := analytics.SetupOptions{Zones: zones, Keep: analytics.Retention{Events: 400}}
			if _, err := db.Plan(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if err := db.Setup(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		grants, err := db.Grants(t.Context())
		if err != nil || len(grants.Store)+len(grants.SetUp) > 0 {
			t.Errorf("grants %+v, %v", grants, err)
		}
		insert(t, db)
		if err := db.HealStrays(t.Context()); err != nil {
			t.Error(err)
		}
		mayNot(t, e, denied, "CREATE DATABASE other")
		mayNot(t, e, denied, "CREATE USER other")
		mayNot(t, e, denied, "SELECT * FROM url('http://127.0.0.1:1', 'CSV', 'a String')")
	})

	// In the engine migrator was its user default, whom the views now name.
	session("", func(t *testing.T, e *testkit.EngineProcess) {
		list := func(condition string) []string {
			return strings.Split(may(t, e, "SELECT name FROM system.tables WHERE database = 'hookline' AND "+condition+" ORDER BY name"), "\n")
		}
		tables, views = list("engine LIKE '%MergeTree'"), list("engine = 'View'")
		for _, view := range append(list("engine = 'MaterializedView'"), views...) {
			may(t, e, "ALTER TABLE hookline."+view+" MODIFY SQL SECURITY DEFINER DEFINER = migrator")
		}
		if got := may(t, e, "SELECT count() FROM system.tables WHERE database = 'hookline' AND engine LIKE '%View' AND create_table_query NOT LIKE '%DEFINER = migrator SQL SECURITY DEFINER%'"); got != "0" {
			t.Errorf("%s views do not read with migrator's rights", got)
		}
	})

	session("writer", func(t *testing.T, e *testkit.EngineProcess) {
		db := connect(t, e)
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		insert(t, db)
		if err := db.InsertRejections(t.Context(), []schemas.Rejection{{Vendor: "acme", Reason: "signature", Instance: "a", Minute: time.Now(), Count: 1}}); err != nil {
			t.Error(err)
		}
		if err := db.InsertDeadLetters(t.Context(), []analytics.DeadLetter{{Event: schemas.Event{Vendor: "acme", Received: time.Now()}, Changed: time.Now()}}); err != nil {
			t.Error(err)
		}
		if err := db.InsertActionResults(t.Context(), []analytics.ActionResult{{Vendor: "acme", EventID: "evt_1", Started: time.Now()}}); err != nil {
			t.Error(err)
		}
		if err := db.WriteLedger(t.Context(), []analytics.LedgerEntry{{Group: "g", Topic: "t", End: 1}}); err != nil {
			t.Error(err)
		}
		if _, err := db.LedgerToday(t.Context(), "g"); err != nil {
			t.Error(err)
		}
		grants, err := db.Grants(t.Context())
		if err != nil || len(grants.Store) > 0 || len(grants.SetUp) == 0 {
			t.Errorf("grants %+v, %v", grants, err)
		}
		if _, err := db.Schema(t.Context()); err != nil {
			t.Error(err)
		}
		for _, sql := range []string{"SELECT payload FROM hookline.events", "SELECT gross FROM hookline.sales_per_month", "ALTER TABLE hookline.sales DELETE WHERE 1", "DROP TABLE hookline.sales", "TRUNCATE TABLE hookline.sales",
			"INSERT INTO hookline.exchange_rates (day) VALUES ('2026-01-01')", "CREATE TABLE hookline.more (a UInt8) ENGINE = Memory"} {
			mayNot(t, e, denied, sql)
		}
	})

	session("migrator again", func(t *testing.T, e *testkit.EngineProcess) { // its rights are enough for the refreshes
		testkit.Eventually(t, time.Minute, func() error {
			answer, _ := e.Try(t, "", "SELECT sum(orders) FROM hookline.sales_per_month WHERE zone = 'Africa/Lagos'")
			if answer != "2" {
				return fmt.Errorf("%s orders in the view, want 2", answer)
			}
			for _, view := range []string{"sales_rollup", "sales_edges", "vendor_rollup"} {
				may(t, e, "SYSTEM REFRESH VIEW hookline."+view+"_refresh")
			}
			if failed := may(t, e, "SELECT view, exception FROM system.view_refreshes WHERE exception != ''"); failed != "" {
				return errors.New(failed)
			}
			return nil
		})
	})

	session("analyst", func(t *testing.T, e *testkit.EngineProcess) {
		for _, view := range views {
			may(t, e, "SELECT * FROM hookline."+view)
		}
		for _, table := range tables {
			mayNot(t, e, denied, "SELECT * FROM hookline."+table)
		}
		if got := may(t, e, "SELECT orders FROM hookline.sales_per_month WHERE zone = 'UTC'"); got != "2" {
			t.Errorf("%q orders", got)
		}
		for _, query := range documented(t) {
			may(t, e, query)
		}
		reader(t, e)
	})

	session("grafana", func(t *testing.T, e *testkit.EngineProcess) {
		for _, view := range views {
			may(t, e, "SELECT * FROM hookline."+view)
		}
		boards(t, e)
		mayNot(t, e, denied, "SELECT payload FROM hookline.events")
		mayNot(t, e, denied, "SELECT * FROM hookline.sales")
		reader(t, e)
	})

	session("engineer", func(t *testing.T, e *testkit.EngineProcess) {
		for _, name := range slices.Concat(tables, views) {
			may(t, e, "SELECT * FROM hookline."+name)
		}
		may(t, e, "INSERT INTO hookline.exchange_rates (day, currency, target, rate) VALUES ('2026-01-01', 'USD', 'EUR', 0.9)")
		may(t, e, "SELECT table, sum(bytes_on_disk) FROM system.parts WHERE database = 'hookline' GROUP BY table")
		may(t, e, "SHOW CREATE TABLE hookline.sales")
		for _, sql := range []string{"INSERT INTO hookline.sales (vendor) VALUES ('acme')", "ALTER TABLE hookline.sales DELETE WHERE 1", "DROP TABLE hookline.sales", "CREATE TABLE hookline.more (a UInt8) ENGINE = Memory", "CREATE USER other"} {
			mayNot(t, e, denied, sql)
		}
		mayNot(t, e, constraint, "SELECT 1 SETTINGS max_execution_time = 36000")
	})
}

// reader tests what holds for everyone who only reads.
func reader(t *testing.T, e *testkit.EngineProcess) {
	t.Helper()
	mayNot(t, e, denied, "INSERT INTO hookline.exchange_rates (day) VALUES ('2026-01-01')")
	mayNot(t, e, denied, "DROP VIEW hookline.sales_per_month")
	mayNot(t, e, "TOO_MANY_ROWS", "SELECT sum(number) FROM numbers(1000000000)")
	mayNot(t, e, "TOO_MANY_ROWS", "SELECT number FROM numbers(1100000)")
	mayNot(t, e, "MEMORY_LIMIT_EXCEEDED", "SELECT uniqExact(number) FROM numbers(400000000) SETTINGS max_memory_usage = 10000000")
	for _, setting := range []string{"max_execution_time = 0", "max_execution_time = 61", "max_memory_usage = 0", "max_rows_to_read = 0", "max_result_rows = 0", "timeout_overflow_mode = 'break'", "read_overflow_mode = 'break'", "result_overflow_mode = 'break'"} {
		mayNot(t, e, constraint, "SELECT 1 SETTINGS "+setting)
	}
	mayNot(t, e, "READONLY", "SELECT 1 SETTINGS readonly = 0")
	may(t, e, "SELECT 1 SETTINGS max_execution_time = 35") // as Grafana does
}

// insert stores the same sale for each user, and another one.
func insert(t *testing.T, db *analytics.DB) {
	t.Helper()
	at := time.Date(2026, 10, 15, 12, 0, 0, 0, time.UTC)
	rows := analytics.NewBatch()
	for _, id := range []string{"evt_1", "evt_2"} {
		row := analytics.Row{
			Event:   schemas.Event{ID: id, Vendor: "acme", Type: "charge.succeeded", Time: at, Received: at.Add(time.Second), Proof: schemas.ProofBody, Data: []byte("{}")},
			Outcome: vendors.Outcome{Effects: []vendors.Effect{{Kind: vendors.KindSale, Key: id, Amount: decimal.New(1234, -2), Currency: "EUR", Time: at}}},
		}
		if err := rows.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

// documented are the queries of docs/data.md.
func documented(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../analytics/queries/examples/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no documented queries", err)
	}
	var out []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// boards asks all that Grafana's boards and alert rules ask of ClickHouse.
func boards(t *testing.T, e *testkit.EngineProcess) {
	t.Helper()
	generated, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := preview.Open(e.DSN + "/hookline")
	if err != nil {
		t.Fatal(err)
	}
	npm, err := packages.Ensure(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := preview.Handler(preview.Options{Boards: generated, Order: dashboards.UIDs(), Assets: npm.NodeModules(), Engine: engine, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	get := func(path string) (int, []byte) {
		r, err := http.Get(server.URL + "/api/boards/" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, body
	}
	asked := 0
	for _, uid := range dashboards.UIDs() {
		var board struct {
			Panels []struct {
				ID   uint32
				Type string
			}
		}
		status, body := get(uid)
		if err := json.Unmarshal(body, &board); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d %s", uid, status, body)
		}
		for _, panel := range board.Panels {
			if panel.Type == "row" { // a heading
				continue
			}
			status, body := get(fmt.Sprintf("%s/panels/%d", uid, panel.ID))
			switch {
			case status == http.StatusOK:
				asked++
			case strings.Contains(string(body), "Prometheus"): // the preview was told of none
			default:
				t.Errorf("panel %d of %s: %d %s", panel.ID, uid, status, body)
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d panels answered", asked)
	}
	rules, err := dashboards.Alerting()
	if err != nil {
		t.Fatal(err)
	}
	tables := regexp.MustCompile(`hookline\.[a-z_]+`)
	for _, name := range tables.FindAllString(string(rules), -1) {
		if name != "hookline.events" { // of some columns; the boards ask for them
			may(t, e, "SELECT * FROM "+name+" LIMIT 1")
		}
	}
}

// TestGrantsNameWhatIsThere compares the file with a database: each object exists, people's roles have every view and
// analysts no table.
func TestGrantsNameWhatIsThere(t *testing.T) {
	e := testkit.Engine(t)
	if err := connect(t, e).Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}}); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for line := range strings.Lines(may(t, e, "SELECT database || '.' || name, engine FROM system.tables WHERE database IN ('hookline', 'system')")) {
		name, kind, _ := strings.Cut(strings.TrimSpace(line), "\t")
		kinds[name] = kind
	}
	grant := regexp.MustCompile(`^GRANT ([A-Z, ]+)(\(.*\))? ON (\S+)$`)
	for _, role := range configuration(t).child(t, "roles").Children {
		var granted []string
		for _, query := range role.child(t, "grants").Children {
			found := grant.FindStringSubmatch(query.Text)
			switch {
			case found == nil && strings.HasPrefix(query.Text, "GRANT hookline_"): // another role
			case found == nil:
				t.Errorf("%s: cannot read %q", role.XMLName.Local, query.Text)
			case found[3] == "hookline.*" || kinds[found[3]] != "":
				granted = append(granted, found[3])
			default:
				t.Errorf("%s: there is no %s", role.XMLName.Local, found[3])
			}
		}
		if role.XMLName.Local != "hookline_analyst" {
			continue
		}
		for name, kind := range kinds {
			if has := slices.Contains(granted, name); strings.HasPrefix(name, "hookline.") && has != (kind == "View") {
				t.Errorf("%s, a %s, is granted to analysts: %t", name, kind, has)
			}
		}
	}
}

// TestNobodyComesInWithoutAPassword reads what no engine here can show: logins.
func TestNobodyComesInWithoutAPassword(t *testing.T) {
	for _, user := range configuration(t).child(t, "users").Children {
		name := user.XMLName.Local
		if name == "default" {
			networks := user.child(t, "networks")
			if len(networks.Attrs) != 1 || networks.Attrs[0].Value != "replace" {
				t.Errorf("default comes in from where the server's own file says too")
			}
			for _, from := range networks.Children {
				if from.Text != "::1" && from.Text != "127.0.0.1" {
					t.Errorf("default comes in from %s", from.Text)
				}
			}
			continue
		}
		password := user.child(t, "password")
		if want := "CLICKHOUSE_" + strings.ToUpper(name) + "_PASSWORD"; len(password.Attrs) != 1 || password.Attrs[0].Value != want || password.Text != "" {
			t.Errorf("%s: %+v, want the password from %s alone", name, password.Attrs, want)
		}
	}
}
