package forward

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// job is one action to run for one event.
type job struct {
	ticket  ticket
	record  *kgo.Record
	event   schemas.Event
	action  vendors.Action
	attempt int // the first is 1
}

// outcome is where a job, or a record that no job can be made of, ended.
type outcome struct {
	ticket ticket
	next   *kgo.Record             // for the retry or the dead-letter topic; nil: nothing is left to do
	result *analytics.ActionResult // nil where no attempt was made
}

// stageAction is the stage of the dead letters of this package; see schemas.DeadLetter.
const stageAction = "action"

// plan returns the actions that r asks for, or why none can be made of it. It is pure.
//
// From the events topic it asks for every action of its type. What cannot be decoded there, or is of a vendor that
// is not in the configuration, asks for none: storing makes a dead letter of it, and one is enough. From the retry
// topic it asks for the one action that it names; records that name none are not ours but storing's.
func plan(r *kgo.Record, topics schemas.Topics, config *vendors.Config) ([]job, *schemas.DeadLetter) {
	if r.Topic != topics.Retry {
		event, err := schemas.DecodeEvent(r)
		if err != nil {
			return nil, nil
		}
		vendor, known := config.Vendors[event.Vendor]
		if !known {
			return nil, nil
		}
		actions := vendor.Actions(event.Type)
		jobs := make([]job, len(actions))
		for i, a := range actions {
			jobs[i] = job{record: r, event: event, action: a, attempt: 1}
		}
		return jobs, nil
	}
	retry, err := schemas.DecodeRetry(r)
	if retry.Action == "" {
		return nil, nil
	}
	dead := func(err error) *schemas.DeadLetter {
		return &schemas.DeadLetter{Stage: stageAction, Action: retry.Action, Attempts: retry.Attempts, Error: err.Error()}
	}
	if err != nil {
		return nil, dead(err)
	}
	event, err := schemas.DecodeEvent(r)
	if err != nil {
		return nil, dead(err)
	}
	if vendor, known := config.Vendors[event.Vendor]; known {
		for _, a := range vendor.Actions(event.Type) {
			if a.Name() == retry.Action {
				return []job{{record: r, event: event, action: a, attempt: retry.Attempts + 1}}, nil
			}
		}
	}
	return nil, dead(fmt.Errorf("%s: the configuration no longer has this action for %s of %s; before it failed with: %s",
		retry.Action, event.Type, event.Vendor, retry.Reason))
}

// end returns where j ends after an attempt that was answered by ans. It is pure but for the clock.
func (a *Actions) end(j job, ans answer) outcome {
	result := &analytics.ActionResult{
		Vendor: j.event.Vendor, EventID: j.event.ID, Occurred: j.event.Time, Received: j.event.Received,
		Action: "forward", Target: j.action.Target, Attempt: j.attempt,
		Outcome: analytics.OutcomeSucceeded, Status: ans.status, Started: ans.started, Duration: ans.took,
	}
	out := outcome{ticket: j.ticket, result: result}
	v := judge(ans.status, ans.err)
	if v == done {
		return out
	}
	result.Error = ans.err.Error()
	failure := j.action.Name() + ": " + result.Error
	if v == again && j.attempt < a.options.Attempts {
		result.Outcome = analytics.OutcomeFailed
		out.next = a.later(j, j.attempt, failure, ans.started.Add(ans.took+a.options.RetryDelay))
		return out
	}
	result.Outcome = analytics.OutcomeGaveUp
	letter := schemas.DeadLetter{Stage: stageAction, Action: j.action.Name(), Attempts: j.attempt, Error: failure}
	out.next = letter.Record(a.topics.DLQ, j.record)
	a.log.Warn("action is dead-lettered", "event", j.event.ID, "vendor", j.event.Vendor, "action", j.action.Name(),
		"attempts", j.attempt, "err", result.Error)
	return out
}

// later is j for the retry topic.
func (a *Actions) later(j job, attempts int, reason string, notBefore time.Time) *kgo.Record {
	retry := schemas.Retry{Action: j.action.Name(), Attempts: attempts, Reason: reason, NotBefore: notBefore}
	return retry.Record(a.topics.Retry, j.record)
}

// run makes one attempt as soon as the target has room, and hands on how it ended. The room is kept until that is
// taken: while results cannot be stored, no more requests are made. On a stop, what is in flight may finish until
// draining ends, and what still waits is left to be read again.
func (a *Actions) run(ctx, draining context.Context, t *target, j job) {
	defer t.leave(len(j.record.Value))
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-t.slots }()
	if ctx.Err() != nil {
		return
	}
	ans := a.forward.send(draining, &j.event, j.action)
	t.answered(ans.took)
	if ans.err != nil && draining.Err() != nil {
		return // we hung up ourselves: that says nothing about the target
	}
	out := a.end(j, ans)
	a.metrics.attempted(j.action.Target, out.result)
	a.log.Debug("action", "event", j.event.ID, "vendor", j.event.Vendor, "action", j.action.Name(), "attempt", j.attempt,
		"outcome", out.result.Outcome, "status", ans.status, "took", ans.took, "err", ans.err)
	a.put(draining, out)
}

// put hands an outcome on, unless draining ends first.
func (a *Actions) put(draining context.Context, o outcome) {
	select {
	case a.outcomes <- o:
	case <-draining.Done():
	}
}
