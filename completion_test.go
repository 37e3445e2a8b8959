package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// The scripts are tried in the shells that they are for, with the real program.
func TestShellsComplete(t *testing.T) {
	itself, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "hookline")
	if err := os.Symlink(itself, binary); err != nil {
		t.Fatal(err)
	}
	in := func(t *testing.T, shell string, script string) string {
		t.Helper()
		if _, err := exec.LookPath(shell); err != nil {
			t.Skipf("%s is not installed (Debian: apt-get install %s)", shell, shell)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, shell, "-c", script)
		cmd.WaitDelay = time.Second // what the shell has started may hold on to its output
		cmd.Dir = t.TempDir()
		cmd.Env = []string{"PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "TERM=dumb", "LC_ALL=C.UTF-8", asProgram + "=yes"}
		if err := os.WriteFile(filepath.Join(cmd.Dir, "sample.json"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	t.Run("bash", func(t *testing.T) {
		out := in(t, "bash", `source <(hookline completion bash)
			try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _hookline; echo "${COMPREPLY[*]}" | tr '\n' ' '; echo; }
			try hookline proc
			try hookline vendor ''
			try hookline ingest --kafka-sasl s
			try hookline ingest --kafka-sasl = p
			try hookline ingest --kafka-sasl =
			try hookline vendor check sam
			complete -p hookline`)
		want := "processor\ncheck docs list send sign\nscram-sha-256 scram-sha-512\nplain\nnone oauthbearer plain scram-sha-256 scram-sha-512\n\ncomplete -o bashdefault -o default -F _hookline hookline\n"
		if got := strings.ReplaceAll(out, " \n", "\n"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("fish", func(t *testing.T) {
		out := in(t, "fish", `hookline completion fish | source
			complete -C 'hookline proc'
			complete -C 'hookline ingest --kafka-sasl s'
			complete -C 'hookline ingest --kafka-sasl=p'
			complete -C 'hookline vendor check sam'`)
		want := "processor\tStore events in ClickHouse, each once, with what it counts as\nscram-sha-256\nscram-sha-512\n--kafka-sasl=plain\nsample.json\n"
		if out != want {
			t.Errorf("got\n%s\nwant\n%s", out, want)
		}
	})
	// zsh completes in its editor only: a terminal types the line, and a key of ours prints what has become of it.
	t.Run("zsh", func(t *testing.T) {
		for typed, want := range map[string]string{
			"hookline process":                 "hookline processor",
			"hookline ingest --enqueue":        "hookline ingest --enqueue-timeout",
			"hookline ingest --kafka-sasl=pl":  "hookline ingest --kafka-sasl=plain",
			"hookline ingest --kafka-sasl pla": "hookline ingest --kafka-sasl plain",
			"hookline vendor check sam":        "hookline vendor check sample.json",
		} {
			out := in(t, "zsh", `zmodload zsh/zpty
				zpty shell zsh -f -i
				zpty -w shell 'show() { print -r "<<$BUFFER>>" }; zle -N show; bindkey "^X" show
					autoload -U compinit; compinit -u; source <(hookline completion zsh); print rea""dy'
				zpty -r -m shell seen '*ready*'
				zpty -w -n shell '`+typed+`'$'\t\C-x'
				zpty -r -m shell seen '*<<*>>*'
				print -r -- "${${seen##*<<}%%>>*}"`)
			if got := strings.TrimSpace(out); got != want {
				t.Errorf("%q became %q, want %q", typed, got, want)
			}
		}
	})
}

// The help of each command says in a line what it is for, and shows it where that is not plain from its name. What it
// shows must be a command that can be given.
func TestHelpTeaches(t *testing.T) {
	parser := commandLine(t)
	for _, command := range parser.Model.Leaves(true) {
		if !strings.HasSuffix(command.Help, ".") || strings.Contains(command.Help, "\n") {
			t.Errorf("hookline %s: %q is no line", command.Path(), command.Help)
		}
		if command.ClosestGroup() == nil {
			t.Errorf("hookline %s is under no heading", command.Path())
		}
		examples := 0
		for line := range strings.Lines(command.Detail) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "hookline ") {
				continue
			}
			examples++
			if !strings.HasPrefix(line, "hookline "+command.Path()) {
				t.Errorf("hookline %s shows another command: %s", command.Path(), line)
			}
			if err := parses(parser, line); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
		if plain := map[string]bool{"broker": true, "engine": true, "vendor list": true, "vendor docs": true}; examples == 0 && !plain[command.Path()] {
			t.Errorf("hookline %s shows no example", command.Path())
		}
	}
}

// parses says whether hookline would take a command line as a shell hands it over. What it requires may be missing, and so
// may the files that it names and the value of its last flag.
func parses(parser *kong.Kong, line string) error {
	line, _, _ = strings.Cut(line, " | ")
	line, _, _ = strings.Cut(line, " > ")
	line, _, _ = strings.Cut(line, " < ")
	line, _, _ = strings.Cut(line, " #")
	args := words(line)[1:]
	found, err := kong.Trace(parser, args)
	if err != nil {
		return err
	}
	for _, fine := range []string{"no such file", "missing value", `"EOL"`, "expected "} {
		if found.Error != nil && strings.Contains(found.Error.Error(), fine) {
			return nil
		}
	}
	return found.Error
}

// words splits a line as a shell does, as far as quotes go.
func words(line string) (out []string) {
	word, quote, begun := "", rune(0), false
	for _, r := range line + " " {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case r == quote:
			quote = 0
		case quote == 0 && r == ' ':
			if begun {
				out = append(out, word)
			}
			word, begun = "", false
		default:
			word, begun = word+string(r), true
		}
	}
	return out
}
