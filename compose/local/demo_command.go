package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

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

// Help says what it leaves behind.
func (*DemoCommand) Help() string {
	return `A stack of its own, at free ports and in a new folder, which is removed unless something does not add up. The last line is the verdict, and so is the exit status.

    hookline demo
    hookline demo --crash --deliveries=20000 --seed=7`
}

// Run prints the verdict as its last line, and fails unless every total is the same to the cent.
func (c *DemoCommand) Run(ctx context.Context, log *slog.Logger) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this binary, which the parts run: %w", err)
	}
	trial, err := NewTrial("demo", program, log)
	if err != nil {
		return err
	}
	var verdict demo.Verdict
	trial.Options.Kafka, trial.Options.Second = c.Kafka, 0
	trial.Options.Main = func(ctx context.Context, s *Stack) (err error) {
		verdict, err = demo.Drive(ctx, log, s.Target(), c.Load, c.faults(s)...)
		return errors.Join(err, verdict.Err())
	}
	err = trial.Run(ctx)
	for _, line := range verdict.Mismatches {
		fmt.Println("mismatch: " + line)
	}
	trial.Close(err != nil)
	if verdict.Sent > 0 {
		fmt.Println(verdict)
	}
	return err
}

// faults are spread evenly over the deliveries.
func (c *DemoCommand) faults(s *Stack) []demo.Fault {
	if !c.Crash {
		return nil
	}
	victims := []string{
		Processor, Engine, Processor, Ingest, Processor, Broker, Processor, Engine, Processor, Ingest, Processor, Broker,
	}
	faults := make([]demo.Fault, len(victims))
	for i, victim := range victims {
		faults[i] = demo.Fault{
			At:   (i + 1) * c.Deliveries / (len(victims) + 1),
			Name: "kill " + victim,
			Do:   func() error { return s.Signal(victim, syscall.SIGKILL) },
		}
	}
	return faults
}

// play has the sample vendors send until ctx ends. Their failure is no reason to stop the stack.
func play(ctx context.Context, log *slog.Logger, s *Stack) error {
	if err := demo.Play(ctx, log, s.Target()); err != nil && ctx.Err() == nil {
		log.Error("the demo vendors stopped sending", "err", err)
		<-ctx.Done()
	}
	return nil
}

// Target is how vendors reach the stack.
func (s *Stack) Target() demo.Target {
	return demo.Target{
		Ingest: url(s.Ports.Ingest), Vendors: s.Vendors,
		Kafka:      kafka.Options{Brokers: []string{address(s.Ports.Kafka)}, TopicPrefix: "webhooks"},
		ClickHouse: s.clickhouse,
	}
}
