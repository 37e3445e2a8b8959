package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hookline-io/hookline/compose/local"
	"github.com/hookline-io/hookline/compose/local/demo"
)

// Command is `lab chaos`.
type Command struct {
	Hookline string        `type:"existingfile" default:"bin/hookline" placeholder:"PATH" help:"The hookline binary whose parts run."`
	Faults   int           `default:"30" help:"Faults to inject, one every 1.5 s on average."`
	Seed     uint64        `help:"Seed of the plan of faults and of the traffic; random by default, and printed."`
	Kafka    local.Kafka   `default:"embedded" enum:"embedded,apache" help:"Broker to run: embedded, or apache for Apache Kafka, which needs Java 17+ and Maven."`
	Rate     float64       `default:"150" help:"Deliveries per second."`
	Outage   time.Duration `placeholder:"TIME" help:"In place of the faults, one outage of ClickHouse of this length, such as 10m. Passes only if an alert comes within 1 minute and is called off when it is over."`
	Keep     bool          `help:"Keep the folder with the parts' log and data even if all is well."`
}

// Help says what the command does.
func (*Command) Help() string {
	return `Runs the whole stack in a new folder and at free ports, with two processors, sends it signed deliveries (some again and
again, some forged, and once a second one that nobody can map), and does to it what goes wrong in production: processes
are killed, hang and are restarted in turn, connections are cut, slow or silent, the broker answers with errors, the
engine's disk is full. Then it ends every fault, waits until all is stored, and looks for what was lost or doubled.

Passes when every delivery that was answered with 200 is in the views exactly once, all totals are those of the vendors'
own ledger to the cent, 'hookline audit' finds 0 unaccounted, each event that cannot be mapped is one dead letter, no sound
event is, and no process outgrew its bound of memory. The last line says so; the exit status is the verdict. What fails
keeps its folder, with the parts' log, and says where.

The same seed makes the same faults at the same times and the same traffic; how processes and the network interleave with
them is up to the operating system.

A disk is full when less is left than the engine keeps free: the library ignores
what the system says of a failed write, so that nothing of hookline's could hold
on a disk that something else fills to the last byte.

The full disk needs the right to mount a small one: run as root or under 'unshare -rm'; otherwise it is left out, and a
line says so.

    lab chaos
    lab chaos --faults=100 --seed=1489293817
    lab chaos --outage=10m`
}

// Run injects faults, checks and prints the verdict.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	if c.Seed == 0 {
		c.Seed = uint64(rand.Uint32()) //nolint:gosec // any number does
	}
	trial, err := local.NewTrial("chaos", c.Hookline, log)
	if err != nil {
		return err
	}
	trial.Options.Kafka = c.Kafka
	if c.Outage > 0 {
		c.Faults = 0
	}
	fmt.Printf("chaos: seed=%d faults=%d\n", c.Seed, c.Faults)
	t := &test{Command: c, log: log, trial: trial}
	err = t.run(ctx)
	if err != nil {
		for _, line := range t.wrong {
			fmt.Println("wrong: " + line)
		}
		fmt.Printf("The same faults again: --seed=%d --faults=%d\n", c.Seed, c.Faults)
	}
	trial.Close(err != nil || c.Keep)
	fmt.Println(t)
	return err
}

// test is one run.
type test struct {
	*Command
	log   *slog.Logger
	trial *local.Trial

	injector *injector
	without  []Kind
	began    time.Time
	verdict  demo.Verdict
	findings findings
	memory   memory
	pager    *pager
	wrong    []string
}

// String is the last line.
func (t *test) String() string {
	hits := 0
	if t.injector != nil {
		hits, _ = t.injector.report()
	}
	return fmt.Sprintf("chaos: faults=%d acked=%d lost=%d doubled=%d unaccounted=%d",
		hits, t.verdict.Accepted, len(t.verdict.Lost)+t.findings.stranded, len(t.verdict.Doubled), t.findings.unaccounted)
}

// say prints a line with the time since the traffic began.
func (t *test) say(format string, args ...any) {
	fmt.Printf("%6.1f s  %s\n", time.Since(t.began).Seconds(), fmt.Sprintf(format, args...))
}

// run prepares the ways, the disk and the stack, and takes them down again.
func (t *test) run(ctx context.Context) (err error) {
	o := &t.trial.Options
	s := &injector{say: t.say}
	t.injector = s
	if s.toBroker, err = newWay(toBroker, address(o.Ports.Kafka)); err != nil {
		return err
	}
	defer s.toBroker.close()
	if s.toEngine, err = newWay(toEngine, address(o.Ports.Native)); err != nil {
		return err
	}
	defer s.toEngine.close()
	o.Through = local.Through{Kafka: s.toBroker.port(), ClickHouse: s.toEngine.port()}
	if t.pager, err = newPager(); err != nil {
		return err
	}
	defer t.pager.listener.Close()
	o.Args = map[string][]string{}
	for _, part := range []string{local.Processor, local.SecondProcessor} {
		o.Args[part] = []string{"--alert-webhook-url=" + t.pager.url(), "--alert-instance=" + part}
		if t.Outage == 0 {
			o.Args[part] = append(o.Args[part], "--session-timeout="+sessionTimeout.String(), "--batch-insert-timeout=4s")
		}
	}
	if t.Kafka == local.Apache {
		t.leaveOut(Refuse, "only the embedded broker takes orders for errors")
		t.leaveOut(Strand, "only the embedded broker takes orders for errors")
	} else {
		orders, err := freeAddress()
		if err != nil {
			return err
		}
		s.orders = "http://" + orders
		o.Args[local.Broker] = []string{"--faults-listen=" + orders}
	}
	s.disk, err = mountDisk(filepath.Join(o.DataDir, local.Engine))
	switch {
	case errors.Is(err, errNoDisk):
		t.leaveOut(Full, err.Error())
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, s.disk.unmount(err != nil || t.Keep)) }()
	}
	s.ready = map[string]string{
		local.Ingest:          "http://" + address(o.Ports.IngestAdmin) + "/readyz",
		local.Processor:       "http://" + address(o.Ports.ProcessorAdmin) + "/readyz",
		local.SecondProcessor: "http://" + address(o.Second) + "/readyz",
	}
	o.Main = t.main
	return t.trial.Run(ctx)
}

func (t *test) leaveOut(kind Kind, why string) {
	t.without = append(t.without, kind)
	fmt.Printf("LEFT OUT: the fault %q: %s\n", kind, why)
}

// main is what happens while the stack runs.
func (t *test) main(ctx context.Context, s *local.Stack) error {
	var watching sync.WaitGroup
	defer watching.Wait()
	watched, stop := context.WithCancel(ctx)
	defer stop()
	watching.Go(func() { t.memory.watch(watched, s.PIDs) })
	watching.Go(func() {
		if err := t.pager.run(watched); err != nil {
			t.log.Error("pager", "err", err)
		}
	})

	t.injector.signal, t.injector.pids, t.injector.deadLetters = s.Signal, s.PIDs, s.Target().Kafka.Topics().DLQ
	var err error
	t.began = time.Now()
	load := demo.Load{Workers: 32, Rate: t.Rate, Seed: t.Seed, Poison: time.Second}
	t.verdict, err = demo.DriveDuring(ctx, t.log, s.Target(), load, func(ctx context.Context, progress demo.Progress) error {
		saying, stop := context.WithCancel(ctx)
		defer stop()
		watching.Go(func() {
			for sleep(saying, 10*time.Second) {
				sent, accepted := progress()
				t.say("sent %d, acknowledged %d", sent, accepted)
			}
		})
		if t.Outage > 0 {
			return t.outage(ctx, newChecker(t.log, s.Target()))
		}
		if err := t.injector.run(ctx, plan(t.Seed, t.Faults, t.without...)); err != nil {
			return err
		}
		t.say("every fault has ended")
		sleep(ctx, time.Second)
		return nil
	})
	if err != nil {
		return err
	}
	return t.judge(ctx, s)
}

// dump has the processors write to the log what each of their goroutines does. It ends them.
func (t *test) dump(s *local.Stack) {
	for _, part := range []string{local.Processor, local.SecondProcessor} {
		if err := s.Signal(part, syscall.SIGQUIT); err != nil {
			t.log.Warn("ask for the goroutines", "part", part, "err", err)
		}
	}
	sleep(context.Background(), time.Second) // until they have written
}

// judge gathers what is wrong.
func (t *test) judge(ctx context.Context, s *local.Stack) error {
	_, wrong := t.injector.report()
	t.wrong = append(append(t.wrong, wrong...), t.verdict.Mismatches...)
	c := newChecker(t.log, s.Target())
	if stuck := c.drained(ctx); stuck != nil {
		t.wrong = append(t.wrong, stuck.Error())
		lines, err := c.behind(ctx)
		if err != nil {
			return err
		}
		t.wrong = append(t.wrong, lines...)
		defer t.dump(s)
	}
	var err error
	if t.findings, err = c.check(ctx, t.verdict.Poison); err != nil {
		return err
	}
	f := t.findings
	t.wrong = append(t.wrong, f.wrong...)
	line, over := t.memory.report(bounds(t.Kafka))
	t.wrong = append(t.wrong, over...)
	t.say("all is stored and checked")
	fmt.Printf("events: %d sent, %d acknowledged, %d refused as forged, %d different ones stored\n", t.verdict.Sent, t.verdict.Accepted, t.verdict.Rejected, t.verdict.Stored)
	fmt.Printf("poison: %d events, %d records in the dead-letter topic; retries: %d\n", f.poison, f.deadLetters, f.retried)
	fmt.Printf("audit: committed=%d looked_up=%d unaccounted=%d wrong=%d missing=%d split=%d\n", f.audit.Committed, f.audit.LookedUp, f.audit.Unaccounted, f.audit.Wrong, f.audit.Missing, f.audit.Split)
	fmt.Println(line)
	if _, count := t.pager.raised("HooklineDeadLetters"); count == 0 && f.poison > 0 {
		t.wrong = append(t.wrong, "no alert named the dead letters")
	}
	if len(t.wrong) > 0 {
		return errors.New("hookline did not keep its promise")
	}
	return nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", fmt.Sprint(port)) }

// freeAddress is one that nothing listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
