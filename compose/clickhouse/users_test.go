package clickhouse

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
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

func named(name string, children ...element) element {
	return element{XMLName: xml.Name{Local: name}, Children: children}
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

// as starts the engine over dir with the users of the configuration. The engine lets only its user default in, so user
// takes that name; all else is as it is in the file. Without a user default may do everything.
func as(t *testing.T, dir, user string) *testkit.EngineProcess {
	t.Helper()
	root := configuration(t)
	users := root.child(t, "users")
	users.Children = slices.DeleteFunc(users.Children, func(e element) bool { return e.XMLName.Local == "default" })
	entitled := named("default", named("access_management"))
	entitled.Children[0].Text = "1"
	if user != "" {
		entitled = *users.child(t, user)
		entitled.XMLName.Local = "default"
		entitled.Children = slices.DeleteFunc(slices.Clone(entitled.Children), func(e element) bool { return e.XMLName.Local == "password" })
	}
	entitled.Children = append(entitled.Children, named("password"))
	users.Children = append(users.Children, entitled)
	// A server has these in its own users.xml.
	root.child(t, "profiles").Children = append(root.child(t, "profiles").Children, named("default"))
	root.child(t, "quotas").Children = append(root.child(t, "quotas").Children, named("default"))
	text, err := xml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "users.xml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return testkit.EngineOf(t, dir, file)
}

// passwords are what the file takes from the environment.
func passwords(t *testing.T) {
	t.Helper()
	for _, user := range []string{"ANALYST", "GRAFANA", "ENGINEER", "WRITER", "MIGRATOR"} {
		t.Setenv("CLICKHOUSE_"+user+"_PASSWORD", "a password for tests")
	}
}

func connect(t *testing.T, e *testkit.EngineProcess) *analytics.DB {
	t.Helper()
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(e.DSN + "/hookline")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func may(t *testing.T, e *testkit.EngineProcess, sql string) string {
	t.Helper()
	answer, ok := e.Try(t, "", sql)
	if !ok {
		t.Errorf("%s: %s", sql, answer)
	}
	return answer
}

// mayNot fails the test unless the statement is refused for the reason.
func mayNot(t *testing.T, e *testkit.EngineProcess, reason, sql string) {
	t.Helper()
	if answer, ok := e.Try(t, "", sql); ok || !strings.Contains(answer, reason) {
		t.Errorf("%s: %s; want %s", sql, answer, reason)
	}
}

const (
	denied     = "ACCESS_DENIED"
	constraint = "SETTING_CONSTRAINT_VIOLATION"
)
