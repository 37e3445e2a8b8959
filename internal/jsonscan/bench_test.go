package jsonscan_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hookline-io/hookline/internal/jsonscan"
	"github.com/hookline-io/hookline/internal/testkit"
)

// BenchmarkFind reads a charge of about 1 KB, as ingest does.
func BenchmarkFind(b *testing.B) {
	body, err := os.ReadFile(filepath.Join(testkit.Root(b), "schemas", "testdata", "stripe", "charge.succeeded.json"))
	if err != nil {
		b.Fatal(err)
	}
	paths := jsonscan.NewPaths("id", "type", "created")
	found := make([]jsonscan.Found, paths.Len())
	doc := string(body)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if err := paths.Find(doc, found); err != nil {
			b.Fatal(err)
		}
	}
}
