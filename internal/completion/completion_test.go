package completion

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

type grammar struct {
	Level   string           `help:"How much to log."`
	Version kong.VersionFlag `help:"Print the version."`

	Ingest struct {
		Listen  string   `help:"Address to listen on. More about it."`
		Sasl    string   `enum:"none,plain,scram" default:"none" help:"How to log in."`
		Header  []string `short:"H" help:"A header."`
		Heal    bool     `negatable:"" help:"Heal what is broken."`
		Brokers []string `hidden:"" help:"Nobody needs to know."`
	} `cmd:"" help:"Take deliveries."`
	Vendor struct {
		Check struct {
			File string `arg:"" optional:"" help:"File to check."`
		} `cmd:"" help:"Check a file."`
		Shell struct {
			Shell string `arg:"" enum:"bash,zsh" help:"Shell."`
		} `cmd:"" help:"Print a script."`
	} `cmd:"" help:"Try out vendors."`
	Secret struct{} `cmd:"" hidden:"" help:"Nobody needs to know."`
}

func TestComplete(t *testing.T) {
	parser, err := kong.New(&grammar{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ line, want string }{
		{"", "ingest vendor"},
		{"ing", "ingest"},
		{"sec", ""},
		{"vendor ", "check shell"},
		{"vendor c", "check"},
		{"nonsense ", "ingest vendor"},
		{"-", "--help --level --version"},
		{"--level debug ", "ingest vendor"},
		{"--level ", ""},
		{"--level=debug ing", "ingest"},
		{"ingest ", "--header --heal --help --level --listen --no-heal --sasl --version"},
		{"ingest --s", "--sasl"},
		{"ingest --b", ""},
		{"ingest --sasl ", "none plain scram"},
		{"ingest --sasl pl", "plain"},
		{"ingest --sasl=", "--sasl=none --sasl=plain --sasl=scram"},
		{"ingest --sasl=s", "--sasl=scram"},
		{"ingest --sasl=plain --s", ""},
		{"ingest --header a --hea", "--header --heal"},
		{"ingest -H --l", ""}, // it is the header
		{"ingest -H a --li", "--listen"},
		{"ingest --heal ", "--header --help --level --listen --sasl --version"},
		{"ingest --heal=", "--heal=false --heal=true"},
		{"ingest --listen ", ""},
		{"ingest --unknown=", ""},
		{"vendor check ", ""},
		{"vendor check a.yaml ", "--help --level --version"},
		{"vendor check -- --", ""},
		{"vendor shell ", "bash zsh"},
		{"vendor shell --level info z", "zsh"},
		{"vendor shell -- z", "zsh"},
	} {
		var got []string
		for _, c := range complete(parser.Model.Node, strings.Split(test.line, " ")) {
			got = append(got, c.word)
		}
		if want := strings.Fields(test.want); !slices.Equal(got, want) {
			t.Errorf("%q goes on as %q, want %q", test.line, got, want)
		}
	}
	if got := complete(parser.Model.Node, nil); len(got) != 2 || got[0] != (candidate{"ingest", "Take deliveries."}) {
		t.Errorf("an empty line goes on as %q", got)
	}
}

func TestFirstSentence(t *testing.T) {
	for help, want := range map[string]string{
		"":                          "",
		"Address to listen on.":     "Address to listen on",
		"Two\n lines. And another.": "Two lines",
	} {
		if got := firstSentence(help); got != want {
			t.Errorf("of %q: %q, want %q", help, got, want)
		}
	}
}
