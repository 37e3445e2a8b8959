package figures

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// Report is what a benchmark found.
type Report struct {
	ClickHouse string   `json:"clickhouse"` // its version
	Rows       uint64   `json:"rows"`       // sales
	Figures    []Figure `json:"figures"`
}

// Figure is one measurement.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Goal  float64 `json:"goal,omitempty"` // the most that it should be; 0: none
	Met   *bool   `json:"met,omitempty"`
}

func (r *Report) add(name string, value float64, unit string) {
	r.Figures = append(r.Figures, Figure{Name: name, Value: value, Unit: unit})
}

func (r *Report) goal(name string, value float64, unit string, goal float64) {
	met := value <= goal
	r.Figures = append(r.Figures, Figure{Name: name, Value: value, Unit: unit, Goal: goal, Met: &met})
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// JSON writes the report as JSON.
func (r *Report) JSON(w io.Writer) error { return writeJSON(w, r) }

// JSON writes the report as JSON.
func (r *Codecs) JSON(w io.Writer) error { return writeJSON(w, r) }

func writeJSON(w io.Writer, r any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// Table writes the report for people.
func (r *Report) Table(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%d sales, ClickHouse %s\t\tgoal\t\n", r.Rows, r.ClickHouse)
	for _, f := range r.Figures {
		goal, verdict := "", ""
		if f.Met != nil {
			goal = "at most " + number(f.Goal) + " " + f.Unit
			if verdict = "met"; !*f.Met {
				verdict = "MISSED"
			}
		}
		fmt.Fprintf(table, "%s\t%s %s\t%s\t%s\n", f.Name, number(f.Value), f.Unit, goal, verdict)
	}
	return table.Flush()
}

// number writes three digits of what is small.
func number(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
