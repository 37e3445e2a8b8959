package checks

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Backup and restore of docs/operating.md, on the engine of `hookline local`: the database is lost with everything that
// came after the backup, restored, and what it lacks is read from Kafka again.
func TestARestoredDatabaseCatchesUpFromKafka(t *testing.T) {
	r := newRig(t, "compose.yaml")
	r.start("ingest")
	r.start("processor")
	send := func(from, to int) {
		for n := from; n < to; n++ {
			if status, err := r.post(r.address("ingest:8080"), n); err != nil || status != 200 {
				t.Fatalf("delivery %d: %d, %v", n, status, err)
			}
		}
	}
	run := func(sql string) {
		if _, err := r.query(sql); err != nil {
			t.Fatal(err)
		}
	}
	send(0, 20)
	r.sold(20)
	backup := time.Now()
	run("BACKUP DATABASE hookline TO File('monday')")
	send(20, 50)
	r.sold(50)

	r.signal("processor", syscall.SIGTERM)
	run("DROP DATABASE hookline SYNC")
	run("RESTORE DATABASE hookline FROM File('monday')")
	if got, err := r.query("SELECT count() FROM hookline.current_sales"); err != nil || got != "20" {
		t.Fatalf("%s sales are restored, %v", got, err)
	}
	// Until ClickHouse reads it again, a restored view that has a UNION cannot be refreshed (26.7: "UNION mode
	// UNION_DEFAULT must be normalized").
	r.signal("clickhouse", syscall.SIGTERM)
	r.start("clickhouse")
	r.eventually(time.Minute, func() error {
		_, err := r.query("SELECT 1")
		return err
	})
	if out, err := r.command("setup").CombinedOutput(); err != nil {
		t.Fatalf("setup: %v\n%s", err, out)
	}
	r.rewind(backup.Add(-time.Minute))
	r.start("processor")
	r.sold(50)
	r.eventually(time.Minute, func() error {
		got, err := r.query("SELECT toDecimalString(sum(gross), 2) FROM hookline.sales_per_month WHERE zone = 'UTC' AND vendor = 'acme'")
		if want := "2499.50"; err == nil && got != want {
			err = fmt.Errorf("the month shows %s, want %s", got, want)
		}
		return err
	})
}

// rewind does what kafka-consumer-groups.sh --reset-offsets --to-datetime does, once the group has nobody in it any more: a
// processor with a name of its own stays a member for the session timeout.
func (r *rig) rewind(to time.Time) {
	r.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker))
	if err != nil {
		r.t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for group, topics := range map[string][]string{
		"hookline.store":    {"webhooks.events", "webhooks.events.retry"},
		"hookline.outcomes": {"webhooks.events.dlq", "webhooks.rejections"},
	} {
		offsets, err := admin.ListOffsetsAfterMilli(r.t.Context(), to.UnixMilli(), topics...)
		if err != nil {
			r.t.Fatal(err)
		}
		r.eventually(90*time.Second, func() error {
			groups, err := admin.DescribeGroups(r.t.Context(), group)
			if err == nil && groups[group].State != "Empty" {
				err = fmt.Errorf("group %s is %s", group, groups[group].State)
			}
			return err
		})
		if err := admin.CommitAllOffsets(r.t.Context(), group, offsets.Offsets()); err != nil {
			r.t.Fatal(err)
		}
	}
}
