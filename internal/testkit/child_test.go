package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// pidFile names, for the test process that will be killed, where to say which service it has started.
const pidFile = "HOOKLINE_TESTKIT_PID_FILE"

// A service ends with the tests that started it, even when they are killed and clean nothing up.
func TestServicesEndWithTheTests(t *testing.T) {
	if name := os.Getenv(pidFile); name != "" {
		b := Broker(t)
		if err := os.WriteFile(name, []byte(strconv.Itoa(b.PID())), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // until it is killed
		return
	}
	name := filepath.Join(t.TempDir(), "pid")
	tests := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	tests.Env = append(os.Environ(), pidFile+"="+name)
	if err := tests.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	Eventually(t, 30*time.Second, func() error {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		pid, err = strconv.Atoi(string(text))
		return err
	})
	if err := tests.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = tests.Wait()
	Eventually(t, 30*time.Second, func() error {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return nil
		}
		return fmt.Errorf("process %d lives on", pid)
	})
}

func TestRestartKeepsTheAddress(t *testing.T) {
	b := Broker(t)
	before, address := b.PID(), b.spec.Listen
	b.Restart()
	if b.PID() == before || b.spec.Listen != address {
		t.Errorf("process %d at %s became process %d at %s", before, address, b.PID(), b.spec.Listen)
	}
	b.Stop()
	if b.PID() != 0 {
		t.Errorf("process %d runs after Stop", b.PID())
	}
	b.Kill() // of nothing is nothing
}
