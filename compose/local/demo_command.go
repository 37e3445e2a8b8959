package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/demo"
	"github.com/hookline-io/hookline/internal/kafka"
)

// DemoCommand is `hookline demo`: a stack of its own, at free ports and in a new folder, that is filled, checked
// and taken down again.
type DemoCommand struct {
	Crash bool  `help:"Kill processes with SIGKILL while traffic flows: the processor six times, engine, broker and ingest twice each."`
	Kafka Kafka `default:"embedded" enum:"embedded,apache" help:"Broker to run: embedded, or apache for Apache Kafka, which needs Java 17+ and Maven."`
	demo.Load
}

// Run prints the verdict as its last line, and fails unless every total is the same to the cent.
func (c *DemoCommand) Run(ctx context.Context, log *slog.Logger) error {
	dir, err := os.MkdirTemp("", "hookline-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	lines, err := os.Create(filepath.Join(dir, "stack.log")) //nolint:gosec // a folder of our own
	if err != nil {
		return fmt.Errorf("make a log for the demo: %w", err)
	}
	defer lines.Close()
	ports, err := freePorts()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this binary, which the parts run: %w", err)
	}
	var verdict demo.Verdict
	err = Run(ctx, Options{
		Program: program, DataDir: dir, Kafka: c.Kafka, Ports: ports, Out: lines, Log: log,
		Main: func(ctx context.Context, s *Stack) (err error) {
			verdict, err = demo.Drive(ctx, log, s.target(), c.Load, c.faults(s)...)
			return err
		},
	})
	for _, line := range verdict.Mismatches {
		fmt.Println("mismatch: " + line)
	}
	if err == nil && len(verdict.Mismatches) > 0 {
		err = errors.New("what is stored is not what was sent")
	}
	if err != nil {
		fmt.Printf("The stack's log and data are kept in %s\n", dir)
		if verdict.Sent == 0 {
			return err
		}
	} else if err := os.RemoveAll(dir); err != nil {
		log.Warn("the demo's folder is still there", "dir", dir, "err", err)
	}
	fmt.Println(verdict)
	return err
}

// faults are spread evenly over the deliveries.
func (c *DemoCommand) faults(s *Stack) []demo.Fault {
	if !c.Crash {
		return nil
	}
	victims := []string{
		processor, engine, processor, ingest, processor, broker, processor, engine, processor, ingest, processor, broker,
	}
	faults := make([]demo.Fault, len(victims))
	for i, victim := range victims {
		faults[i] = demo.Fault{
			At:   (i + 1) * c.Deliveries / (len(victims) + 1),
			Name: "kill " + victim,
			Do:   func() error { return s.Kill(victim) },
		}
	}
	return faults
}

// play has the sample vendors send until ctx ends. Their failure is no reason to stop the stack.
func play(ctx context.Context, log *slog.Logger, s *Stack) error {
	if err := demo.Play(ctx, log, s.target()); err != nil && ctx.Err() == nil {
		log.Error("the demo vendors stopped sending", "err", err)
		<-ctx.Done()
	}
	return nil
}

// target is how the demo reaches the stack.
func (s *Stack) target() demo.Target {
	return demo.Target{
		Ingest: url(s.Ports.Ingest), Vendors: s.Vendors,
		Kafka:      kafka.Options{Brokers: []string{address(s.Ports.Kafka)}, TopicPrefix: "webhooks"},
		ClickHouse: analytics.Options{DSN: analytics.DSN(url(s.Ports.ClickHouse) + "/hookline")},
	}
}

// freePorts returns ports that nothing listens on now.
func freePorts() (p Ports, err error) {
	for _, port := range []*int{&p.Ingest, &p.Preview, &p.ClickHouse, &p.Kafka, &p.IngestAdmin, &p.ProcessorAdmin} {
		l, err := net.Listen("tcp", address(0))
		if err != nil {
			return p, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // only when all are found, so that no port is found twice
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}
