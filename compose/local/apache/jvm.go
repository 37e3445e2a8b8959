package apache

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// arguments are those of the java command that runs a main class.
func (k installation) arguments(class string, args ...string) []string {
	jvm := []string{
		"-cp", k.classPath,
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError",
		// A start is mostly compiling; the quick compiler alone halves it.
		"-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.levelInBrackets=true",
		"-Dorg.slf4j.simpleLogger.showThreadName=false",
		"-Dorg.slf4j.simpleLogger.showShortLogName=true",
		// These say again and again that another node is down, and that there is no controller yet.
		"-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients.NetworkClient=error",
		"-Dorg.slf4j.simpleLogger.log.kafka.server.ControllerApis=off",
	}
	if _, err := os.Stat(k.archive); err == nil {
		jvm = append(jvm, "-XX:SharedArchiveFile="+k.archive)
	}
	jvm = append(jvm, k.flags...)
	return append(append(jvm, class), args...)
}

// archiveClasses has the JVM write down the classes that a node loads, in its own form, unless that was done
// before: nodes then start in half the time (https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html).
// An archive fits one JVM and jars at one path only.
func (k installation) archiveClasses(ctx context.Context, log *slog.Logger) error {
	if _, err := os.Stat(k.archive); err == nil {
		return nil
	}
	temp, err := os.MkdirTemp(filepath.Dir(k.archive), "archive-incomplete-")
	if err != nil {
		return fmt.Errorf("archive Apache Kafka's classes: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	log.Info("archiving Apache Kafka's classes, once, so that it starts faster")
	written := filepath.Join(temp, "classes.jsa")
	k.flags = []string{"-XX:ArchiveClassesAtExit=" + written}
	cluster, err := start(ctx, k, Options{DataDir: temp, Listen: "127.0.0.1:0", Nodes: 1, Partitions: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("archive Apache Kafka's classes: %w", err)
	}
	cluster.Nodes[0].end(syscall.SIGTERM, time.Minute)
	cluster.Close()
	if err := os.Rename(written, k.archive); err != nil {
		return fmt.Errorf("archive Apache Kafka's classes: %w", err)
	}
	return nil
}
