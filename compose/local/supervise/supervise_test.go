package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookline-io/hookline/compose/local/supervise"
	"github.com/hookline-io/hookline/internal/testkit"
)

// TestMain makes the test binary its own children. They are fakes: they do nothing but start, serve and end in
// the ways that real ones do.
func TestMain(m *testing.M) {
	mode := os.Getenv("FAKE_CHILD")
	if mode == "" {
		os.Exit(m.Run())
	}
	os.Exit(fakeChild(mode, os.Args[1:]))
}

func fakeChild(mode string, args []string) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	fmt.Println("begins", strings.Join(args, " "))
	switch mode {
	case "once":
		return 0
	case "fails":
		fmt.Fprint(os.Stderr, "no vendors.yaml") // a last line without an end
		return 3
	case "stubborn":
		serveFile(args[0])
		for {
			<-terminated
		}
	case "serves":
		serveFile(args[0])
		<-terminated
		fmt.Println("ends")
		return 0
	case "supervises": // a supervisor that will be killed
		signal.Reset(syscall.SIGTERM)
		s, err := supervise.New(supervise.Options{
			Program: os.Args[0], Output: io.Discard, Log: slog.New(slog.DiscardHandler),
			Children: []supervise.Child{{Name: "a", Args: args, Env: []string{"FAKE_CHILD=serves"}, Ready: fileProbe(args[0])}},
		})
		if err != nil {
			return 1
		}
		return len(fmt.Sprint(s.Run(context.Background(), func() { _ = os.WriteFile(args[0]+".up", nil, 0o600) })))
	}
	return 9
}

// serveFile says in a file that the child is ready, and which process it is.
func serveFile(name string) { _ = os.WriteFile(name, fmt.Append(nil, os.Getpid()), 0o600) }

func fileProbe(name string) supervise.Probe {
	return func(context.Context) error {
		_, err := os.Stat(name)
		return err
	}
}

// stack is a supervisor under test.
type stack struct {
	*supervise.Supervisor
	t      *testing.T
	cancel context.CancelFunc
	ready  chan struct{}
	result chan error
	out    testkit.Text
}

func run(t *testing.T, change func(*supervise.Options), children ...supervise.Child) *stack {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &stack{t: t, cancel: cancel, ready: make(chan struct{}), result: make(chan error, 1)}
	o := supervise.Options{
		Program: os.Args[0], Children: children, Output: &s.out, Log: slog.New(slog.NewTextHandler(&s.out, nil)),
		Pause: 10 * time.Millisecond, StopWithin: 20 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	var err error
	if s.Supervisor, err = supervise.New(o); err != nil {
		t.Fatal(err)
	}
	go func() { s.result <- s.Run(ctx, func() { close(s.ready) }) }()
	t.Cleanup(func() { _ = s.stop() })
	return s
}

func (s *stack) stop() error {
	s.cancel()
	return s.ended()
}

func (s *stack) ended() error {
	select {
	case err := <-s.result:
		s.result <- err
		return err
	case <-time.After(40 * time.Second):
		s.t.Fatalf("did not stop:\n%s", s.out.String())
		return nil
	}
}

func (s *stack) awaitReady() {
	s.t.Helper()
	select {
	case <-s.ready:
	case <-time.After(30 * time.Second):
		s.t.Fatalf("not ready:\n%s", s.out.String())
	}
}

func fake(t *testing.T, name, mode string, after ...string) supervise.Child {
	file := filepath.Join(t.TempDir(), name)
	c := supervise.Child{Name: name, Args: []string{file}, Env: []string{"FAKE_CHILD=" + mode}, After: after}
	if mode != "once" {
		c.Ready = fileProbe(file)
	}
	return c
}

// order fails the test unless the texts come one after the other.
func order(t *testing.T, text string, wants ...string) {
	t.Helper()
	rest := text
	for _, want := range wants {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%q is missing or too early in:\n%s", want, text)
		}
		rest = after
	}
}

func TestOrder(t *testing.T) {
	s := run(t, nil, fake(t, "broker", "serves"), fake(t, "setup", "once", "broker"), fake(t, "ingest", "serves", "setup", "broker"))
	s.awaitReady()
	if err := s.stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	order(t, s.out.String(), "broker | begins", "setup  | begins", "ingest | begins", "ingest | ends", "broker | ends")
}

func TestRestart(t *testing.T) {
	c := fake(t, "ingest", "serves")
	s := run(t, nil, c)
	s.awaitReady()
	before, err := os.ReadFile(c.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Signal("ingest", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		now, err := os.ReadFile(c.Args[0])
		if err == nil && (len(now) == 0 || string(now) == string(before)) {
			err = errors.New("it is not restarted")
		}
		return err
	})
	if err := s.stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	order(t, s.out.String(), "begins", "ingest died and is restarted", "signal: killed", "begins", "ends")
	if err := s.Signal("ingest", syscall.SIGKILL); err == nil {
		t.Error("killed a child that is gone")
	}
	if err := s.Signal("absent", syscall.SIGKILL); err == nil {
		t.Error("killed a child that is not there")
	}
}

// A child that hangs is not restarted, and goes on when it is let.
func TestHang(t *testing.T) {
	c := fake(t, "ingest", "serves")
	s := run(t, nil, c)
	s.awaitReady()
	pid := s.PIDs()["ingest"]
	state := func(want string) {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, func() error {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err == nil && strings.Contains(string(stat), ") T ") != (want == "hangs") {
				err = fmt.Errorf("%s, want one that %s", stat, want)
			}
			return err
		})
	}
	if err := s.Signal("ingest", syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		state("hangs")
	}
	if err := s.Signal("ingest", syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		state("runs")
	}
	if now := s.PIDs()["ingest"]; now != pid || pid == 0 {
		t.Errorf("process %d became %d", pid, now)
	}
	if err := s.stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if left := s.PIDs(); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

// A child that cannot start is an error, not a loop: what is wrong with it will not change by itself.
func TestFailureToStart(t *testing.T) {
	for name, test := range map[string]struct {
		mode   string
		within time.Duration
		want   string
	}{
		"it ends":           {"fails", 0, "ingest: did not start: exit status 3"},
		"it never is ready": {"serves", 300 * time.Millisecond, "ingest: did not start: not ready within 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			ingest := fake(t, "ingest", test.mode, "broker")
			if test.within > 0 {
				ingest.Ready = func(context.Context) error { return errors.New("never") }
			}
			s := run(t, func(o *supervise.Options) { o.StartWithin = max(test.within, 0) }, fake(t, "broker", "serves"), ingest)
			if err := s.ended(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ended with %v, want …%s…", err, test.want)
			}
			if test.mode == "fails" {
				order(t, s.out.String(), "ingest | no vendors.yaml\n", "broker | ends")
			}
		})
	}
}

func TestStopIsBounded(t *testing.T) {
	s := run(t, func(o *supervise.Options) { o.StopWithin = 300 * time.Millisecond }, fake(t, "broker", "serves"), fake(t, "ingest", "stubborn", "broker"))
	s.awaitReady()
	// The broker may be killed as well: its turn comes when ingest is gone.
	if err := s.stop(); err == nil || !strings.Contains(err.Error(), "ingest did not stop within 300ms and was killed") {
		t.Errorf("stopped with %v", err)
	}
}

// The children of a supervisor that is killed do not live on.
func TestChildrenDieWithTheSupervisor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only Linux can do this")
	}
	c := fake(t, "supervisor", "supervises")
	file := c.Args[0]
	c.Ready = fileProbe(file + ".up")
	s := run(t, nil, c)
	s.awaitReady()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var grandchild int
	if _, err := fmt.Sscan(string(text), &grandchild); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil { // or the restarted supervisor's child is ready at once
		t.Fatal(err)
	}
	if err := s.Signal("supervisor", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if errors.Is(syscall.Kill(grandchild, 0), syscall.ESRCH) {
			return nil
		}
		return fmt.Errorf("process %d lives on", grandchild)
	})
}

func TestNewRefuses(t *testing.T) {
	for name, children := range map[string][]supervise.Child{
		"a need that comes later": {{Name: "a", After: []string{"b"}}, {Name: "b"}},
		"a need that is itself":   {{Name: "a", After: []string{"a"}}},
		"two of a name":           {{Name: "a"}, {Name: "a"}},
	} {
		if _, err := supervise.New(supervise.Options{Children: children}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestProbes(t *testing.T) {
	status := http.StatusServiceUnavailable
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer s.Close()
	server := s.Listener.Addr().String()
	ctx := context.Background()
	if err := supervise.HTTP("http://" + server)(ctx); err == nil {
		t.Error("503 is ready")
	}
	status = http.StatusOK
	if err := supervise.HTTP("http://" + server)(ctx); err != nil {
		t.Error(err)
	}
	if err := supervise.TCP(server)(ctx); err != nil {
		t.Error(err)
	}
	if err := supervise.TCP("127.0.0.1:1")(ctx); err == nil {
		t.Error("a closed port is ready")
	}
}
