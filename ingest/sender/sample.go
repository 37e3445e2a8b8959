package sender

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// explainSample writes what the vendor makes of a delivery. bad is how many of its events would be dead-lettered.
func explainSample(w io.Writer, vendor *vendors.Vendor, header http.Header, body []byte) (bad int, err error) {
	events, err := vendor.Identify(nil, header, body)
	if err != nil {
		return 0, err
	}
	for _, e := range events {
		if !explain(w, vendor, e) {
			bad++
		}
	}
	return bad, nil
}

// explain says what an event is and counts as. ok is false for one that would be dead-lettered.
func explain(w io.Writer, vendor *vendors.Vendor, e vendors.Identity) (ok bool) {
	if e.BadID != "" {
		fmt.Fprintf(w, "event  %s: it would be dead-lettered; the others of the delivery would be stored\n", e.BadID)
		return false
	}
	when := "none of its own: counted as undated"
	switch {
	case e.BadTime != "":
		when = fmt.Sprintf("%q cannot be read with the configured format: the event would be dead-lettered", e.BadTime)
	case !e.Time.IsZero():
		when = e.Time.Format(time.RFC3339Nano)
	}
	fmt.Fprintf(w, "event  id=%s type=%s time=%s\n", e.ID, e.Type, when)
	outcome, err := vendor.Explain(e)
	if err != nil {
		fmt.Fprintf(w, "  counts as nothing: %v: it would be dead-lettered\n", err)
		return false
	}
	if outcome.Reason != "" {
		fmt.Fprintf(w, "  counts as nothing: %s\n", outcome.Reason)
	}
	if e.Type == "" {
		fmt.Fprintln(w, "  warning: sales are found by the event's type; if a header says it, give the header with -H")
	}
	if outcome.Object != "" {
		fmt.Fprintf(w, "  is the whole state of object=%s\n", outcome.Object)
		if len(outcome.Effects) == 0 {
			fmt.Fprintln(w, "  counts as nothing: in this state the object has no effect, nor has it any longer one of an older state")
		}
	}
	for i, effect := range outcome.Effects {
		explainEffect(w, &effect, &outcome.Sources[i])
	}
	if outcome.Test {
		fmt.Fprintln(w, "  test money: stored and shown apart, never in figures")
	}
	return e.BadTime == ""
}

// explainEffect says what an effect is, and below it where each part stands.
func explainEffect(w io.Writer, e *vendors.Effect, from *vendors.Sources) {
	month := "undated"
	if !e.Time.IsZero() {
		month = e.Time.UTC().Format("2006-01 (UTC)")
	}
	fmt.Fprintf(w, "  counts as %s of %s %s in %s, key=%s order=%s\n", e.Kind, e.Amount, e.Currency, month, e.Key, e.Order)
	for _, part := range []struct{ name, place string }{
		{"amount", from.Amount}, {"currency", from.Currency}, {"key", from.Key}, {"order", from.Order}, {"time", from.Time},
	} {
		if part.place != "" {
			fmt.Fprintf(w, "      %-8s from %s\n", part.name, part.place)
		}
	}
}

// writeDiff writes the lines that only one of two texts has, before with - and after with +, and says how many.
func writeDiff(w io.Writer, before, after []string) (changes int) {
	for _, line := range before {
		if !slices.Contains(after, line) {
			fmt.Fprintf(w, "- %s\n", line)
			changes++
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			fmt.Fprintf(w, "+ %s\n", line)
			changes++
		}
	}
	return changes
}

// diffConfigs writes what changes for each vendor from one file to another.
func diffConfigs(w io.Writer, before, after *vendors.Config) {
	changes := 0
	for _, name := range namesOf(before, after) {
		var was, is []string
		if v := before.Vendors[name]; v != nil {
			was = prefixed(name, v.Describe())
		}
		if v := after.Vendors[name]; v != nil {
			is = prefixed(name, v.Describe())
		}
		changes += writeDiff(w, was, is)
	}
	if changes == 0 {
		fmt.Fprintln(w, "both files say the same of events and money")
	}
}

func prefixed(name string, lines []string) []string {
	for i := range lines {
		lines[i] = name + " " + lines[i]
	}
	return lines
}

func namesOf(configs ...*vendors.Config) []string {
	var names []string
	for _, c := range configs {
		for name := range c.Vendors {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// diffSample writes how the outcome of a delivery changes from one configuration to another.
func diffSample(w io.Writer, before, after *vendors.Vendor, header http.Header, body []byte) {
	described := func(v *vendors.Vendor) []string {
		if v == nil {
			return []string{"the vendor is not in the file"}
		}
		var out strings.Builder
		if _, err := explainSample(&out, v, header, body); err != nil {
			return []string{"refused: " + err.Error()}
		}
		return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	}
	if writeDiff(w, described(before), described(after)) == 0 {
		fmt.Fprintln(w, "the sample comes to the same with both files")
	}
}
