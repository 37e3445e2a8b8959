package processor_test

import (
	"testing"
	"time"

	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/processor/audit"
)

// One of the processors audits by itself: what ClickHouse acknowledged and has no longer is an alert, and the alert ends once
// it is there again.
func TestTheProcessorAudits(t *testing.T) {
	s := newStack(t)
	p := newPager(t)
	auditing := func(o *processor.Options) {
		o.Audit = audit.WatchOptions{Every: 200 * time.Millisecond, Records: time.Hour}
	}
	s.start(p.on, auditing)
	s.start(p.on, auditing, func(o *processor.Options) { o.Alert.Instance = "second" })
	events := sales(0, 20, time.Now())
	s.produce(events...)
	s.wantSales(20)
	s.wantAllCommitted()
	s.ask("ALTER TABLE events DELETE WHERE event_id = 'evt_7' SETTINGS mutations_sync = 2")
	p.want(t, "firing HooklineAuditFailed")
	s.produce(events[7])
	s.wantAllCommitted()
	p.want(t, "resolved HooklineAuditFailed")
}
