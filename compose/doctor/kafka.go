package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
)

func lookAtKafka(ctx context.Context, log *slog.Logger, o Options) []Finding {
	client, err := o.Kafka.NewClient(log, nil)
	if err != nil {
		return []Finding{failed("kafka", err.Error(), "Correct the flag that it names.")}
	}
	defer client.Close()
	if finding, reached := reach(ctx, client, o.Kafka); !reached {
		return []Finding{finding}
	}
	brokers, err := kafka.Brokers(ctx, client)
	if err != nil {
		return []Finding{failed("kafka", err.Error(), "See what the brokers log.")}
	}
	findings := judgeBrokers(brokers, o.Kafka)
	topics, err := o.Kafka.DescribeTopics(ctx, client)
	if err != nil {
		findings = append(findings, failed("topics", err.Error(),
			"Allow this user to describe hookline's topics, and see what the brokers log."))
	}
	for _, t := range topics {
		findings = append(findings, judgeTopic(t, len(brokers))...)
	}
	if len(topics) > 0 && topics[0].Err == nil {
		findings = append(findings, lookAtGroup(ctx, client, o.Group))
	}
	return append(findings, lookAtBrokersClock(ctx, client, o.Now))
}

// reach asks a second time where the connection was cut.
func reach(ctx context.Context, client *kgo.Client, o kafka.Options) (Finding, bool) {
	err := o.Ping(ctx, client)
	if err != nil {
		err = o.Ping(ctx, client)
	}
	if refusal, ok := errors.AsType[*kafka.Refusal](err); ok {
		return failed("kafka", refusal.Err.Error(), refusal.Fix), false
	}
	if err != nil {
		return failed("kafka", err.Error(), "Check --kafka-brokers, that the brokers run, and that nothing between here and them (firewall, NetworkPolicy) is in the way."), false
	}
	return Finding{}, true
}

func judgeBrokers(brokers []kafka.BrokerState, o kafka.Options) []Finding {
	var findings []Finding
	for _, b := range brokers {
		if b.Err != nil {
			findings = append(findings, failed("kafka", fmt.Sprintf("broker %d cannot be reached at %s: %v", b.ID, b.Addr, b.Err),
				"Start it, or set its advertised.listeners to an address that can be reached from here."))
		}
	}
	if len(findings) == 0 && len(brokers) > 0 {
		findings = append(findings, ok("kafka", fmt.Sprintf("%d brokers, by their protocol %s", len(brokers), brokers[0].Version)))
	}
	if o.Readable() {
		findings = append(findings, warning("kafka",
			fmt.Sprintf("--kafka-sasl=%s without TLS: who can read the connection can log in as we do", o.SASL),
			"Use a listener with TLS and --kafka-tls."))
	}
	return findings
}

// minRetention is how long events must stay on Kafka at least: what ClickHouse does not take in that time is lost.
const minRetention = 24 * time.Hour

// judgeTopic says what is wrong with a topic. It is pure.
func judgeTopic(t kafka.TopicState, brokers int) []Finding {
	check := "topic " + t.Name
	if errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
		return []Finding{failed(check, "it does not exist", "Run 'hookline setup', or name the topics' prefix with --kafka-topic-prefix.")}
	}
	if t.Err != nil {
		return []Finding{failed(check, t.Err.Error(), "Allow this user to describe, read and write it.")}
	}
	var findings []Finding
	if t.Leaderless > 0 {
		findings = append(findings, failed(check, fmt.Sprintf("%d of %d partitions have no leader: nothing can be written to them", t.Leaderless, t.Partitions), "Start the brokers that are down."))
	}
	if t.Replication == 1 && brokers >= 3 {
		findings = append(findings, warning(check, fmt.Sprintf("1 copy of each partition on %d brokers: a broker that is lost takes events with it", brokers),
			"Reassign its partitions to 3 brokers each (kafka-reassign-partitions.sh); new topics get copies with 'hookline setup --topics-replication=3'."))
	}
	if t.InSync < t.Replication && t.Leaderless == 0 {
		findings = append(findings, warning(check, fmt.Sprintf("a partition has %d of its %d copies in sync", t.InSync, t.Replication),
			"Start the broker that is down, or wait until it has caught up."))
	}
	if t.Settings == nil {
		return append(findings, unknown(check, "we may not read its settings (DescribeConfigs)"))
	}
	findings = append(findings, judgeSettings(check, t)...)
	if len(findings) == 0 {
		retention, _ := t.Number("retention.ms")
		findings = append(findings, ok(check, fmt.Sprintf("%d partitions, %d copies of which %s in sync take a write, kept %s",
			t.Partitions, t.Replication, t.Settings["min.insync.replicas"], kept(retention))))
	}
	return findings
}

func judgeSettings(check string, t kafka.TopicState) (findings []Finding) {
	alter := func(setting, value string) string {
		return fmt.Sprintf("kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config %s=%s", t.Name, setting, value)
	}
	if insync, known := t.Number("min.insync.replicas"); known {
		switch {
		case int(insync) > t.InSync:
			findings = append(findings, failed(check, fmt.Sprintf("a write needs %d copies in sync and a partition has %d: ingest answers 500", insync, t.InSync), "Start the brokers that are down, or else: "+alter("min.insync.replicas", strconv.Itoa(max(t.Replication-1, 1)))))
		case t.Replication > 1 && int(insync) == t.Replication:
			findings = append(findings, warning(check, fmt.Sprintf("a write needs all %d copies: it stops with the first broker that does", insync), alter("min.insync.replicas", strconv.Itoa(t.Replication-1))))
		case t.Replication > 2 && insync == 1:
			findings = append(findings, warning(check, "a write counts with one copy: a vendor may get 200 for an event that is lost with that broker", alter("min.insync.replicas", strconv.Itoa(t.Replication-1))))
		}
	}
	if policy := t.Settings["cleanup.policy"]; policy != "" && policy != "delete" {
		findings = append(findings, failed(check, "cleanup.policy is "+policy+": Kafka removes events before they are stored",
			alter("cleanup.policy", "delete")))
	}
	if retention, known := t.Number("retention.ms"); known && retention >= 0 && time.Duration(retention)*time.Millisecond < minRetention {
		findings = append(findings, failed(check, "it keeps events for "+kept(retention)+": an outage of ClickHouse that is longer loses them", alter("retention.ms", "604800000")))
	}
	if size, known := t.Number("retention.bytes"); known && size >= 0 {
		findings = append(findings, warning(check, fmt.Sprintf("it keeps at most %d bytes of each partition: a backlog that is larger is lost", size), alter("retention.bytes", "-1")))
	}
	if size, known := t.Number("max.message.bytes"); known && size < kafka.MaxRecordBytes {
		findings = append(findings, failed(check, fmt.Sprintf("it takes records of up to %d bytes: larger deliveries, which ingest accepts, get 500", size), alter("max.message.bytes", strconv.Itoa(kafka.MaxRecordBytes))))
	}
	if kind := t.Settings["message.timestamp.type"]; kind != "" && kind != "CreateTime" {
		findings = append(findings, failed(check, "message.timestamp.type is "+kind+": the time of receipt is lost",
			alter("message.timestamp.type", "CreateTime")))
	}
	return findings
}

func kept(ms int64) string {
	if ms < 0 {
		return "for good"
	}
	return strings.TrimSuffix(strings.TrimSuffix((time.Duration(ms)*time.Millisecond).String(), "0s"), "0m")
}

func lookAtGroup(ctx context.Context, client *kgo.Client, group string) Finding {
	check := "group " + group
	state, err := kafka.DescribeGroup(ctx, client, group)
	switch {
	case err != nil:
		return failed(check, err.Error(), "Allow this user to describe the group.")
	case state.Members == 0 && !state.Known:
		return warning(check, "no processor has ever joined it", "Start 'hookline processor', or name its group with --group.")
	case state.Members == 0:
		return warning(check, fmt.Sprintf("no processor runs, and %d records wait", state.Lag),
			"Start 'hookline processor', or name its group with --group.")
	}
	return ok(check, fmt.Sprintf("%d processors, %d records behind", state.Members, state.Lag))
}

func lookAtBrokersClock(ctx context.Context, client *kgo.Client, now func() time.Time) Finding {
	const check = "kafka's clock"
	before := now()
	theirs, err := kafka.Clock(ctx, client)
	after := now()
	if err != nil {
		return unknown(check, err.Error())
	}
	return judgeClock(check, "the controller's", theirs, before, after)
}
