package preview

import (
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
)

var (
	boardPrinted = regexp.MustCompile(`(?m)^ *sales per month +(http://\S+)$`)
	linePrinted  = regexp.MustCompile(`(?m)^ *(curl -sS (?:.*\\\n)*.*)$`)
)

// A newcomer runs `make run` in a fresh clone, opens the board, pastes the line that was printed, and sees the sale in the
// board that is open, in the currency it opened with.
func TestFirstMinute(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED in short tests: builds and runs everything")
	}
	b := open(t)
	clone := freshClone(t)
	said := makeRun(t, clone)
	var board, line []string
	testkit.Eventually(t, 5*time.Minute, func() error { // the build is the better part
		board, line = boardPrinted.FindStringSubmatch(said.String()), linePrinted.FindStringSubmatch(said.String())
		if board == nil || line == nil {
			return fmt.Errorf("make run has not printed a board and a line to send a sale:\n%s", said.String())
		}
		return nil
	})
	b.show(board[1], 1440, "light")
	read[bool](b, `window.untouched = true`)
	historyIsShown(t, b, board[1], said)
	before := grossNow(t, b)
	shell := exec.Command("sh", "-c", line[1])
	shell.Dir = clone
	if out, err := shell.CombinedOutput(); err != nil || !strings.Contains(string(out), "first_") {
		t.Fatalf("the printed line:\n%s\nanswers %s (%v)", line[1], out, err)
	}
	const sold, most = "1234.50", "1800" // others of the same vendor come meanwhile, of some 60 each
	testkit.Eventually(t, time.Minute, func() error {
		grown := grossNow(t, b).Sub(before)
		if grown.LessThan(decimal.RequireFromString(sold)) || grown.GreaterThan(decimal.RequireFromString(most)) {
			return fmt.Errorf("the open board has grown by %s, want %s", grown, sold)
		}
		return nil
	})
	if !read[bool](b, `window.untouched === true`) {
		t.Error("the page was loaded again")
	}
	b.checkComplaints()
}

// historyIsShown waits until the open board shows the demo's history, which would hide one sale. What comes after it is
// small.
func historyIsShown(t *testing.T, b *browser, address string, said *testkit.Text) {
	t.Helper()
	const patience = 5 * time.Minute
	testkit.Eventually(t, patience, func() error {
		if !strings.Contains(said.String(), "demo vendors go on sending") {
			return errors.New("make run has not sent its history")
		}
		return nil
	})
	sent := float64(time.Now().UnixMilli())
	server := &httptest.Server{URL: address}
	testkit.Eventually(t, patience, func() error {
		lag := figuresOf(t, server, dashboards.PipelineUID, 17, "from=now-15m&to=now")[0]
		behind := figuresOf(t, server, dashboards.PipelineUID, 3, "")[0]
		last := lag.rows() - 1
		if last < 0 || lag.Fields[0].Values[last].(float64) < sent || lag.Fields[1].Values[last] != 0.0 || behind.Fields[0].Values[0] != 0.0 {
			return fmt.Errorf("the history is not in the figures: lag %+v, behind %+v", lag, behind)
		}
		return nil
	})
	for range 2 { // the first may have begun before
		shown := b.texts("#updated")
		testkit.Eventually(t, time.Minute, func() error {
			if slices.Equal(b.texts("#updated"), shown) {
				return errors.New("the open board does not refresh")
			}
			return nil
		})
	}
}

// grossNow is what the open board says of the sample's plainest vendor and this month, in the currency it opened with.
func grossNow(t *testing.T, b *browser) decimal.Decimal {
	t.Helper()
	month := time.Now().UTC().Format("2006-01")
	for _, row := range b.rows("#panel-14") {
		if row[0] == month && row[1] == "gulf-market" {
			return plain(t, row[2])
		}
	}
	return decimal.Zero
}

// freshClone copies what a clone of this working tree would have.
func freshClone(t *testing.T) string {
	t.Helper()
	const root = "../.."
	listed, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("SKIPPED: this is no checkout of git: %v", err)
	}
	clone := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(clone, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, info.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	return clone
}

// makeRun starts `make run` at free ports until the test ends, and returns what it prints.
func makeRun(t *testing.T, dir string) *testkit.Text {
	t.Helper()
	var args []string
	for _, flag := range []string{"port", "preview-port", "clickhouse-port", "clickhouse-native-port", "kafka-port", "ingest-admin-port", "processor-admin-port"} {
		_, port, err := net.SplitHostPort(testkit.FreeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--"+flag+"="+port)
	}
	said := &testkit.Text{}
	run := exec.Command("make", "run", "ARGS="+strings.Join(args, " "))
	run.Dir, run.Stdout, run.Stderr = dir, said, said
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-run.Process.Pid, syscall.SIGINT) // as Ctrl-C does
		_ = run.Wait()                                     // make's status says that it was interrupted
		if strings.Contains(said.String(), "panic:") {
			t.Errorf("make run says %s", said.String())
		}
	})
	return said
}
