package vendors

import "go.yaml.in/yaml/v4"

const (
	nullTag  = "!!null"
	mergeTag = "!!merge"
)

// resolve returns what an alias stands for. The answer is nil, and a problem reported, where aliases do not end.
func (r *reader) resolve(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		if r.aliases++; r.aliases > maxAliases {
			if r.aliases == maxAliases+1 {
				r.failAt(r.place(node), "too many aliases: does one stand inside its own anchor?")
			}
			return nil
		}
		node = node.Alias
	}
	return node
}

// scalarText keeps numbers as they are written: 1.10 stays 1.10.
func scalarText(node *yaml.Node) (string, bool) {
	if node.Kind != yaml.ScalarNode || isNull(node) || node.Style&yaml.TaggedStyle != 0 {
		return "", false
	}
	return node.Value, true
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == nullTag }

func isMapping(node *yaml.Node) bool { return node.Kind == yaml.MappingNode }

func kind(node *yaml.Node) string {
	switch {
	case node.Style&yaml.TaggedStyle != 0, node.Tag == mergeTag:
		return "YAML that is not supported here: write the value out"
	case isMapping(node):
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(node):
		return "nothing"
	}
	return "plain text"
}
