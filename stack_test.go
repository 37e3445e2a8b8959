package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// The tests of this folder run the program as a user does: `hookline local`, every part a process of its own. The test
// binary is that program, so that there is nothing to build first and the race detector watches every part.

// asProgram names the environment variable that makes the test binary the program.
const asProgram = "HOOKLINE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	testkit.Main(m)
}

// program is a command of the program that has yet to be started.
func program(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], arguments...)
	cmd.Env = append(os.Environ(), asProgram+"=yes")
	return cmd
}

// stack is a running `hookline local`.
type stack struct {
	t                  *testing.T
	dir                string
	ingest, clickhouse string
	admins             []string // of ingest and the processor
	program            *os.Process
	sender             *sender.Sender
}

// start runs the stack for vendors.yaml, whose secrets stand beside it.
func start(t *testing.T, vendorsYAML string, secrets map[string]string) *stack {
	t.Helper()
	s := &stack{t: t, dir: t.TempDir()}
	file := filepath.Join(s.dir, "vendors.yaml")
	write(t, file, vendorsYAML)
	for name, secret := range secrets {
		write(t, filepath.Join(s.dir, name), secret)
	}
	ports := freePorts(t, 7)
	s.ingest, s.clickhouse = "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1]
	s.admins = []string{"http://127.0.0.1:" + ports[4], "http://127.0.0.1:" + ports[5]}
	cmd := program(context.Background(), "local", "--data-dir", filepath.Join(s.dir, "data"), "--vendors", file, "--port", ports[0],
		"--clickhouse-port", ports[1], "--clickhouse-native-port", ports[6], "--kafka-port", ports[2], "--preview-port", ports[3], "--ingest-admin-port", ports[4], "--processor-admin-port", ports[5])
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	s.program = cmd.Process
	var log bytes.Buffer
	ready, drained := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drained)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(&log, lines.Text())
			if strings.HasPrefix(lines.Text(), "hookline is ready") {
				close(ready)
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-drained
		if err := cmd.Wait(); err != nil {
			t.Errorf("the stack ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the stack said:\n%s", log.Bytes())
		}
	})
	select {
	case <-ready:
	case <-drained:
		t.Fatal("the stack did not start")
	case <-time.After(3 * time.Minute):
		t.Fatal("the stack is not ready")
	}
	config, err := vendors.Load(file, vendors.Options{Schemes: signature.Names()})
	if err != nil {
		t.Fatal(err)
	}
	if s.sender, err = sender.New(s.ingest, config, &http.Client{Timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stack) send(vendor string, header http.Header, body []byte) (sender.Answer, sender.Signed) {
	s.t.Helper()
	signed, err := s.sender.Sign(sender.Delivery{Vendor: vendor, ID: "msg_" + vendor, Header: header, Body: body}, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := s.sender.Post(s.t.Context(), signed)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, signed
}

// accepted sends a delivery that must be answered with 200, and returns it as it was sent.
func (s *stack) accepted(vendor string, header http.Header, body string) sender.Signed {
	s.t.Helper()
	answer, signed := s.send(vendor, header, []byte(body))
	if answer.Status != http.StatusOK {
		s.t.Errorf("%s: %d %s to %.200s", vendor, answer.Status, answer.Body, body)
	}
	return signed
}

// query returns the rows that a query gives, as tab-separated text.
func (s *stack) query(query string) ([][]string, error) {
	password, err := os.ReadFile(filepath.Join(s.dir, "data", "clickhouse", "engineer.password"))
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.clickhouse+"/?database=hookline&default_format=TabSeparated", strings.NewReader(query))
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth("engineer", string(password))
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s %w", resp.StatusCode, text, err)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if line != "" {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	return rows, nil
}

// rows waits for a query to give n rows.
func (s *stack) rows(n int, within time.Duration, query string) (rows [][]string) {
	s.t.Helper()
	testkit.Eventually(s.t, within, func() (err error) {
		if rows, err = s.query(query); err == nil && len(rows) != n {
			err = fmt.Errorf("%d rows, want %d: %v", len(rows), n, rows)
		}
		return err
	})
	return rows
}

// process returns the ID of a part's process.
func (s *stack) process(part string) int {
	s.t.Helper()
	out, err := exec.Command("pgrep", "-f", "--", " "+part+" --data-dir="+filepath.Join(s.dir, "data")).Output()
	if err != nil {
		s.t.Fatalf("find the %s: %v", part, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

func sendSignal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		ports = append(ports, port)
	}
	return ports
}
