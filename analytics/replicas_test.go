package analytics

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAReplicatedDatabaseIsCreatedOnEveryHost(t *testing.T) {
	for _, test := range []struct {
		replicated bool
		want       [][]string
	}{
		{false, [][]string{{"a:9000", "b:9000"}}},
		{true, [][]string{{"a:9000"}, {"b:9000"}}},
	} {
		db, err := Open(t.Context(), Options{DSN: "clickhouse://migrator@a:9000,b:9000/hookline", Replicated: test.replicated})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if got := db.replicas(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("replicated %v: %v, want %v", test.replicated, got, test.want)
		}
		server, err := db.server("b:9000")
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if server.Name() != "" || !reflect.DeepEqual(server.opt.Addr, []string{"b:9000"}) {
			t.Errorf("connects to %q at %v", server.Name(), server.opt.Addr)
		}
	}
}

//go:generate go test . -run ^TestReplicatedInstallation$ -update-replicated

var updateReplicated = flag.Bool("update-replicated", false, "write testdata/replicated.sql")

// The engine of the tests cannot run Keeper, so that this only compares the statements that a new replicated
// installation would run with those that a person has read.
func TestReplicatedInstallation(t *testing.T) {
	db, err := Open(t.Context(), Options{DSN: "clickhouse://migrator@a:9000,b:9000/hookline", Replicated: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	steps := []step{db.createDatabase()}
	files, err := db.render(migrations)
	if err != nil {
		t.Fatal(err)
	}
	all, err := names(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		sql, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step{"migration " + name, string(sql)})
	}
	views, err := db.viewSteps()
	if err != nil {
		t.Fatal(err)
	}
	steps = append(steps, views...)
	for _, r := range refreshes([]string{"Africa/Lagos", "UTC"}, Retention{Sales: 800}) {
		sql, _, err := r.definition(db)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step{"create the view " + r.View(), sql})
	}
	var got strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&got, "-- %s\n%s\n\n", s.what, strings.TrimSpace(s.sql))
	}
	const golden = "testdata/replicated.sql"
	if *updateReplicated {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("go test ./analytics -run Replicated -update-replicated writes %s; read it:\n%s", golden, diff)
	}
	// Whatever is in the file: data is on every replica, and engines take their path and name from the database.
	engines := regexp.MustCompile(`(?m)^ENGINE = (\S+)`).FindAllStringSubmatch(got.String(), -1)
	for _, engine := range engines {
		if !strings.HasPrefix(engine[1], "Replicated") {
			t.Errorf("a table with the engine %s", engine[1])
		}
	}
	if len(engines) < 10 {
		t.Errorf("%d tables", len(engines))
	}
}
