package preview

import (
	"context"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestCommandIsReadFromArgumentsAndEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOOKLINE_CLICKHOUSE_DSN", "http://ch.example:8123/other")
	parse := func(arguments ...string) (Command, error) {
		var cli struct {
			Preview Command `cmd:""`
		}
		parser, err := kong.New(&cli, kong.DefaultEnvars("HOOKLINE"), kong.Writers(io.Discard, io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(append([]string{"preview"}, arguments...))
		return cli.Preview, err
	}
	got, err := parse("--assets", dir)
	if err != nil {
		t.Fatal(err)
	}
	want := Command{Listen: "127.0.0.1:3000", ClickhouseDSN: "http://ch.example:8123/other", Assets: dir}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := parse(); err == nil || !strings.Contains(err.Error(), "--assets") {
		t.Errorf("without assets: %v", err)
	}
}

func TestCommandSaysWhatIsWrong(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for want, command := range map[string]Command{
		"--listen":              {Listen: busy.Addr().String(), ClickhouseDSN: "http://127.0.0.1:1/hookline", Assets: assets(t)},
		"cannot be read":        {ClickhouseDSN: "::secret::", Assets: assets(t)},
		"no address of metrics": {ClickhouseDSN: "http://127.0.0.1:1/hookline", Scrape: []string{"ingest"}, Assets: assets(t)},
		"installed echarts":     {ClickhouseDSN: "http://127.0.0.1:1/hookline", Assets: t.TempDir()},
	} {
		err := command.Run(context.Background(), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v; want an error with %q", err, want)
		}
	}
}
