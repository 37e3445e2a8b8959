package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/terminal"
)

// Command is `hookline dlq`.
type Command struct {
	List    ListCommand    `cmd:"" help:"List dead letters: what failed, where and why."`
	Show    ShowCommand    `cmd:"" help:"Show one dead letter, with its headers and its payload."`
	Redrive RedriveCommand `cmd:"" help:"Send dead letters round again, once their cause is fixed."`
}

// ListCommand is `hookline dlq list`.
type ListCommand struct {
	Limit int `default:"100" help:"List this many at most: the last ones."`

	Filter  `embed:""`
	Options `embed:""`
}

// Help shows how to use it.
func (*ListCommand) Help() string {
	return `Filters are joined by "and"; without any, all are listed. The first column is what 'hookline dlq show' takes.

    hookline dlq list --since=24h
    hookline dlq list --vendor=acme --stage=map --error=currency`
}

// Run implements the command.
func (c *ListCommand) Run(ctx context.Context, log *slog.Logger) error {
	return with(ctx, log, c.Options, func(q *Queue) error {
		var last []Letter
		matched := 0
		err := q.each(ctx, c.Filter, func(letters []Letter) error {
			matched += len(letters)
			last = append(last, letters...)
			last = slices.Clone(last[max(len(last)-c.Limit, 0):])
			return nil
		})
		if err != nil {
			return err
		}
		q.known(ctx, last)
		if err := table(os.Stdout, last); err != nil {
			return err
		}
		_, err = fmt.Printf("%d dead letters, %d listed\n", matched, len(last))
		return err
	})
}

// ShowCommand is `hookline dlq show`.
type ShowCommand struct {
	Position string `arg:"" help:"Which one, as list writes it: PARTITION/OFFSET in the dead-letter topic."`
	Payload  bool   `help:"Print the payload alone, byte for byte."`

	Options `embed:""`
}

// Help shows how to use it.
func (*ShowCommand) Help() string {
	return `    hookline dlq show 0/42
    hookline dlq show 0/42 --payload > body.json`
}

// Run implements the command.
func (c *ShowCommand) Run(ctx context.Context, log *slog.Logger) error {
	partition, offset, ok := strings.Cut(c.Position, "/")
	id, err := strconv.ParseInt(partition, 10, 32)
	at, err2 := strconv.ParseInt(offset, 10, 64)
	if err := errors.Join(err, err2); !ok || err != nil || at < 0 {
		return fmt.Errorf("%q is no position: write it as 'hookline dlq list' does, such as 0/42", c.Position)
	}
	return with(ctx, log, c.Options, func(q *Queue) error {
		topic := c.Kafka.Topics().DLQ
		held, err := kafka.Held(ctx, q.client, topic)
		if err != nil {
			return err
		}
		for _, h := range held {
			if h.Partition != int32(id) || at < h.From || at >= h.To {
				continue
			}
			return c.Kafka.Scan(ctx, log, []kafka.Range{{Topic: topic, Partition: h.Partition, From: at, To: at + 1}},
				func(r *kgo.Record) error {
					if c.Payload {
						_, err := os.Stdout.Write(r.Value)
						return err
					}
					letters := []Letter{{DeadLetter: decode(r), record: r}}
					q.known(ctx, letters)
					return show(os.Stdout, letters[0])
				})
		}
		return fmt.Errorf("there is no dead letter at %s", c.Position)
	})
}

// RedriveCommand is `hookline dlq redrive`.
type RedriveCommand struct {
	RedriveOptions `embed:""`
	Options        `embed:""`
}

// Help shows how to use it.
func (*RedriveCommand) Help() string {
	return `Fix the cause first: vendors.yaml (try it with 'hookline vendor check'), the target of the action, or the table. What was redriven before is left alone, so that this may be run any number of times; what fails again is a dead letter again.

    hookline dlq redrive --vendor=acme --stage=map --dry-run
    hookline dlq redrive --vendor=acme --stage=map`
}

// Run implements the command.
func (c *RedriveCommand) Run(ctx context.Context, log *slog.Logger) error {
	return with(ctx, log, c.Options, func(q *Queue) error {
		var show func([]Letter)
		verb := "redriven"
		if c.DryRun {
			verb, show = "would be redriven", func(letters []Letter) { _ = table(os.Stdout, letters) }
		}
		out, err := q.Redrive(ctx, c.RedriveOptions, show)
		fmt.Printf("%d dead letters match: %d %s, %d were redriven before\n", out.Matched, out.Sent, verb, out.Before)
		return err
	})
}

func with(ctx context.Context, log *slog.Logger, o Options, do func(*Queue) error) error {
	q, err := Open(ctx, log, o)
	if err != nil {
		return err
	}
	return errors.Join(do(q), q.Close())
}

// known sets the states of letters as far as they are known: letters can be looked at while ClickHouse is away.
func (q *Queue) known(ctx context.Context, letters []Letter) {
	if err := q.states(ctx, letters); err != nil {
		q.log.Warn("ClickHouse does not say which were redriven", "err", err)
		for i := range letters {
			letters[i].State = "unknown"
		}
	}
}

func table(w io.Writer, letters []Letter) error {
	if len(letters) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "position\tfailed\tvendor\ttype\tevent\tstage\tattempts\tstate\terror")
	for _, l := range letters {
		fmt.Fprintf(t, "%d/%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", l.At.Partition, l.At.Offset, l.Failed.UTC().Format(time.DateTime),
			cell(l.Event.Vendor), cell(l.Event.Type), cell(l.Event.ID), cell(l.Stage), l.Attempts, l.State, cell(l.Error))
	}
	return t.Flush()
}

// cell is text as one cell of a table: printable, one line, not too long.
func cell(text string) string {
	const most = 100
	if text == "" {
		return "-"
	}
	clipped := []rune(text)
	if len(clipped) > most {
		clipped = append(clipped[:most-1], '…')
	}
	quoted := strconv.Quote(string(clipped))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func show(w io.Writer, l Letter) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"position", fmt.Sprintf("%d/%d", l.At.Partition, l.At.Offset)},
		{"state", string(l.State)},
		{"failed", l.Failed.UTC().Format(time.RFC3339Nano)},
		{"stage", l.Stage},
		{"action", l.Action},
		{"attempts", fmt.Sprint(l.Attempts)},
		{"read from", fmt.Sprintf("%s/%d offset %d", l.Topic, l.Partition, l.Offset)},
		{"received", l.Event.Received.UTC().Format(time.RFC3339Nano)},
		{"key", string(l.record.Key)},
	} {
		fmt.Fprintf(t, "%s\t%s\n", line[0], cell(line[1]))
	}
	for _, h := range l.record.Headers {
		if !strings.HasPrefix(h.Key, "hookline.") {
			fmt.Fprintf(t, "%s\t%s\n", cell(h.Key), cell(string(h.Value)))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "error\n%s\n\n%s\n", terminal.Printable(l.Error), terminal.Printable(string(l.record.Value)))
	return err
}
