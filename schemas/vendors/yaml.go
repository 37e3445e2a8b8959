package vendors

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Visit implements ast.Visitor: it collects the anchors.
func (r *reader) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		r.anchors[anchor.Name.GetToken().Value] = anchor.Value
	}
	return r
}

// resolve returns what an anchor or alias stands for. The answer is nil, and a problem reported, where that is
// nothing.
func (r *reader) resolve(node ast.Node) ast.Node {
	switch n := node.(type) {
	case *ast.AnchorNode:
		return r.resolve(n.Value)
	case *ast.AliasNode:
		if r.aliases++; r.aliases > maxAliases {
			if r.aliases == maxAliases+1 {
				r.failAt(r.place(node), "too many aliases: does one stand inside its own anchor?")
			}
			return nil
		}
		name := n.Value.GetToken().Value
		if target := r.anchors[name]; target != nil {
			return r.resolve(target)
		}
		r.failAt(r.place(node), "unknown alias *%s: no &%s in this file", name, name)
		return nil
	case *ast.MappingNode:
		return plainText(n)
	}
	return node
}

// plainText undoes a misreading of the YAML library: of a list inside {} it takes the item env:NAME for a mapping,
// while YAML asks for a space after the colon (https://yaml.org/spec/1.2.2/#733-plain-style).
func plainText(m *ast.MappingNode) ast.Node {
	if len(m.Values) != 1 || m.Start.Type == token.MappingStartType {
		return m
	}
	key, colon, value := m.Values[0].Key.GetToken(), m.Start, m.Values[0].Value.GetToken()
	if key.Type != token.StringType || value == nil || value.Position.Offset != colon.Position.Offset+1 {
		return m
	}
	text := key.Value + ":" + value.Value
	return ast.String(token.New(text, text, key.Position))
}

// scalarText keeps numbers as they are written: 1.10 stays 1.10.
func scalarText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func isMapping(node ast.Node) bool {
	return node.Type() == ast.MappingType || node.Type() == ast.MappingValueType
}

func kind(node ast.Node) string {
	switch node.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	case ast.SequenceType:
		return "a list"
	case ast.NullType:
		return "nothing"
	case ast.MergeKeyType, ast.TagType:
		return "YAML that is not supported here: write the value out"
	}
	return "plain text"
}
