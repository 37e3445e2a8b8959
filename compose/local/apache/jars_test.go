package apache

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command puts a script in the place of a command, so that these tests need neither Java nor a network.
func command(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestFetchFails(t *testing.T) {
	const java17 = `echo 'openjdk version "17.0.15" 2025-04-15' >&2`
	for name, test := range map[string]struct{ java, mvn, want string }{
		"no Java":       {"", "", `needs Java 17+ and Maven; nothing else in hookline does: exec: "java"`},
		"old Java":      {`echo 'java version "1.8.0_301"' >&2`, "", "java is Java 8"},
		"broken Java":   {"exit 1", "", "-version: exit status 1"},
		"no Maven":      {java17, "", `needs Java 17+ and Maven; nothing else in hookline does: exec: "mvn"`},
		"no network":    {java17, `echo '[ERROR] could not be resolved'; echo '[ERROR] [Help 1]'; exit 1`, "mvn: exit status 1: [ERROR] could not be resolved"},
		"nothing there": {java17, "exit 0", "HdrHistogram-2.2.2.jar: no such file"},
		"another file":  {java17, "echo other > HdrHistogram-2.2.2.jar", "HdrHistogram-2.2.2.jar is not the file that was pinned"},
	} {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			if test.java != "" {
				command(t, bin, "java", test.java)
			}
			if test.mvn != "" {
				command(t, bin, "mvn", test.mvn)
			}
			t.Setenv("PATH", bin)
			t.Setenv("JAVA_HOME", "")
			t.Setenv("HOOKLINE_CACHE", filepath.Join(t.TempDir(), "cache"))
			err := Fetch(context.Background(), slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line …%s…", err, test.want)
			}
			if left, _ := filepath.Glob(filepath.Join(os.Getenv("HOOKLINE_CACHE"), "kafka-*")); left != nil {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// JAVA_HOME goes before PATH, as it does for Maven.
func TestJavaHome(t *testing.T) {
	home, path := t.TempDir(), t.TempDir()
	command(t, filepath.Join(home, "bin"), "java", `echo 'openjdk version "21"' >&2`)
	command(t, path, "java", `echo 'openjdk version "11.0.2"' >&2`)
	t.Setenv("PATH", path)
	t.Setenv("JAVA_HOME", home)
	java, _, err := findJava(context.Background())
	if want := filepath.Join(home, "bin", "java"); err != nil || java != want {
		t.Errorf("%s (%v), want %s", java, err, want)
	}
}

func TestMajorVersion(t *testing.T) {
	for text, want := range map[string]int{
		"openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment":   17,
		"Picked up JAVA_TOOL_OPTIONS: -Dx=y\nopenjdk version \"21\" 2023-09-19": 21,
		"java version \"1.8.0_301\"":                                            8,
		"openjdk version \"26-ea\"":                                             26,
		"bash: java: not found":                                                 0,
	} {
		if got := majorVersion([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// The pom leaves the choice of a registry to Maven's configuration, and every jar is pinned by its hash.
func TestPins(t *testing.T) {
	if strings.Contains(string(pom), "http") {
		t.Error("the pom names a registry")
	}
	n := 0
	for name, sum := range jarSums() {
		n++
		if !strings.HasSuffix(name, ".jar") || len(sum) != 64 {
			t.Errorf("%s has the hash %q", name, sum)
		}
	}
	if lines := strings.Count(string(sums), "\n"); n != lines || n == 0 {
		t.Errorf("%d hashes in %d lines", n, lines)
	}
}

func TestOutput(t *testing.T) {
	var got strings.Builder
	o := newOutput(slog.New(slog.NewTextHandler(&got, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
	long := strings.Repeat("x", 10*maxLine)
	for _, part := range []string{"plain\n[WARN] Qu", "orum - no\n\n[ERROR] Log - bad\njava.io.IOException\n\tat x", ".Y\n", "[WARN] " + long, long + "\n[WARN] end"} {
		if n, err := o.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	want := fmt.Sprintf("level=INFO msg=%q\nlevel=WARN msg=%q\nlevel=INFO msg=%s\n", "Quorum - no", "Log - bad", long[:maxLine-len("[WARN] ")])
	if got.String() != want {
		t.Errorf("logged\n%swant\n%s", got.String(), want)
	}
	if !strings.HasPrefix(o.lastWords(), "xxx") {
		t.Errorf("the last words are %q", o.lastWords())
	}
}
