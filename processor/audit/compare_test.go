package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hookline-io/hookline/analytics"
)

// entry is one of partition 0 of t whose records were all stored.
func entry(first, end int64) analytics.LedgerEntry {
	return analytics.LedgerEntry{Topic: "t", First: first, End: end, Stored: uint32(end - first)}
}

func TestInvariant6_Compare(t *testing.T) {
	other := analytics.LedgerEntry{Topic: "t", Partition: 1, First: 0, End: 100, Stored: 100}
	for name, tt := range map[string]struct {
		start, committed, end int64
		entries               []analytics.LedgerEntry
		want                  string // gaps, lag
		wrong                 string // part of it
	}{
		"nothing yet":                      {0, -1, 0, nil, "[] 0", ""},
		"nothing read":                     {0, -1, 7, []analytics.LedgerEntry{other}, "[] 7", ""},
		"all":                              {0, 10, 10, []analytics.LedgerEntry{entry(0, 10)}, "[] 0", ""},
		"more stored than committed":       {0, 5, 12, []analytics.LedgerEntry{entry(0, 10)}, "[] 7", ""},
		"overlaps, repeats and containers": {0, 30, 30, []analytics.LedgerEntry{entry(0, 20), entry(0, 20), entry(5, 10), entry(12, 25), entry(24, 30)}, "[] 0", ""},
		"no ledger":                        {3, 10, 10, []analytics.LedgerEntry{other}, "[{3 9}] 0", ""},
		"a gap":                            {0, 30, 30, []analytics.LedgerEntry{entry(0, 10), entry(20, 30)}, "[{10 19}] 0", ""},
		"gaps at both ends":                {0, 30, 40, []analytics.LedgerEntry{entry(5, 10), entry(10, 20)}, "[{0 4} {20 29}] 10", ""},
		"a gap above what is committed":    {0, 10, 40, []analytics.LedgerEntry{entry(0, 10), entry(15, 20)}, "[] 30", ""},
		"a gap across what is committed":   {0, 12, 40, []analytics.LedgerEntry{entry(0, 10), entry(15, 20)}, "[{10 11}] 28", ""},
		"deleted after it was read":        {100, 120, 120, []analytics.LedgerEntry{entry(0, 120)}, "[] 0", ""},
		"deleted before it was read":       {100, 120, 120, []analytics.LedgerEntry{entry(0, 50), entry(100, 120)}, "[{50 99}] 0", ""},
		"the broker lost records":          {0, 10, 8, []analytics.LedgerEntry{entry(0, 10)}, "[] 0", "the topic ends at 8"},
		"a wrong sum":                      {0, 10, 10, []analytics.LedgerEntry{{Topic: "t", First: 0, End: 10, Stored: 4, Dead: 5}}, "[] 0", "accounts for 9 records"},
		"too many duplicates":              {0, 10, 10, []analytics.LedgerEntry{{Topic: "t", First: 0, End: 10, Stored: 4, Dead: 6, Duplicates: 5}}, "[] 0", "accounts for"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Partition{Topic: "t", Start: tt.start, Committed: tt.committed, End: tt.end}
			p.compare(tt.entries)
			if got := fmt.Sprint(p.Gaps, p.Lag); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			var sum int64
			for _, g := range p.Gaps {
				sum += g.Last - g.First + 1
			}
			if p.Unaccounted != sum {
				t.Errorf("%d unaccounted, the gaps have %d", p.Unaccounted, sum)
			}
			if all := strings.Join(p.Wrong, "; "); (tt.wrong == "") != (all == "") || !strings.Contains(all, tt.wrong) {
				t.Errorf("wrong: %q, want %q", all, tt.wrong)
			}
		})
	}
}

func TestReport(t *testing.T) {
	p := Partition{Topic: "t", Committed: 30, End: 30}
	p.compare([]analytics.LedgerEntry{entry(0, 10), {Topic: "t", First: 20, End: 31, Stored: 5, Retried: 2, Dead: 3, Skipped: 1}})
	r := Report{
		Partitions: []Partition{p, {Topic: "t", Partition: 1, Committed: -1}},
		Missing:    []Missing{{Topic: "t", Offset: 3, Vendor: "acme", Event: "evt_1"}},
		Split:      []analytics.CrossPartitionDuplicate{{Table: "sales", Vendor: "acme", Kind: "sale", Key: "ch_1", Month: 202610, Best: 0}, {Table: "events", Vendor: "acme", Key: "e", Month: 202610, Best: 202611}},
		Totals:     Totals{Committed: 30, LookedUp: 9, Unaccounted: 10, Wrong: 1, Missing: 1, Split: 2},
	}
	const want = `  partition  first  committed  end  lag  stored  repeated  retried  dead  skipped  unaccounted
        t/0      0         30   30    0      15         0        2     3        1           10
        t/1      0       none    0    0       0         0        0     0        0            0
unaccounted: t/0 offsets 10 to 19
wrong: t/0: the ledger reaches offset 31, the topic ends at 30: the broker lost records, or the topic was created again
missing: t/0 offset 3: event "evt_1" of "acme" is not in ClickHouse
split: sale "ch_1" of "acme" counts in 2026-10, should count in undated alone
split: event "e" of "acme" counts in 2026-10, should count in 2026-11 alone
audit: partitions=2 committed=30 lag=0 looked_up=9 unaccounted=10 wrong=1 missing=1 split=2 repaired=0
`
	var out bytes.Buffer
	if err := r.Table(&out); err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
	}
	out.Reset()
	var back Report
	if err := r.JSON(&out); err != nil || json.Unmarshal(out.Bytes(), &back) != nil || back.Totals != r.Totals || back.Totals.Passed() {
		t.Errorf("%v\n%s", err, out.String())
	}
	if v := (verdict{r.Totals}); v.ExitCode() != 2 || !strings.Contains(v.Error(), "unaccounted=10") {
		t.Errorf("%d %v", v.ExitCode(), v)
	}
}
