package alert

import (
	"context"
	"time"

	"github.com/sethvargo/go-retry"
)

// message is what a destination is sent about one entry.
type message struct {
	entry   *entry
	version int
	payload notification
}

// send delivers to destination i until ctx is done and nothing is left to deliver, or until draining ends.
func (n *Notifier) send(ctx, draining context.Context, i int) {
	d := n.destinations[i]
	pauses := newPauses()
	for {
		batch, next := n.due(i, ctx.Err() != nil)
		if len(batch) == 0 {
			if ctx.Err() != nil {
				return
			}
			wait(d.wake, ctx.Done(), next)
			continue
		}
		err := d.post(draining, batch)
		if err == nil {
			n.heard(i, batch)
			pauses = newPauses()
			continue
		}
		pause, _ := pauses.Next()
		n.metrics.failures.WithLabelValues(d.name).Inc()
		n.log.Warn("alerts did not arrive", "destination", d.name, "alerts", len(batch), "again_in", pause.Round(time.Millisecond), "err", err)
		if ctx.Err() == nil {
			wait(nil, ctx.Done(), pause)
		} else {
			wait(nil, draining.Done(), pause)
		}
		if draining.Err() != nil {
			return
		}
	}
}

// newPauses grows from half a second to half a minute, half of it random.
func newPauses() retry.Backoff {
	return retry.WithJitterPercent(50, retry.WithCappedDuration(20*time.Second, retry.NewExponential(500*time.Millisecond)))
}

// wait returns on a wake or done, and after the time where it is not 0.
func wait(wake, done <-chan struct{}, most time.Duration) {
	var late <-chan time.Time
	if most > 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-wake:
	case <-done:
	case <-late:
	}
}

// due returns what to send to destination i now: what it has not heard of, and what lasts and was last sent
// longer ago than it takes to be forgotten, unless only news matter. While that is nothing, next is how long until
// something will be; 0: until something happens.
func (n *Notifier) due(i int, newsOnly bool) (batch []message, next time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now, resend := time.Now(), n.destinations[i].resend
	for _, e := range n.entries {
		last := e.heard[i]
		if last.version == e.version {
			if newsOnly || resend == 0 || !e.ends.IsZero() || e.Lasts > 0 {
				continue
			}
			if left := last.at.Add(resend).Sub(now); left > 0 {
				if next == 0 || left < next {
					next = left
				}
				continue
			}
		}
		batch = append(batch, message{e, e.version, n.notification(e, now)})
	}
	return batch, next
}

// heard notes that destination i has batch.
func (n *Notifier) heard(i int, batch []message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for _, m := range batch {
		m.entry.heard[i] = hearing{m.version, now}
		if m.entry.over() && n.entries[m.entry.Key] == m.entry {
			delete(n.entries, m.entry.Key)
		}
	}
	close(n.news)
	n.news = make(chan struct{})
}
