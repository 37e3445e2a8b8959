package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// report is all that was measured, in the order in which it was.
type report struct {
	Machine machine  `json:"machine"`
	Figures []figure `json:"figures"`
}

// figure is one line of the table.
type figure struct {
	Section  string  `json:"section"`
	What     string  `json:"what"`
	Unit     string  `json:"unit,omitempty"`
	Hookline sample  `json:"hookline"`
	Floor    sample  `json:"floor,omitempty"`
	Ratio    float64 `json:"ratio,omitempty"` // of the medians, where there is a floor
	Goal     string  `json:"goal,omitempty"`
	Met      *bool   `json:"met,omitempty"` // nil without a goal
}

// sample is what the repetitions of one measurement found.
type sample []float64

func (s sample) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// String is the median and, of several, the least and the largest.
func (s sample) String() string {
	switch len(s) {
	case 0:
		return ""
	case 1:
		return number(s[0])
	}
	return fmt.Sprintf("%s (%s to %s)", number(s.median()), number(slices.Min(s)), number(slices.Max(s)))
}

// number shows three digits that mean something.
func number(v float64) string {
	if a := math.Abs(v); a < 1000 && a > 0 {
		digits := max(0, 2-int(math.Floor(math.Log10(a))))
		return strconv.FormatFloat(v, 'f', min(digits, 4), 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// compared is one measurement of hookline and, where there is one, of the floor.
type compared struct{ hookline, floor sample }

func (c *compared) add(toFloor bool, value float64) {
	if toFloor {
		c.floor = append(c.floor, value)
	} else {
		c.hookline = append(c.hookline, value)
	}
}

// only is a measurement that has no floor.
func only(values ...float64) compared { return compared{hookline: values} }

// goal is what a figure has to keep to. The zero goal is none.
type goal struct {
	text  string
	holds func(f *figure) bool
}

func atMost(limit float64) goal {
	return goal{"<= " + number(limit), func(f *figure) bool { return f.Hookline.median() <= limit }}
}

func atLeast(limit float64) goal {
	return goal{">= " + number(limit), func(f *figure) bool { return f.Hookline.median() >= limit }}
}

func atMostRatio(limit float64) goal {
	return goal{fmt.Sprintf("<= %s x floor", number(limit)), func(f *figure) bool { return f.Ratio <= limit }}
}

func (r *report) add(section, what, unit string, c compared) {
	r.addGoal(section, what, unit, c, goal{})
}

func (r *report) addGoal(section, what, unit string, c compared, g goal) {
	f := figure{Section: section, What: what, Unit: unit, Hookline: c.hookline, Floor: c.floor, Goal: g.text}
	if len(c.floor) > 0 && c.floor.median() != 0 {
		f.Ratio = c.hookline.median() / c.floor.median()
	}
	if g.holds != nil {
		met := g.holds(&f)
		f.Met = &met
	}
	r.Figures = append(r.Figures, f)
}

// write prints the table.
func (r *report) write(w io.Writer) error {
	fmt.Fprintf(w, "\n%s\n\n", r.Machine)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tunit\thookline: median (least to largest)\tfloor\tratio\tgoal\t")
	section := ""
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Section != section {
			section = f.Section
			fmt.Fprintf(table, "%s\t\t\t\t\t\t\n", section)
		}
		ratio, verdict := "", ""
		if f.Ratio != 0 {
			ratio = fmt.Sprintf("%.2f", f.Ratio)
		}
		if f.Met != nil {
			verdict = map[bool]string{true: "met", false: "MISSED"}[*f.Met]
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.What, f.Unit, f.Hookline, f.Floor, ratio, f.Goal, verdict)
	}
	return table.Flush()
}

// writeJSON writes everything, every repetition by itself.
func (r *report) writeJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// writeBenchmarks writes hookline's figures, every repetition by itself, as Go's benchmarks are written down
// (https://go.dev/design/14313-benchmark-format).
func (r *report) writeBenchmarks(w io.Writer) error {
	for i := range r.Figures {
		f := &r.Figures[i]
		name := strings.ReplaceAll("Benchmark/"+f.Section+"/"+f.What, " ", "_")
		for _, value := range f.Hookline {
			if _, err := fmt.Fprintf(w, "%s 1 %v %s\n", name, value, cmp.Or(f.Unit, "count")); err != nil {
				return err
			}
		}
	}
	return nil
}
