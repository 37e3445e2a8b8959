package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hookline-io/hookline/internal/testkit"
)

// TestMain makes the test binary the program that the stack runs. Its parts are fakes: they listen where their
// flags say and answer that they are ready. What is tested here is how they are run; the real parts have
// tests of their own.
func TestMain(m *testing.M) {
	if os.Getenv("FAKE_PARTS") == "" {
		os.Exit(m.Run())
	}
	os.Exit(fakePart(os.Args[1], os.Args[2:]))
}

func fakePart(name string, args []string) int {
	fmt.Println("begins with", strings.Join(args, " "))
	if os.Getenv("FAKE_PARTS") == name+" fails" {
		return 1
	}
	for _, arg := range args {
		if dir, ok := strings.CutPrefix(arg, "--data-dir="); ok {
			_ = os.MkdirAll(dir, 0o700)
			_ = os.WriteFile(filepath.Join(dir, "hookline.lock"), nil, 0o600)
		}
		for _, flag := range []string{"--listen=", "--admin-listen="} {
			address, ok := strings.CutPrefix(arg, flag)
			if !ok {
				continue
			}
			l, err := net.Listen("tcp", address)
			if err != nil {
				fmt.Println(err)
				return 1
			}
			go func() { _ = http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) }() //nolint:gosec // a fake
		}
	}
	if name == setup {
		return 0
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	<-terminated
	fmt.Println("ends")
	return 0
}

func fakeOptions(t *testing.T) (Options, *testkit.Text) {
	t.Helper()
	t.Setenv("FAKE_PARTS", "yes")
	out := &testkit.Text{}
	return Options{
		Program: os.Args[0], DataDir: filepath.Join(t.TempDir(), "data"), Ports: unusedPorts(t),
		Out: out, Log: slog.New(slog.NewTextHandler(out, nil)),
	}, out
}

func unusedPorts(t *testing.T) Ports {
	t.Helper()
	ports, _, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	return ports
}

func TestRun(t *testing.T) {
	o, out := fakeOptions(t)
	failure := errors.New("what Main returns")
	o.Main = func(ctx context.Context, s *Stack) error {
		if err := Run(ctx, func() Options { second := o; second.Ports = unusedPorts(t); return second }()); err == nil || !strings.Contains(err.Error(), "another `hookline local` is running") {
			t.Errorf("a second stack on the folder: %v", err)
		}
		if err := s.Signal(Processor, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		testkit.Eventually(t, 20*time.Second, func() error {
			if strings.Count(out.String(), "processor | begins") < 2 {
				return errors.New("the processor is not restarted")
			}
			return nil
		})
		return failure
	}
	if err := Run(context.Background(), o); !errors.Is(err, failure) {
		t.Fatalf("ended with %v\n%s", err, out)
	}
	for _, want := range []string{
		"hookline is ready",
		fmt.Sprintf("http://127.0.0.1:%d/webhooks/{vendor}", o.Ports.Ingest),
		fmt.Sprintf("curl -sS 'http://127.0.0.1:%d/webhooks/gulf-market'", o.Ports.Ingest),
		fmt.Sprintf("--scrape=http://127.0.0.1:%d/metrics --scrape=http://127.0.0.1:%d/metrics", o.Ports.IngestAdmin, o.Ports.ProcessorAdmin),
		fmt.Sprintf("export HOOKLINE_CLICKHOUSE_DSN=clickhouse://writer@127.0.0.1:%d/hookline HOOKLINE_CLICKHOUSE_PASSWORD=file:%s/clickhouse/writer.password", o.Ports.Native, o.DataDir),
		" doctor\n", " audit\n", " dlq list\n",
		fmt.Sprintf("setup     | begins with --clickhouse-dsn=clickhouse://migrator@127.0.0.1:%d/hookline --clickhouse-password=file:%s/clickhouse/migrator.password", o.Ports.Native, o.DataDir),
		fmt.Sprintf("--clickhouse-dsn=clickhouse://writer@127.0.0.1:%d/hookline --clickhouse-password=file:%s/clickhouse/writer.password", o.Ports.Native, o.DataDir),
		fmt.Sprintf("preview   | begins with --clickhouse-dsn=clickhouse://grafana@127.0.0.1:%d/hookline", o.Ports.Native),
		"processor died and is restarted",
		"broker    | ends",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}

// What the sample's secrets are is never printed.
func TestInvariant7_SampleSecrets(t *testing.T) {
	o, out := fakeOptions(t)
	o.Main = func(context.Context, *Stack) error { return nil }
	if err := Run(context.Background(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	secrets, err := filepath.Glob(filepath.Join(o.DataDir, "secrets", "*"))
	if err != nil || len(secrets) != 4 {
		t.Fatalf("%d secrets (%v), want 4", len(secrets), err)
	}
	for _, name := range secrets {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), strings.TrimSpace(string(content))) {
			t.Errorf("the secret in %s was printed", name)
		}
	}
}

// The line that is printed for trying the stack computes the signature that the vendor would send.
func TestPrintedSignature(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("SKIPPED: openssl is not installed")
	}
	o, out := fakeOptions(t)
	o.DataDir = filepath.Join(t.TempDir(), "my data, it's mine")
	o.Main = func(context.Context, *Stack) error { return nil }
	if err := Run(context.Background(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, line, _ := strings.Cut(out.String(), `-H "X-Hub-Signature-256: sha256=`)
	line, _, found := strings.Cut(line, "\"\n")
	if !found {
		t.Fatalf("no signature in:\n%s", out)
	}
	got, err := exec.Command("sh", "-c", "printf %s "+line).Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 64 || strings.Trim(string(got), "0123456789abcdef") != "" {
		t.Errorf("%q is no SHA-256 in hex", got)
	}
}

func TestFresh(t *testing.T) {
	o, out := fakeOptions(t)
	o.Main = func(context.Context, *Stack) error { return nil }
	if err := Run(context.Background(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kept, gone := filepath.Join(o.DataDir, "vendors.yaml"), filepath.Join(o.DataDir, Engine, "table")
	for _, name := range []string{kept, gone} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.Fresh = true
	if err := Run(context.Background(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "x" {
		t.Errorf("vendors.yaml is %q (%v)", text, err)
	}
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("%s is still there", gone)
	}
	if err := os.Remove(filepath.Join(o.DataDir, Engine, "hookline.lock")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gone, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "does not look like") {
		t.Errorf("a folder that is not hookline's: %v", err)
	}
}

func TestBusyPort(t *testing.T) {
	o, _ := fakeOptions(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	o.Ports.ClickHouse = l.Addr().(*net.TCPAddr).Port
	o.Ports.Preview = o.Ports.Ingest
	err = Run(context.Background(), o)
	for _, want := range []string{
		fmt.Sprintf("port %d, for ClickHouse, cannot be had: choose another one with --clickhouse-port", o.Ports.ClickHouse),
		fmt.Sprintf("port %d is meant for both ingest and the dashboard preview", o.Ports.Ingest),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want …%s…", err, want)
		}
	}
	if _, err := os.Stat(o.DataDir); !os.IsNotExist(err) {
		t.Error("the data folder was touched")
	}
}

func TestPartThatCannotStart(t *testing.T) {
	o, out := fakeOptions(t)
	t.Setenv("FAKE_PARTS", "setup fails")
	err := Run(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "setup: did not start: exit status 1") {
		t.Errorf("ended with %v\n%s", err, out)
	}
	if strings.Contains(out.String(), "ingest    | begins") {
		t.Error("ingest was started although setup had failed")
	}
}

// The flags that errors name are those that there are.
func TestPortFlags(t *testing.T) {
	var flags struct {
		Ports Ports `embed:""`
	}
	parser, err := kong.New(&flags)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--port=1", "--preview-port=2", "--clickhouse-port=3", "--clickhouse-native-port=4", "--kafka-port=5", "--ingest-admin-port=6", "--processor-admin-port=7"}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	if want := (Ports{1, 2, 3, 4, 5, 6, 7}); flags.Ports != want {
		t.Errorf("%+v, want %+v", flags.Ports, want)
	}
	for _, port := range flags.Ports.list() {
		if !slices.Contains(args, fmt.Sprintf("%s=%d", port.flag, port.number)) {
			t.Errorf("%s is named for port %d", port.flag, port.number)
		}
	}
}
