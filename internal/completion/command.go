package completion

import (
	"embed"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

//go:embed scripts
var scripts embed.FS

// Command is `hookline completion`.
type Command struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell that is to complete: bash, zsh or fish."`
}

// Help says where the script goes.
func (*Command) Help() string {
	return `For this session:

    source <(hookline completion bash)
    source <(hookline completion zsh)
    hookline completion fish | source

For all that come:

    hookline completion bash > ~/.local/share/bash-completion/completions/hookline
    hookline completion zsh > "${fpath[1]}/_hookline"
    hookline completion fish > ~/.config/fish/completions/hookline.fish

What is offered comes from the program itself: a new version needs no new script.`
}

// Run prints the script.
func (c *Command) Run() error {
	script, err := scripts.ReadFile("scripts/hookline." + c.Shell)
	if err != nil {
		return fmt.Errorf("completion for %s: %w", c.Shell, err)
	}
	_, err = os.Stdout.Write(script)
	return err
}

// CandidatesCommand is `hookline complete`, which the scripts ask.
type CandidatesCommand struct {
	Words []string `arg:"" optional:"" help:"The command line after the program's name, up to the word that is typed."`
}

// Run prints a candidate a line: the word, a tab, what it does.
func (c *CandidatesCommand) Run(ctx *kong.Context) error {
	for _, candidate := range complete(ctx.Model.Node, c.Words) {
		if _, err := io.WriteString(os.Stdout, candidate.word+"\t"+firstSentence(candidate.help)+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// firstSentence is enough for a list.
func firstSentence(help string) string {
	help = strings.Join(strings.Fields(help), " ")
	if i := strings.Index(help, ". "); i >= 0 {
		help = help[:i]
	}
	return strings.TrimSuffix(help, ".")
}
