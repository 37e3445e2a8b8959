package analytics

import (
	"reflect"
	"testing"
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
