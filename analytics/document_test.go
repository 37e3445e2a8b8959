package analytics_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline-io/hookline/internal/testkit"
)

//go:generate go test . -run ^TestDataDocument$ -update

var update = flag.Bool("update", false, "write docs/data.md")

const (
	dataDocument = "../docs/data.md"
	examples     = "queries/examples/*.sql"
)

// sections of the document, in their order: what people query first, then what stands behind it.
var sections = []struct{ title, condition string }{
	{"Views", "engine = 'View'"},
	{"Tables", "engine LIKE '%MergeTree' AND name != 'schema_migrations'"},
}

// TestDataDocument keeps docs/data.md what the comments in a real database say.
func TestDataDocument(t *testing.T) {
	t.Parallel()
	_, e := open(t, "UTC")
	got := document(t, e)
	if *update {
		if err := os.WriteFile(dataDocument, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(dataDocument)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/data.md is not what the database says: run make generate\n%s", diff)
	}
}

func document(t *testing.T, e *testkit.EngineProcess) string {
	var b strings.Builder
	b.WriteString(`# Data in ClickHouse

<!-- Generated from the comments in the database by ` + "`make generate`" + `. -->

Query the views: what they show counts each event once, and no query needs FINAL. Amounts are exact decimals in major
units, and amounts of different currencies do not add up. Times are UTC; months and days are those of a reporting time
zone, which ` + "`hookline setup --zones`" + ` sets. What a vendor gives no time for is *undated*: 1970-01-01, in no month.

Tables hold every row that was written until ClickHouse has merged them: read one directly only with FINAL. The columns of
a view or table are its interface; others may come.

To ask: ` + "`make run`" + ` answers without a password, ` + "`curl 'http://127.0.0.1:8123/?database=hookline' -d 'SELECT * FROM reporting_zones FORMAT PrettyCompact'`" + `. With
Docker ClickHouse is not published; ask inside, or publish a port of it in an override file of yours for tools that run elsewhere:
` + "`docker compose -f compose/compose.yaml exec clickhouse clickhouse-client -d hookline -u analyst --password \"$(cat compose/.secrets/clickhouse_analyst)\"`" + `.

On a server of your own, ` + "`compose/clickhouse/users.d/hookline.xml`" + ` says who may do what: *analyst* reads all views and no table,
within 30 s, 4 GB and 500 million rows a query (60 s where the query asks for it); *engineer* reads everything and loads
` + "`exchange_rates`" + `; *grafana* reads views and what the boards show beside them, without payloads of raw events; *writer* is the
processor and reads back its ledger and dead letters only; *migrator* is for ` + "`hookline setup`, `hookline reprocess` and `hookline audit --repair`" + `.
Views read tables with migrator's rights.

`)
	for _, s := range sections {
		fmt.Fprintf(&b, "## %s\n\n", s.title)
		for table := range strings.SplitSeq(ask(t, e, "SELECT name FROM system.tables WHERE database = 'hookline' AND "+s.condition+" ORDER BY name"), "\n") {
			where := "WHERE database = 'hookline' AND table = '" + table + "'"
			fmt.Fprintf(&b, "### %s\n\n%s\n\n| column | type | |\n|---|---|---|\n", table, ask(t, e, "SELECT comment FROM system.tables "+strings.Replace(where, "table =", "name =", 1)+" FORMAT TSVRaw"))
			b.WriteString(ask(t, e, "SELECT concat('| `', name, '` | ', replaceAll(type, '|', '\\\\|'), ' | ', replaceAll(comment, '|', '\\\\|'), ' |') FROM system.columns "+where+" ORDER BY position FORMAT TSVRaw"))
			b.WriteString("\n\n")
		}
	}
	b.WriteString("## Ten queries to begin with\n\nA test runs each of them.\n")
	for _, name := range exampleFiles(t) {
		text, query := example(t, name)
		fmt.Fprintf(&b, "\n%s\n\n```sql\n%s```\n", text, query)
	}
	return b.String()
}

func exampleFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(examples)
	if err != nil || len(files) != 10 {
		t.Fatalf("%d examples, %v; want 10", len(files), err)
	}
	return files
}

// example returns what the comment at the top of a file says, and the query below it.
func example(t *testing.T, name string) (text, query string) {
	t.Helper()
	sql, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	query = string(sql)
	for strings.HasPrefix(query, "-- ") {
		line, rest, _ := strings.Cut(query, "\n")
		text, query = strings.TrimSpace(text+" "+strings.TrimPrefix(line, "-- ")), rest
	}
	return text, query
}

func TestEveryDocumentedQueryAnswers(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC", "Africa/Lagos")
	now := time.Now().UTC().Truncate(time.Millisecond)
	row := sale("evt_1", now)
	row.Event.Data = []byte(`{"data": {"object": {"id": "ch_1", "payment_method": {"type": "card"}}}}`)
	insert(t, db, row, sale("evt_2", now.AddDate(-1, 0, 0)))
	ask(t, e, "INSERT INTO exchange_rates (day, currency, target, rate) VALUES ('2000-01-01', 'USD', 'EUR', 0.9)")
	ask(t, e, "SYSTEM REFRESH VIEW vendor_rollup_refresh")
	shows(t, db, "UTC", now.AddDate(-1, 0, 0).Format("2006-01")+" acme EUR sale 1 12.34", now.Format("2006-01")+" acme EUR sale 1 12.34")
	ask(t, e, "SYSTEM WAIT VIEW vendor_rollup_refresh")
	for _, name := range exampleFiles(t) {
		_, query := example(t, name)
		if strings.Contains(strings.ToUpper(query), "FINAL") {
			t.Errorf("%s makes its reader write FINAL", name)
		}
		// As from a connection with another current database.
		if got := e.Ask(t, "", query); got == "" {
			t.Errorf("%s has no rows", name)
		} else {
			t.Logf("%s:\n%s", filepath.Base(name), got)
		}
	}
}
