package clickhouse_test

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
	"github.com/hookline-io/hookline/compose/clickhouse"
	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/dashboards/preview"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// relaxed is a server as its administrator may have it, without the grants that the shipped configuration of the local
// server asks for.
const relaxed = `<clickhouse><access_control_improvements>
	<select_from_system_db_requires_grant>false</select_from_system_db_requires_grant>
	<select_from_information_schema_requires_grant>false</select_from_information_schema_requires_grant>
	<table_engines_require_grant>false</table_engines_require_grant>
</access_control_improvements></clickhouse>`

func TestWhoMayDoWhat(t *testing.T) {
	t.Run("hardened", func(t *testing.T) { whoMayDoWhat(t, testkit.Engine(t)) })
	t.Run("relaxed", func(t *testing.T) { whoMayDoWhat(t, testkit.EngineWith(t, relaxed)) })
}

// whoMayDoWhat sets a database up as migrator and then uses it as each of the other users.
func whoMayDoWhat(t *testing.T, engine *testkit.EngineProcess) {
	as := func(user string, do func(t *testing.T, s session)) {
		t.Helper()
		if !t.Run(user, func(t *testing.T) { do(t, session{engine, user}) }) {
			t.FailNow()
		}
	}
	var tables, views []string

	as("migrator", func(t *testing.T, s session) {
		db := s.connect(t)
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
		if err := db.RepairDuplicates(t.Context()); err != nil {
			t.Error(err)
		}
		s.mayNot(t, denied, "CREATE DATABASE other")
		s.mayNot(t, denied, "CREATE USER other")
		s.mayNot(t, denied, "DROP DATABASE hookline")
		s.mayNot(t, denied, "CREATE TABLE hookline.more (a String) ENGINE = URL('http://127.0.0.1:1', 'CSV')")
	})

	as(testkit.Owner, func(t *testing.T, s session) {
		list := func(condition string) []string {
			return strings.Split(s.may(t, "SELECT name FROM system.tables WHERE database = 'hookline' AND "+condition+" ORDER BY name"), "\n")
		}
		tables, views = list("engine LIKE '%MergeTree'"), list("engine = 'View'")
		if got := s.may(t, "SELECT count() FROM system.tables WHERE database = 'hookline' AND engine LIKE '%View' AND create_table_query NOT LIKE '%DEFINER = migrator SQL SECURITY DEFINER%'"); got != "0" {
			t.Errorf("%s views do not read with migrator's rights", got)
		}
	})

	as("writer", func(t *testing.T, s session) {
		db := s.connect(t)
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
		if _, err := db.Stored(t.Context(), map[analytics.EventID]time.Time{{Vendor: "acme", ID: "evt_1"}: time.Now()}); err != nil {
			t.Error(err)
		}
		if _, err := db.CrossPartitionDuplicates(t.Context()); err != nil {
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
		if refreshes, err := db.Refreshes(t.Context()); err != nil || len(refreshes) != 3 || len(grants.Watch) > 0 {
			t.Errorf("it sees %d refreshes, lacks %v, %v", len(refreshes), grants.Watch, err)
		}
		for _, sql := range []string{"SELECT payload FROM hookline.events", "SELECT gross FROM hookline.sales_per_month", "ALTER TABLE hookline.sales DELETE WHERE 1", "DROP TABLE hookline.sales", "TRUNCATE TABLE hookline.sales",
			"INSERT INTO hookline.exchange_rates (day) VALUES ('2026-01-01')", "CREATE TABLE hookline.more (a UInt8) ENGINE = Memory"} {
			s.mayNot(t, denied, sql)
		}
	})

	as("migrator", func(t *testing.T, s session) { // its rights are enough for the refreshes
		testkit.Eventually(t, time.Minute, func() error {
			answer, _ := s.Try(t, s.user, "", "SELECT sum(orders) FROM hookline.sales_per_month WHERE zone = 'Africa/Lagos'")
			if answer != "2" {
				return fmt.Errorf("%s orders in the view, want 2", answer)
			}
			for _, view := range []string{"sales_hours", "sales_rollup", "vendor_rollup"} {
				s.may(t, "SYSTEM REFRESH VIEW hookline."+view+"_refresh")
			}
			if failed := s.may(t, "SELECT view, exception FROM system.view_refreshes WHERE exception != ''"); failed != "" {
				return errors.New(failed)
			}
			return nil
		})
	})

	for _, user := range []string{"analyst", "grafana", "engineer"} {
		as(user, func(t *testing.T, s session) {
			if grants, err := s.connect(t).Grants(t.Context()); err != nil || !grants.ReadsOnly {
				t.Errorf("it is no reader: %+v, %v", grants, err)
			}
		})
	}

	as("analyst", func(t *testing.T, s session) {
		for _, view := range views {
			s.may(t, "SELECT * FROM hookline."+view)
		}
		for _, table := range tables {
			s.mayNot(t, denied, "SELECT * FROM hookline."+table)
		}
		if got := s.may(t, "SELECT orders FROM hookline.sales_per_month WHERE zone = 'UTC'"); got != "2" {
			t.Errorf("%q orders", got)
		}
		for _, query := range documented(t) {
			s.may(t, query)
		}
		reader(t, s)
	})

	as("grafana", func(t *testing.T, s session) {
		for _, view := range views {
			s.may(t, "SELECT * FROM hookline."+view)
		}
		boards(t, s)
		s.mayNot(t, denied, "SELECT payload FROM hookline.events")
		s.mayNot(t, denied, "SELECT * FROM hookline.sales")
		reader(t, s)
	})

	as("engineer", func(t *testing.T, s session) {
		for _, query := range documented(t) {
			s.may(t, query)
		}
		for _, name := range slices.Concat(tables, views) {
			s.may(t, "SELECT * FROM hookline."+name)
		}
		s.may(t, "INSERT INTO hookline.exchange_rates (day, currency, target, rate) VALUES ('2026-01-01', 'USD', 'EUR', 0.9)")
		s.may(t, "SELECT table, sum(bytes_on_disk) FROM system.parts WHERE database = 'hookline' GROUP BY table")
		s.may(t, "SHOW CREATE TABLE hookline.sales")
		for _, sql := range []string{"INSERT INTO hookline.sales (vendor) VALUES ('acme')", "ALTER TABLE hookline.sales DELETE WHERE 1", "DROP TABLE hookline.sales", "CREATE TABLE hookline.more (a UInt8) ENGINE = Memory", "CREATE USER other"} {
			s.mayNot(t, denied, sql)
		}
		s.mayNot(t, constraint, "SELECT 1 SETTINGS max_execution_time = 36000")
	})
}

// Nobody but the owner reads or writes files, or reaches other machines, through the server.
func TestOnlyTheOwnerReachesBeyondTheDatabase(t *testing.T) {
	e := testkit.Engine(t)
	if err := (session{e, "migrator"}).connect(t).Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}}); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, user := range clickhouse.Users() {
		t.Run(user, func(t *testing.T) {
			s := session{e, user}
			for _, sql := range []string{
				"SELECT * FROM file('" + secret + "', 'CSV', 'a String')",
				"SELECT * FROM url('http://127.0.0.1:1', 'CSV', 'a String')",
				"SELECT * FROM s3('http://127.0.0.1:1/a/b', 'CSV', 'a String')",
				"SELECT * FROM remote('127.0.0.2', system, one)",
				"SELECT * FROM executable('true', 'CSV', 'a String')",
				"INSERT INTO FUNCTION file('" + secret + "', 'CSV', 'a String') VALUES ('x')",
				"SELECT file('" + secret + "')",
				"SELECT file('/proc/self/environ')",
				"SELECT query FROM system.query_log",
				"CREATE USER other",
				"SYSTEM STOP LISTEN TCP",
				"SYSTEM SHUTDOWN",
			} {
				if answer, ok := s.Try(t, user, "", sql); ok {
					t.Errorf("%s: %s", sql, answer)
				}
			}
			s.mayNot(t, denied, "SELECT * FROM url('http://127.0.0.1:1', 'CSV', 'a String')")
		})
	}
}

// reader tests what holds for everyone who only reads.
func reader(t *testing.T, s session) {
	t.Helper()
	s.mayNot(t, denied, "INSERT INTO hookline.exchange_rates (day) VALUES ('2026-01-01')")
	s.mayNot(t, denied, "DROP VIEW hookline.sales_per_month")
	s.mayNot(t, "TOO_MANY_ROWS", "SELECT sum(number) FROM numbers(1000000000)")
	s.mayNot(t, "TOO_MANY_ROWS", "SELECT number FROM numbers(1100000)")
	s.mayNot(t, "MEMORY_LIMIT_EXCEEDED", "SELECT uniqExact(number) FROM numbers(400000000) SETTINGS max_memory_usage = 10000000")
	for _, setting := range []string{"max_execution_time = 0", "max_execution_time = 61", "max_memory_usage = 0", "max_rows_to_read = 0", "max_result_rows = 0", "timeout_overflow_mode = 'break'", "read_overflow_mode = 'break'", "result_overflow_mode = 'break'"} {
		s.mayNot(t, constraint, "SELECT 1 SETTINGS "+setting)
	}
	s.mayNot(t, "READONLY", "SELECT 1 SETTINGS readonly = 0")
	s.may(t, "SELECT 1 SETTINGS max_execution_time = 35") // as Grafana does
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
func boards(t *testing.T, s session) {
	t.Helper()
	generated, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := preview.Open(s.As(t, s.user) + "/hookline")
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
			case strings.Contains(string(body), "Prometheus"): // the preview has none configured
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
			s.may(t, "SELECT * FROM "+name+" LIMIT 1")
		}
	}
}

// TestGrantsNameWhatIsThere compares the file with a database: each object exists, people's roles have every view and
// analysts no table.
func TestGrantsNameWhatIsThere(t *testing.T) {
	e := testkit.Engine(t)
	s := session{e, "migrator"}
	if err := s.connect(t).Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}}); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for line := range strings.Lines(e.Ask(t, "", `SELECT database || '.' || name, engine FROM system.tables WHERE database IN ('hookline', 'system')
		UNION ALL SELECT name, 'engine' FROM system.table_engines UNION ALL SELECT name, 'engine' FROM system.database_engines`)) {
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
			case found[1] == "NAMED COLLECTION": // which the operator has where there are backups to object storage
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

// TestNobodyLogsInWithoutAPassword tries it on the server and reads what the file says of users.
func TestNobodyLogsInWithoutAPassword(t *testing.T) {
	e := testkit.Engine(t)
	for _, user := range append([]string{"default", testkit.Owner, ""}, clickhouse.Users()...) {
		for _, password := range []string{"", "wrong"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL, strings.NewReader("SELECT 1"))
			if err != nil {
				t.Fatal(err)
			}
			request.SetBasicAuth(user, password)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				t.Errorf("user %q logs in with the password %q", user, password)
			}
		}
	}
	for _, user := range configuration(t).child(t, "users").Children {
		name := user.XMLName.Local
		if name != "default" && !slices.Contains(clickhouse.Users(), name) {
			t.Errorf("Users does not have %s", name)
		}
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
