package clickhouse_test

import (
	"encoding/xml"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const usersFile = "users.d/hookline.xml"

// element is any element of ClickHouse's configuration.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e *element) child(t *testing.T, name string) *element {
	t.Helper()
	for i := range e.Children {
		if e.Children[i].XMLName.Local == name {
			return &e.Children[i]
		}
	}
	t.Fatalf("%s has no %s", e.XMLName.Local, name)
	return nil
}

func configuration(t *testing.T) *element {
	t.Helper()
	text, err := os.ReadFile(usersFile)
	if err != nil {
		t.Fatal(err)
	}
	var root element
	if err := xml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	return &root
}

// session is an engine as one user sees it.
type session struct {
	*testkit.EngineProcess
	user string
}

func (s session) connect(t *testing.T) *analytics.DB {
	t.Helper()
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(s.As(t, s.user) + "/hookline")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (s session) may(t *testing.T, sql string) string {
	t.Helper()
	answer, ok := s.Try(t, s.user, "", sql)
	if !ok {
		t.Errorf("%s: %s", sql, answer)
	}
	return answer
}

// mayNot fails the test unless the statement is refused for the reason.
func (s session) mayNot(t *testing.T, reason, sql string) {
	t.Helper()
	if answer, ok := s.Try(t, s.user, "", sql); ok || !strings.Contains(answer, reason) {
		t.Errorf("%s: %s; want %s", sql, answer, reason)
	}
}

const (
	denied     = "ACCESS_DENIED"
	constraint = "SETTING_CONSTRAINT_VIOLATION"
)

// ClickHouse's own logs, which it keeps for good by default, go after a time.
func TestLogsOfTheServerExpire(t *testing.T) {
	text, err := os.ReadFile("server/server.xml")
	if err != nil {
		t.Fatal(err)
	}
	logs := regexp.MustCompile(`(?s)<\w+_log>.*?</\w+_log>`).FindAllString(string(text), -1)
	if len(logs) < 10 {
		t.Fatalf("server.xml names %d logs", len(logs))
	}
	e := testkit.EngineWith(t, "<clickhouse>"+strings.Join(logs, "\n")+"</clickhouse>")
	e.Ask(t, "", "SYSTEM FLUSH LOGS")
	if got := e.Ask(t, "", `SELECT count() >= 10, groupArrayIf(name, engine_full NOT LIKE '%TTL event_date + toIntervalDay(14)%') FROM system.tables
		WHERE database = 'system' AND name LIKE '%\_log' AND engine LIKE '%MergeTree'`); got != "1\t[]" {
		t.Errorf("logs without an end: %s", got)
	}
}
