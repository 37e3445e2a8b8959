package apache

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hookline-io/hookline/compose/local/packages"
)

//go:embed pom.xml
var pom []byte

// sums are the jars that the pom comes to, in the order of the class path, in the format of sha256sum.
//
//go:embed jars.sha256
var sums []byte

// installation is Apache Kafka on this machine.
type installation struct {
	java      string // the command
	classPath string
	archive   string   // of the JVM's own form of the classes; may not exist
	flags     []string // for the JVM
}

const needs = "Apache Kafka needs Java 17+ and Maven; nothing else in hookline does"

// Fetch fetches Apache Kafka from Maven Central if it is not there yet.
func Fetch(ctx context.Context, log *slog.Logger) error {
	_, err := install(ctx, log)
	return err
}

func install(ctx context.Context, log *slog.Logger) (installation, error) {
	java, version, err := findJava(ctx)
	if err != nil {
		return installation{}, err
	}
	key := append(bytes.Clone(pom), sums...)
	dir, err := packages.Install(ctx, log, "kafka", key, func(dir string) error { return fetch(ctx, dir, log) })
	if err != nil {
		return installation{}, err
	}
	var jars []string
	for name := range jarSums() {
		jars = append(jars, filepath.Join(dir, name))
	}
	jvm := sha256.Sum256(version)
	return installation{
		java:      java,
		classPath: strings.Join(jars, string(filepath.ListSeparator)),
		archive:   filepath.Join(dir, "classes-"+hex.EncodeToString(jvm[:6])+".jsa"),
	}, nil
}

// findJava returns the java command and what it prints about itself.
func findJava(ctx context.Context) (command string, version []byte, err error) {
	command = "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		command = filepath.Join(home, "bin", "java")
	}
	command, err = exec.LookPath(command)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", needs, err)
	}
	version, err = exec.CommandContext(ctx, command, "-version").CombinedOutput() //nolint:gosec // the user's Java
	if err != nil {
		return "", nil, fmt.Errorf("%s: %s -version: %w", needs, command, err)
	}
	if major := majorVersion(version); major < 17 {
		return "", nil, fmt.Errorf("%s: %s is Java %d", needs, command, major)
	}
	return command, version, nil
}

// majorVersion is 17 for `openjdk version "17.0.15" …`, 8 for `java version "1.8.0_301"`, and 0 for what is no Java.
func majorVersion(text []byte) int {
	found := regexp.MustCompile(`version "(?:1\.)?(\d+)`).FindSubmatch(text)
	if found == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(found[1]))
	return major
}

// fetch has Maven put the jars into dir, and compares them with their hashes.
func fetch(ctx context.Context, dir string, log *slog.Logger) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%s: %w", needs, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom, 0o600); err != nil {
		return fmt.Errorf("fetch Apache Kafka: %w", err)
	}
	log.Info("fetching Apache Kafka from Maven Central, this once: 43 MB")
	arguments := []string{"--batch-mode", "--quiet", "--no-transfer-progress", "--strict-checksums", "dependency:copy-dependencies"}
	copying := exec.CommandContext(ctx, mvn, arguments...) //nolint:gosec // the user's Maven
	copying.Dir = dir
	copying.WaitDelay = 5 * time.Second
	if out, err := copying.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(string(out), "\n")
		return fmt.Errorf("fetch Apache Kafka: mvn: %w: %s", err, first)
	}
	for name, want := range jarSums() {
		got, err := hashFile(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("fetch Apache Kafka: %w", err)
		}
		if got != want {
			return fmt.Errorf("fetch Apache Kafka: %s is not the file that was pinned: its SHA-256 is %s, not %s", name, got, want)
		}
	}
	return nil
}

// jarSums yields the names of the jars, and their hashes.
func jarSums() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(string(sums)) {
			if sum, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && !yield(name, sum) {
				return
			}
		}
	}
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
