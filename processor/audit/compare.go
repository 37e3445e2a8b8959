package audit

import (
	"fmt"

	"github.com/hookline-io/hookline/analytics"
)

// Partition is what is known of one topic partition.
type Partition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Start     int64  `json:"start"`     // first offset that the broker still has
	Committed int64  `json:"committed"` // first offset that is still to be read; -1: none was ever committed
	End       int64  `json:"end"`       // the offset after the last: the high watermark
	Lag       int64  `json:"lag"`       // records still to be read

	Stored     uint64 `json:"stored"` // this and what follows: by the ledger, records that were read again included
	Duplicates uint64 `json:"duplicates"`
	Retried    uint64 `json:"retried"`
	Dead       uint64 `json:"dead"`
	Skipped    uint64 `json:"skipped"`

	Unaccounted int64    `json:"unaccounted"` // offsets in Gaps
	Gaps        []Gap    `json:"gaps,omitempty"`
	Wrong       []string `json:"wrong,omitempty"` // what cannot be
}

// Gap is offsets below the committed one that no entry of the ledger covers.
type Gap struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// compare fills in what the ledger's entries say of p. They are in order of their first offsets; those of other
// partitions are passed over. It is pure.
//
// The account begins with the first offset that the broker still has, or with the first that the ledger has where
// that is earlier: what was deleted by retention before it was read is a gap as well.
func (p *Partition) compare(entries []analytics.LedgerEntry) {
	reached := p.Start
	begun := false
	for _, e := range entries {
		if e.Topic != p.Topic || e.Partition != p.Partition {
			continue
		}
		if !begun {
			begun, reached = true, min(p.Start, e.First)
		}
		p.Stored += uint64(e.Stored)
		p.Duplicates += uint64(e.Duplicates)
		p.Retried += uint64(e.Retried)
		p.Dead += uint64(e.Dead)
		p.Skipped += uint64(e.Skipped)
		if sum := int64(e.Stored) + int64(e.Retried) + int64(e.Dead) + int64(e.Skipped); sum != e.End-e.First || e.Duplicates > e.Stored {
			p.Wrong = append(p.Wrong, fmt.Sprintf("the ledger's entry for offsets %d to %d accounts for %d records", e.First, e.End-1, sum))
		}
		if e.End > p.End {
			p.Wrong = append(p.Wrong, fmt.Sprintf("the ledger reaches offset %d, the topic ends at %d: the broker lost records, or the topic was created again", e.End, p.End))
		}
		p.gap(reached, min(e.First, p.Committed))
		reached = max(reached, e.End)
	}
	p.gap(reached, p.Committed)
	if p.Committed > p.End {
		p.Wrong = append(p.Wrong, fmt.Sprintf("offset %d is committed, the topic ends at %d: the broker lost records, or the topic was created again", p.Committed, p.End))
	}
	p.Lag = max(p.End-max(p.Committed, p.Start), 0)
}

// gap notes that the offsets from one up to, not including, another are not covered, if there are any.
func (p *Partition) gap(from, to int64) {
	if from >= to {
		return
	}
	p.Gaps = append(p.Gaps, Gap{from, to - 1})
	p.Unaccounted += to - from
}
