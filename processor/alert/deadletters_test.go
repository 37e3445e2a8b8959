package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
)

// dlq is a dead-letter topic in a broker in this process (kfake, not Apache Kafka).
type dlq struct {
	t      *testing.T
	kafka  kafka.Options
	client *kgo.Client
}

func newDLQ(t *testing.T) *dlq {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "webhooks.events.dlq"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	d := &dlq{t: t, kafka: kafka.Options{Brokers: cluster.ListenAddrs(), TopicPrefix: "webhooks"}}
	if d.client, err = d.kafka.NewClient(slog.New(slog.DiscardHandler), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.client.Close)
	return d
}

// write writes count dead letters of vendor; none has a name for a record that is no event.
func (d *dlq) write(vendor, stage, cause string, count int) {
	d.t.Helper()
	var records []*kgo.Record
	for i := range count {
		r := &kgo.Record{Value: []byte("noise"), Topic: "webhooks.events", Offset: int64(i)}
		if vendor != "" {
			event := schemas.Event{ID: fmt.Sprint(i), Vendor: vendor, Received: time.Now(), Data: []byte("{}")}
			r = event.Record("webhooks.events")
		}
		records = append(records, schemas.DeadLetter{Stage: stage, Error: cause}.Record("webhooks.events.dlq", r))
	}
	if err := d.client.ProduceSync(d.t.Context(), records...).FirstErr(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dlq) committed() int64 {
	d.t.Helper()
	offsets, err := kadm.NewClient(d.client).FetchOffsets(d.t.Context(), "hookline.alerts")
	if errors.Is(err, kerr.GroupIDNotFound) {
		return 0
	}
	if err != nil {
		d.t.Fatal(err)
	}
	o, _ := offsets.Lookup("webhooks.events.dlq", 0)
	return o.At
}

// watch runs a watcher until the test ends or the function it returns is called.
func (d *dlq) watch(n running) (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := WatchDeadLetters(ctx, slog.New(slog.DiscardHandler), n.Notifier, d.kafka); err != nil {
			d.t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	d.t.Cleanup(stop)
	return stop
}

func TestWatchDeadLetters(t *testing.T) {
	am, topic := newReceiver(t, ""), newDLQ(t)
	topic.write("acme", "map", "amount: nothing at data.amount", 3)
	topic.write("acme", "action", "404 Not Found", 1)
	topic.write("", "decode", "not a hookline event", 2)
	topic.watch(start(t, Options{AlertmanagerURL: URL(am.URL), Resend: time.Hour, Every: 50 * time.Millisecond}))
	notified := func(want int) map[string]notification {
		got := map[string]notification{}
		testkit.Eventually(t, 20*time.Second, func() error {
			for _, one := range am.alerts(t) {
				got[one.Labels["vendor"]+"/"+one.Labels["stage"]] = one
			}
			if len(got) != want {
				return fmt.Errorf("%d alerts", len(got))
			}
			return nil
		})
		return got
	}
	got := notified(3)
	for key, want := range map[string][]string{
		"acme/map":    {"3 events of acme could not be handled", "amount: nothing at data.amount", "hookline dlq list --vendor=acme"},
		"acme/action": {"1 event of acme could not be handled", "404 Not Found", "hookline dlq redrive --vendor=acme"},
		"/decode":     {"2 events of no known vendor could not be handled", "not a hookline event", "hookline dlq list\n"},
	} {
		text := got[key].Annotations["summary"] + "\n" + got[key].Annotations["description"]
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: no %q in %q", key, part, text)
			}
		}
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if at := topic.committed(); at != 6 {
			return fmt.Errorf("committed up to %d", at)
		}
		return nil
	})
	topic.write("bolt", "row", "amount cannot be stored exactly", 1)
	notified(4)
}

// TestInvariant3_AlertBeforeCommit stops a watcher that cannot deliver: the next one reports the same dead letters.
func TestInvariant3_AlertBeforeCommit(t *testing.T) {
	am, topic := newReceiver(t, "fail"), newDLQ(t)
	topic.write("acme", "map", "first", 2)
	n := start(t, Options{AlertmanagerURL: URL(am.URL), Resend: time.Hour, DrainTimeout: time.Millisecond})
	stop := topic.watch(n)
	testkit.Eventually(t, 20*time.Second, func() error {
		if n.metric(t, "hookline_alerts_delivery_failures_total", "alertmanager") < 1 {
			return errors.New("delivery was not tried")
		}
		return nil
	})
	stop()
	n.stop()
	if at := topic.committed(); at != 0 {
		t.Fatalf("committed up to %d before anybody was notified", at)
	}
	am.set("")
	topic.watch(start(t, Options{AlertmanagerURL: URL(am.URL), Resend: time.Hour}))
	testkit.Eventually(t, 20*time.Second, am.count(1))
	if got := am.alerts(t)[0].Annotations["summary"]; !strings.Contains(got, "2 events of acme") {
		t.Errorf("notified of %q", got)
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if at := topic.committed(); at != 2 {
			return fmt.Errorf("committed up to %d", at)
		}
		return nil
	})
}

// TestInvariant9_Groups: dead letters of ever new vendors do not make ever new alerts.
func TestInvariant9_Groups(t *testing.T) {
	am, topic := newReceiver(t, ""), newDLQ(t)
	for i := range maxGroups + 7 {
		topic.write(fmt.Sprintf("v%03d", i), "map", "x", 1)
	}
	topic.watch(start(t, Options{AlertmanagerURL: URL(am.URL), Resend: time.Hour, Every: time.Minute}))
	testkit.Eventually(t, 30*time.Second, func() error {
		if at := topic.committed(); at != maxGroups+7 {
			return fmt.Errorf("committed up to %d", at)
		}
		return nil
	})
	got := am.alerts(t)
	if len(got) != maxGroups+1 {
		t.Errorf("%d alerts", len(got))
	}
	for _, one := range got {
		if one.Labels["vendor"] == "(others)" && !strings.Contains(one.Annotations["summary"], "7 events of other vendors") {
			t.Errorf("%+v", one.Annotations)
		}
	}
}
