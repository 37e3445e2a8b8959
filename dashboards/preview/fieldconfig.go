package preview

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// configure gives every field its title and its configuration: what the transformations put on it, else the
// panel's defaults, and the overrides that match over both, in Grafana's order
// (packages/grafana-data/src/field/fieldOverrides.ts).
func configure(frames []Frame, source *dashboard.FieldConfigSource, choices Choices) error {
	if source == nil {
		source = dashboard.NewFieldConfigSource()
	}
	for i := range frames {
		for j := range frames[i].Fields {
			field := &frames[i].Fields[j]
			config, err := asMap(source.Defaults)
			if err != nil {
				return err
			}
			for key, value := range field.Config {
				config[key] = value
			}
			for _, override := range source.Overrides {
				matches, err := matcher(override.Matcher, frames[i].RefID, *field)
				if err != nil {
					return err
				}
				if !matches {
					continue
				}
				for _, property := range override.Properties {
					set(config, strings.Split(property.Id, "."), property.Value)
				}
			}
			field.Config = config
			if field.Title, err = title(*field, choices); err != nil {
				return err
			}
			if err := interpolateLinks(config, choices); err != nil {
				return err
			}
		}
	}
	return nil
}

// interpolateLinks replaces the board's variables in the addresses of a field's links. What a link takes from
// the row it stands in is left to the page.
func interpolateLinks(config map[string]any, choices Choices) error {
	raw, err := json.Marshal(config["links"])
	if err != nil {
		return fmt.Errorf("links: %w", err)
	}
	var links []struct {
		Title string `json:"title"`
		URL   string `json:"url"`
	}
	if err := json.Unmarshal(raw, &links); err != nil {
		return fmt.Errorf("links: %w", err)
	}
	for i := range links {
		if links[i].URL, err = choices.Interpolate(links[i].URL); err != nil {
			return err
		}
	}
	if len(links) > 0 {
		config["links"] = links
	}
	return nil
}

func asMap(v any) (map[string]any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("field configuration: %w", err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("field configuration: %w", err)
	}
	return out, nil
}

func set(config map[string]any, path []string, value any) {
	if len(path) == 1 {
		config[path[0]] = value
		return
	}
	inner, ok := config[path[0]].(map[string]any)
	if !ok {
		inner = map[string]any{}
		config[path[0]] = inner
	}
	set(inner, path[1:], value)
}

// matcher says whether an override is meant for a field.
func matcher(m dashboard.MatcherConfig, refID string, field Field) (bool, error) {
	option, _ := m.Options.(string)
	switch m.Id {
	case "byName":
		return field.Name == option, nil
	case "byType":
		return string(field.Kind) == option, nil
	case "byFrameRefID":
		return refID == option, nil
	case "byRegexp":
		pattern, err := regexp.Compile(strings.TrimSuffix(strings.TrimPrefix(option, "/"), "/"))
		if err != nil {
			return false, fmt.Errorf("override: %w", err)
		}
		return pattern.MatchString(field.Name), nil
	}
	return false, fmt.Errorf("the preview does not know the override matcher %q", m.Id)
}

// fieldReference finds the references to a field that a display name may hold.
var fieldReference = regexp.MustCompile(`\$\{__field\.(name|labels\.([^}]+))\}`)

// title is the name to show for a field: its display name, else its own name and its labels.
func title(field Field, choices Choices) (string, error) {
	pattern, _ := field.Config["displayName"].(string)
	if pattern == "" {
		parts := []string{field.Name}
		for _, label := range field.Labels {
			if len(field.Labels) == 1 {
				parts = append(parts, label)
			} else {
				raw, err := json.Marshal(field.Labels)
				return field.Name + " " + string(raw), err
			}
		}
		return strings.Join(parts, " "), nil
	}
	pattern, err := choices.Interpolate(pattern)
	if err != nil {
		return "", err
	}
	named := fieldReference.ReplaceAllStringFunc(pattern, func(match string) string {
		parts := fieldReference.FindStringSubmatch(match)
		if parts[1] == "name" {
			return field.Name
		}
		return field.Labels[parts[2]]
	})
	if named == "" {
		return field.Name, nil
	}
	return named, nil
}
