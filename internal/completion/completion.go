// Package completion completes command lines in bash, zsh and fish. The scripts that these load only ask the program
// itself, so that what is offered is what this version takes.
package completion

import (
	"cmp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// candidate is a way in which the last word may go on.
type candidate struct{ word, help string }

// line is a command line as far as it has been read.
type line struct {
	node     *kong.Node
	given    []*kong.Flag
	pending  *kong.Flag // the next word is its value
	args     int        // positional arguments before the last word
	argsOnly bool       // "--" was read: no flags any more
}

// complete returns what the last of the words, which may be empty, may become. No candidates means that the shell's own,
// names of files, are the best guess.
func complete(app *kong.Node, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	at, last := line{node: app}, words[len(words)-1]
	for _, word := range words[:len(words)-1] {
		at.read(word)
	}
	name, _, assigned := strings.Cut(last, "=")
	var all []candidate
	switch {
	case at.pending != nil:
		all = values(at.pending.Value, "")
	case !at.argsOnly && assigned && strings.HasPrefix(name, "-"):
		if f := at.flag(name); f != nil {
			all = values(f.Value, name+"=")
		}
	case !at.argsOnly && strings.HasPrefix(last, "-"):
		all = at.flags()
	default:
		all = at.next()
	}
	all = slices.DeleteFunc(all, func(c candidate) bool { return !strings.HasPrefix(c.word, last) })
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.word, b.word) })
	return all
}

// read takes a word that is complete.
func (l *line) read(word string) {
	switch {
	case l.pending != nil:
		l.pending = nil
	case l.argsOnly:
		l.args++
	case word == "--":
		l.argsOnly = true
	case strings.HasPrefix(word, "-") && word != "-":
		name, _, assigned := strings.Cut(word, "=")
		if f := l.flag(name); f != nil {
			l.given = append(l.given, f)
			if !assigned && takesValue(f) {
				l.pending = f
			}
		}
	default:
		i := slices.IndexFunc(l.node.Children, func(n *kong.Node) bool { return n.Name == word })
		if i < 0 {
			l.args++
			return
		}
		l.node, l.args = l.node.Children[i], 0
	}
}

func takesValue(f *kong.Flag) bool { return !f.IsBool() && !f.IsCounter() }

// flag finds a flag by its name as it is typed.
func (l *line) flag(name string) *kong.Flag {
	for _, group := range l.node.AllFlags(false) {
		for _, f := range group {
			if slices.Contains(names(f), name) || f.Short != 0 && name == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

// names are the long spellings of a flag.
func names(f *kong.Flag) []string {
	out := []string{"--" + f.Name}
	if f.Tag.Negatable != "" {
		out = append(out, "--no-"+f.Name)
	}
	return out
}

// flags are those that may still be given.
func (l *line) flags() (out []candidate) {
	for _, group := range l.node.AllFlags(true) {
		for _, f := range group {
			if slices.Contains(l.given, f) && !f.IsCumulative() {
				continue
			}
			for _, name := range names(f) {
				out = append(out, candidate{name, f.Help})
			}
		}
	}
	return out
}

// next are the words that may stand here without a dash, and where there is none, the flags.
func (l *line) next() (out []candidate) {
	for _, child := range l.node.Children {
		if !child.Hidden {
			out = append(out, candidate{child.Name, child.Help})
		}
	}
	if l.args < len(l.node.Positional) {
		return append(out, values(l.node.Positional[l.args], "")...)
	}
	if len(out) == 0 && !l.argsOnly {
		out = l.flags()
	}
	return out
}

// values are those that a flag or argument says it takes.
func values(v *kong.Value, prefix string) (out []candidate) {
	words := []string{}
	switch {
	case v.Enum != "":
		words = v.EnumSlice()
	case v.IsBool():
		words = []string{"true", "false"}
	}
	for _, word := range words {
		out = append(out, candidate{word: prefix + word})
	}
	return out
}
