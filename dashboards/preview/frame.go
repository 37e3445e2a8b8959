package preview

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kind is the type of a column as a panel sees it.
type Kind string

const (
	KindString Kind = "string" // values are strings
	KindNumber Kind = "number" // values are float64
	KindTime   Kind = "time"   // values are milliseconds since 1970, float64
	KindBool   Kind = "boolean"
)

// Field is one column of an answer. A missing value is nil.
type Field struct {
	Name   string            `json:"name"`
	Kind   Kind              `json:"type"`
	Labels map[string]string `json:"labels,omitempty"` // tell the series of a time series apart
	Values []any             `json:"values"`

	// Title is the name to show; Config is how to show the values, as Grafana's fieldConfig has it. Both are
	// filled in last, by configure.
	Title  string         `json:"title"`
	Config map[string]any `json:"config"`
}

// Frame is the answer to one query. All its fields have the same number of values.
type Frame struct {
	RefID  string  `json:"refId"`
	Fields []Field `json:"fields"`
}

// rows returns how many rows the frame has.
func (f Frame) rows() int {
	if len(f.Fields) == 0 {
		return 0
	}
	return len(f.Fields[0].Values)
}

// field returns the field of that name.
func (f Frame) field(name string) (Field, bool) {
	i := slices.IndexFunc(f.Fields, func(field Field) bool { return field.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return f.Fields[i], true
}

// widen turns the answer to a time series query into one number for each time and combination of the text
// columns, which become labels, as the plugin does before Grafana sees it. Rows must be in order of time. An
// answer without text columns stays as it is. The series are in the order of their labels, as Grafana sorts them.
func widen(long Frame) (Frame, error) {
	if long.rows() == 0 {
		return long, nil // over HTTP, an answer without rows has no columns either
	}
	at := slices.IndexFunc(long.Fields, func(f Field) bool { return f.Kind == KindTime })
	if at < 0 {
		return Frame{}, fmt.Errorf("query %s is to be a time series but has no column of a time type", long.RefID)
	}
	var texts, numbers []Field
	for _, field := range long.Fields {
		switch field.Kind {
		case KindString:
			texts = append(texts, field)
		case KindNumber:
			numbers = append(numbers, field)
		}
	}
	if len(texts) == 0 {
		return long, nil
	}

	times := Field{Name: long.Fields[at].Name, Kind: KindTime, Values: []any{}}
	series := map[string]int{} // number's name and labels -> place in wide
	var wide []Field
	for row := range long.rows() {
		when := long.Fields[at].Values[row]
		last := len(times.Values) - 1
		if last < 0 || times.Values[last] != when {
			if last >= 0 && earlier(when, times.Values[last]) {
				return Frame{}, fmt.Errorf("query %s is to be a time series but is not sorted by time", long.RefID)
			}
			times.Values = append(times.Values, when)
			last++
		}
		labels := make(map[string]string, len(texts))
		for _, text := range texts {
			labels[text.Name], _ = text.Values[row].(string)
		}
		for _, number := range numbers {
			key := seriesKey(number.Name, texts, row)
			place, ok := series[key]
			if !ok {
				place = len(wide)
				series[key] = place
				wide = append(wide, Field{Name: number.Name, Kind: KindNumber, Labels: labels})
			}
			for len(wide[place].Values) < last {
				wide[place].Values = append(wide[place].Values, nil)
			}
			wide[place].Values = append(wide[place].Values[:last], number.Values[row])
		}
	}
	for i := range wide {
		for len(wide[i].Values) < len(times.Values) {
			wide[i].Values = append(wide[i].Values, nil)
		}
	}
	slices.SortStableFunc(wide, func(a, b Field) int {
		for _, text := range texts {
			if order := strings.Compare(a.Labels[text.Name], b.Labels[text.Name]); order != 0 {
				return order
			}
		}
		return 0
	})
	return Frame{RefID: long.RefID, Fields: append([]Field{times}, wide...)}, nil
}

// seriesKey tells the series of a row apart; quoting keeps two texts from running into one.
func seriesKey(number string, texts []Field, row int) string {
	key := strconv.Quote(number)
	for _, text := range texts {
		value, _ := text.Values[row].(string)
		key += strconv.Quote(value)
	}
	return key
}

func earlier(a, b any) bool {
	x, _ := a.(float64)
	y, _ := b.(float64)
	return x < y
}
