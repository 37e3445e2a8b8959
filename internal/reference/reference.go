// Package reference writes the page of every flag of every command, from the commands themselves.
package reference

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"
)

//go:embed configuration.md.tmpl
var page string

// flag is one row.
type flag struct{ Flag, Env, Default, Help string }

// section is what one command has, or what several have in common.
type section struct {
	Title string
	Help  string
	// Detail is what --help says besides, with examples.
	Detail string
	Used   []string // by which commands; empty for a command's own, and where all have it
	Args   []flag   // positional arguments; of these Flag and Help
	Flags  []flag
}

// group is flags of one part or for one purpose, known by what their names start with.
type group struct {
	prefix, title string
	shared        bool // many commands have them: the page reports them once
}

var groups = []group{
	{"log-", "Log", true},
	{"kafka-", "Kafka", true},
	{"clickhouse-", "ClickHouse", true},
	{"batch-", "Batches", false},
	{"retry-", "Retries", false},
	{"actions-", "Actions", false},
	{"alert-", "Alerts", false},
	{"topics-", "Topics", false},
	{"keep-", "Retention", false},
	{"grafana-", "Grafana", true},
	{"tls-", "TLS", false},
	{"admin-", "Admin listener", false},
}

// Group puts each such flag under its heading in --help.
func Group(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			for _, g := range groups {
				if strings.HasPrefix(f.Name, g.prefix) {
					f.Group = &kong.Group{Key: g.prefix, Title: g.title + ":"}
				}
			}
		}
		return next(nil)
	})
}

// Markdown returns the page. A flag that several commands have, in the same words and with the same default, is shown
// of once.
func Markdown(app *kong.Application) ([]byte, error) {
	used := map[flag][]string{}
	leaves := app.Leaves(true)
	for _, command := range leaves {
		for _, f := range flags(command) {
			used[f] = append(used[f], command.Path())
		}
	}
	data := struct{ Shared, Commands []section }{}
	for _, g := range groups {
		shared := section{Title: g.title}
		for _, command := range leaves {
			for _, f := range flags(command) {
				if g.common(f, used) && !slices.Contains(shared.Flags, f) {
					shared.Flags = append(shared.Flags, f)
				}
			}
		}
		for _, f := range shared.Flags {
			for _, name := range used[f] {
				if !slices.Contains(shared.Used, name) {
					shared.Used = append(shared.Used, name)
				}
			}
		}
		if len(shared.Used) == len(leaves) {
			shared.Used = nil
		}
		if len(shared.Flags) > 0 {
			data.Shared = append(data.Shared, shared)
		}
	}
	for _, command := range leaves {
		own := section{Title: command.Path(), Help: command.Help, Detail: command.Detail}
		for _, arg := range command.Positional {
			own.Args = append(own.Args, flag{Flag: arg.Summary(), Help: arg.Help})
		}
		for _, f := range flags(command) {
			if !slices.ContainsFunc(groups, func(g group) bool { return g.common(f, used) }) {
				own.Flags = append(own.Flags, f)
			}
		}
		data.Commands = append(data.Commands, own)
	}
	t, err := template.New("configuration").Funcs(template.FuncMap{"join": func(s []string) string { return strings.Join(s, "`, `") }}).Parse(page)
	if err != nil {
		return nil, fmt.Errorf("write the reference of flags: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("write the reference of flags: %w", err)
	}
	return out.Bytes(), nil
}

func (g group) common(f flag, used map[flag][]string) bool {
	return g.shared && strings.HasPrefix(f.Flag, "--"+g.prefix) && len(used[f]) > 1
}

// flags are those of a command, its own and those of all commands.
func flags(command *kong.Node) []flag {
	var out []flag
	for _, group := range command.AllFlags(true) {
		for _, f := range group {
			if f.Name == "help" || f.Name == "version" {
				continue
			}
			row := flag{Flag: "--" + f.Name, Default: f.Default, Help: cell(f.Help)}
			if f.Tag.Negatable != "" {
				row.Flag = "--[no-]" + f.Name
			}
			if f.Required {
				row.Default = "*required*"
			} else if f.Default != "" {
				row.Default = "`" + f.Default + "`"
			}
			if len(f.Envs) > 0 && f.Envs[0] != "-" {
				row.Env = "`" + f.Envs[0] + "`"
			}
			out = append(out, row)
		}
	}
	return out
}

// cell is text as one cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
