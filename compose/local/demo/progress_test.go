package demo

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A history that goes on makes the very deliveries that are missing.
func TestAnInterruptedHistoryGoesOn(t *testing.T) {
	target := Target{Vendors: filepath.Join(t.TempDir(), "vendors.yaml")}
	if p, err := readProgress(target); p != nil || err != nil {
		t.Fatalf("progress before there is any: %+v, %v", p, err)
	}
	began := newProgress(target)
	began.Made = 400
	if err := began.keep(); err != nil {
		t.Fatal(err)
	}
	kept, err := readProgress(target)
	if err != nil || kept.Seed != began.Seed || !kept.Began.Equal(began.Began) || kept.Made != 400 || kept.Done {
		t.Fatalf("kept %+v, %v", kept, err)
	}
	made := func(p *progress, skipped int) []string {
		r := &runner{traffic: NewTraffic(p.Seed, p.Began), rng: rand.New(rand.NewPCG(p.Seed, 1)), punctual: true}
		var ids []string
		for i := range 1000 {
			j := r.next()
			if i >= skipped {
				ids = append(ids, j.event.Vendor+" "+j.event.ID+" "+j.at.Format(time.RFC3339Nano))
			}
		}
		return ids
	}
	if diff := cmp.Diff(made(began, 0)[kept.Made:], made(kept, kept.Made)); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(kept.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readProgress(target); err == nil {
		t.Error("a broken file is read")
	}
}
