package chaos

import (
	"reflect"
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	kinds := []Kind{Kill, KillTwo, Hang, Roll, Cut, Slow, Silence, Refuse, Strand, Full}
	for seed := range uint64(50) {
		faults := plan(seed, 100)
		if !reflect.DeepEqual(faults, plan(seed, 100)) {
			t.Fatalf("seed %d makes two plans", seed)
		}
		if reflect.DeepEqual(faults, plan(seed+1, 100)) {
			t.Fatalf("seeds %d and %d make one plan", seed, seed+1)
		}
		if !reflect.DeepEqual(faults[:30], plan(seed, 30)) {
			t.Fatalf("seed %d: a longer plan does not begin as a shorter one", seed)
		}
		seen := map[Kind]int{}
		busy := map[string]time.Duration{}
		last := time.Duration(0)
		for i, f := range faults {
			seen[f.Kind]++
			if f.Number != i+1 || f.At <= last {
				t.Errorf("seed %d: %+v comes after %s", seed, f, last)
			}
			if f.At < busy[f.Target] {
				t.Errorf("seed %d: %+v while %s has another until %s", seed, f, f.Target, busy[f.Target])
			}
			if f.Kind == Hang && f.For <= sessionTimeout {
				t.Errorf("seed %d: %+v is too short for anybody to notice", seed, f)
			}
			last, busy[f.Target] = f.At, f.At+f.For
			if i == 11 && len(seen) < len(kinds)-1 {
				t.Errorf("seed %d: 12 faults are of %d kinds: %v", seed, len(seen), seen)
			}
		}
		for _, kind := range kinds {
			if seen[kind] < 2 {
				t.Errorf("seed %d: %d faults of 100 are %q", seed, seen[kind], kind)
			}
		}
		if last > 200*time.Second {
			t.Errorf("seed %d: 100 faults take %s", seed, last)
		}
	}
	for _, f := range plan(1, 100, Refuse, Full) {
		if f.Kind == Refuse || f.Kind == Full {
			t.Errorf("%+v is left out", f)
		}
	}
}

// Each order is one that the broker can carry out.
func TestRefusals(t *testing.T) {
	for _, order := range refusals {
		order.Count = 1
		if err := order.Check(); err != nil {
			t.Error(err)
		}
	}
}
