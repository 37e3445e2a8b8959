package preview

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// transform applies a panel's transformations one after another, as Grafana does
// (packages/grafana-data/src/transformations and public/app/features/transformers). One that the preview
// does not know is an error.
func transform(frames []Frame, steps []dashboard.DataTransformerConfig) ([]Frame, error) {
	for _, step := range steps {
		if step.Disabled != nil && *step.Disabled {
			continue
		}
		apply, known := transformers[step.Id]
		if !known {
			return nil, fmt.Errorf("the preview does not know the transformation %q", step.Id)
		}
		raw, err := json.Marshal(step.Options)
		if err != nil {
			return nil, fmt.Errorf("transformation %s: %w", step.Id, err)
		}
		if frames, err = apply(frames, raw); err != nil {
			return nil, fmt.Errorf("transformation %s: %w", step.Id, err)
		}
	}
	return frames, nil
}

var transformers = map[string]func([]Frame, json.RawMessage) ([]Frame, error){
	"groupingToMatrix": groupingToMatrix,
	"configFromData":   configFromData,
}

// groupingToMatrix makes one row for each value of one column and one column for each value of another. It
// leaves anything but a single frame that has the columns alone.
func groupingToMatrix(frames []Frame, raw json.RawMessage) ([]Frame, error) {
	var options struct{ RowField, ColumnField, ValueField, EmptyValue string }
	if err := json.Unmarshal(raw, &options); err != nil {
		return nil, err
	}
	if options.EmptyValue != "null" {
		return nil, fmt.Errorf("the preview only knows the empty value null, not %q", options.EmptyValue)
	}
	if len(frames) != 1 {
		return frames, nil
	}
	row, okRow := frames[0].field(options.RowField)
	column, okColumn := frames[0].field(options.ColumnField)
	value, okValue := frames[0].field(options.ValueField)
	if !okRow || !okColumn || !okValue {
		return frames, nil
	}

	names := Field{Name: options.RowField + `\` + options.ColumnField, Kind: KindString, Values: unique(row.Values)}
	places := make(map[any]int, len(names.Values))
	for i, name := range names.Values {
		places[name] = i
	}
	out := []Field{names}
	columns := map[any]int{}
	for i, key := range column.Values {
		place, ok := columns[key]
		if !ok {
			place = len(out)
			columns[key] = place
			out = append(out, Field{
				Name: fmt.Sprint(key), Kind: value.Kind, Config: maps.Clone(value.Config),
				Values: make([]any, len(names.Values)),
			})
		}
		out[place].Values[places[row.Values[i]]] = value.Values[i]
	}
	return []Frame{{RefID: frames[0].RefID, Fields: out}}, nil
}

func unique(values []any) []any {
	seen := make(map[any]bool, len(values))
	out := make([]any, 0, len(values))
	for _, value := range values {
		if !seen[value] {
			seen[value] = true
			out = append(out, value)
		}
	}
	return out
}

// configFromData takes the answer to one query as configuration for the numbers of all others.
func configFromData(frames []Frame, raw json.RawMessage) ([]Frame, error) {
	var options struct {
		ConfigRefID string `json:"configRefId"`
		Mappings    []struct{ FieldName, HandlerKey, ReducerID string }
	}
	if err := json.Unmarshal(raw, &options); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(frames, func(f Frame) bool { return f.RefID == options.ConfigRefID })
	if at < 0 {
		return frames, nil
	}
	config := map[string]any{}
	for _, mapping := range options.Mappings {
		if mapping.HandlerKey != "unit" && mapping.HandlerKey != "decimals" || mapping.ReducerID != "lastNotNull" {
			return nil, fmt.Errorf("the preview does not know the mapping of %s to %s by %s", mapping.FieldName, mapping.HandlerKey,
				mapping.ReducerID)
		}
		if field, ok := frames[at].field(mapping.FieldName); ok {
			if value := lastNotNull(field.Values); value != nil {
				config[mapping.HandlerKey] = value
			}
		}
	}
	var out []Frame
	for i, frame := range frames {
		if i == at && len(frames) > 1 {
			continue
		}
		frame.Fields = slices.Clone(frame.Fields)
		for j, field := range frame.Fields {
			if field.Kind == KindNumber {
				merged := maps.Clone(config)
				maps.Copy(merged, field.Config)
				frame.Fields[j].Config = merged
			}
		}
		out = append(out, frame)
	}
	return out, nil
}

func lastNotNull(values []any) any {
	for _, value := range slices.Backward(values) {
		if value != nil {
			return value
		}
	}
	return nil
}
