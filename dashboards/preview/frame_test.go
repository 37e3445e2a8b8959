package preview

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWiden(t *testing.T) {
	long := Frame{RefID: "A", Fields: []Field{
		{Name: "time", Kind: KindTime, Values: []any{1.0, 1.0, 2.0, 3.0, 3.0}},
		{Name: "Vendor", Kind: KindString, Values: []any{"a", "b", "b", "a", "c"}},
		{Name: "Net", Kind: KindNumber, Values: []any{10.0, 20.0, 21.0, 12.0, nil}},
	}}
	want := Frame{RefID: "A", Fields: []Field{
		{Name: "time", Kind: KindTime, Values: []any{1.0, 2.0, 3.0}},
		{Name: "Net", Kind: KindNumber, Labels: map[string]string{"Vendor": "a"}, Values: []any{10.0, nil, 12.0}},
		{Name: "Net", Kind: KindNumber, Labels: map[string]string{"Vendor": "b"}, Values: []any{20.0, 21.0, nil}},
		{Name: "Net", Kind: KindNumber, Labels: map[string]string{"Vendor": "c"}, Values: []any{nil, nil, nil}},
	}}
	got, err := widen(long)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWidenLeavesWideFramesAlone(t *testing.T) {
	wide := Frame{Fields: []Field{
		{Name: "time", Kind: KindTime, Values: []any{1.0, 2.0}},
		{Name: "Gross", Kind: KindNumber, Values: []any{1.0, 2.0}},
		{Name: "Net", Kind: KindNumber, Values: []any{1.0, 2.0}},
	}}
	got, err := widen(wide)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wide, got); diff != "" {
		t.Error(diff)
	}
}

func TestWidenRefuses(t *testing.T) {
	for want, frame := range map[string]Frame{
		"no column of a time type": {Fields: []Field{{Name: "day", Kind: KindString, Values: []any{"x"}}}},
		"not sorted by time": {Fields: []Field{
			{Name: "time", Kind: KindTime, Values: []any{2.0, 1.0}},
			{Name: "Vendor", Kind: KindString, Values: []any{"a", "a"}},
			{Name: "Net", Kind: KindNumber, Values: []any{1.0, 2.0}},
		}},
	} {
		if got, err := widen(frame); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v; want an error with %q", got, err, want)
		}
	}
}
