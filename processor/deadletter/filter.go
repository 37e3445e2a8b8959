// Package deadletter stores dead letters and counts of rejections in ClickHouse (Sink), and lets people list dead letters,
// look at one, and redrive them (Queue). The dead-letter topic is the truth; the table dead_letters says which were redriven.
package deadletter

import (
	"fmt"
	"strings"
	"time"

	"github.com/hookline-io/hookline/analytics"
)

// Filter chooses dead letters; the zero Filter chooses all of them.
type Filter struct {
	Vendor string `placeholder:"NAME" help:"Of this vendor."`
	Type   string `placeholder:"TYPE" help:"Events of this type."`
	Event  string `placeholder:"ID" help:"Of the event with this ID."`
	Stage  string `placeholder:"STAGE" help:"That failed at this stage: decode, identify, map, row, time, store or action."`
	Error  string `placeholder:"TEXT" help:"Whose error has this text in it; capital or small letters are the same."`
	Since  When   `placeholder:"TIME" help:"That failed at this time or later: 2026-11-23, 2026-11-23T10:00:00Z, or 24h for a day ago."`
	Until  When   `placeholder:"TIME" help:"That failed before this time."`
}

// Matches says whether f chooses d.
func (f Filter) Matches(d *analytics.DeadLetter) bool {
	return (f.Vendor == "" || f.Vendor == d.Event.Vendor) &&
		(f.Type == "" || f.Type == d.Event.Type) &&
		(f.Event == "" || f.Event == d.Event.ID) &&
		(f.Stage == "" || f.Stage == d.Stage) &&
		strings.Contains(strings.ToLower(d.Error), strings.ToLower(f.Error)) &&
		(f.Since.IsZero() || !d.Failed.Before(f.Since.Time)) &&
		(f.Until.IsZero() || d.Failed.Before(f.Until.Time))
}

// When is a point in time as people write it on a command line.
type When struct{ time.Time }

// UnmarshalText reads a date, a time of RFC 3339, or how long ago it was, such as 90m.
func (w *When) UnmarshalText(text []byte) error {
	s := string(text)
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		w.Time = time.Now().Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			w.Time = t
			return nil
		}
	}
	return fmt.Errorf("%q is no time: write it like 2026-11-23, 2026-11-23T10:00:00Z, or 24h for a day ago", s)
}
