package doctor

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
)

func TestJudgeTopic(t *testing.T) {
	good := kafka.TopicState{Name: "t", Partitions: 12, Replication: 3, InSync: 3, Settings: map[string]string{
		"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1", "min.insync.replicas": "2",
		"max.message.bytes": "4194304", "message.timestamp.type": "CreateTime",
	}}
	with := func(setting, value string) kafka.TopicState {
		s := good
		s.Settings = maps.Clone(good.Settings)
		s.Settings[setting] = value
		return s
	}
	state := func(change func(*kafka.TopicState)) kafka.TopicState {
		s := good
		change(&s)
		return s
	}
	for _, test := range []struct {
		state  kafka.TopicState
		status Status
		words  string
	}{
		{good, OK, "12 partitions, 3 copies of which 2 in sync"},
		{with("retention.ms", "-1"), OK, "for good"},
		{state(func(s *kafka.TopicState) { s.Err = kerr.UnknownTopicOrPartition }), Failed, "does not exist"},
		{state(func(s *kafka.TopicState) { s.Err = kerr.TopicAuthorizationFailed }), Failed, "TOPIC_AUTHORIZATION_FAILED"},
		{state(func(s *kafka.TopicState) { s.Settings = nil }), Unknown, "may not read its settings"},
		{state(func(s *kafka.TopicState) { s.Leaderless = 1 }), Failed, "1 of 12 partitions have no leader"},
		{state(func(s *kafka.TopicState) { s.InSync = 2 }), Warning, "2 of its 3 copies"},
		{state(func(s *kafka.TopicState) {
			s.Replication, s.InSync = 1, 1
			s.Settings = with("min.insync.replicas", "1").Settings
		}), Warning, "1 copy of each partition on 3 brokers"},
		{with("min.insync.replicas", "3"), Warning, "stops with the first broker"},
		{with("min.insync.replicas", "1"), Warning, "counts with one copy"},
		{with("min.insync.replicas", "4"), Failed, "ingest answers 500"},
		{with("cleanup.policy", "compact,delete"), Failed, "before they are stored"},
		{with("retention.ms", "3600000"), Failed, "for 1h"},
		{with("retention.bytes", "1073741824"), Warning, "a backlog that is larger is lost"},
		{with("max.message.bytes", "1048588"), Failed, "get 500"},
		{with("message.timestamp.type", "LogAppendTime"), Failed, "time of receipt is lost"},
	} {
		findings := judgeTopic(test.state, 3)
		if len(findings) != 1 || findings[0].Status != test.status || !strings.Contains(findings[0].Found, test.words) {
			t.Errorf("found %+v, want %s …%s…", findings, test.status, test.words)
		}
		if needsFix := test.status == Warning || test.status == Failed; needsFix != (findings[0].Fix != "") {
			t.Errorf("%+v says what to do, or does not", findings[0])
		}
	}
}

func TestJudgeBrokers(t *testing.T) {
	findings := judgeBrokers([]kafka.BrokerState{{ID: 1, Addr: "a:9092", Version: "v4.1"}, {ID: 2, Addr: "b:9092", Err: errors.New("no route")}}, kafka.Options{})
	if len(findings) != 1 || findings[0].Status != Failed || !strings.Contains(findings[0].Found, "broker 2 cannot be reached at b:9092") || !strings.Contains(findings[0].Fix, "advertised.listeners") {
		t.Errorf("found %+v", findings)
	}
	readable := kafka.Options{SecurityOptions: kafka.SecurityOptions{SASL: kafka.Plain}}
	findings = judgeBrokers([]kafka.BrokerState{{ID: 1, Version: "v4.1"}}, readable)
	if len(findings) != 2 || findings[1].Status != Warning || !strings.Contains(findings[1].Fix, "--kafka-tls") {
		t.Errorf("found %+v", findings)
	}
}

func TestJudgeClock(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		theirs time.Time
		status Status
		words  string
	}{
		{now, OK, "within 0.1 s"},
		{now.Add(50 * time.Millisecond), OK, "within 0.1 s"}, // while the answer was on its way
		{now.Add(-3 * time.Second), Warning, "3s behind"},
		{now.Add(4 * time.Second), Warning, "ahead"},
		{now.Add(-2 * time.Minute), Failed, "refused for their age"},
		{now.Add(time.Hour), Failed, "refused for their age"},
	} {
		if f := judgeClock("clock", "its", test.theirs, now, now.Add(100*time.Millisecond)); f.Status != test.status || !strings.Contains(f.Found, test.words) {
			t.Errorf("%v: %+v, want %s …%s…", test.theirs.Sub(now), f, test.status, test.words)
		}
	}
}

func TestJudgeVersion(t *testing.T) {
	for version, want := range map[string]Status{
		"26.7.2.1": OK, "27.1": OK, "26.3.1.1": OK, "26.2.9": Warning, "25.8.1.1": Warning, "24.10.1": Warning, "24.9.1": Failed, "23.8": Failed, "nonsense": Failed,
	} {
		if f := judgeVersion(analytics.Server{Version: version}); f.Status != want {
			t.Errorf("%s: %+v, want %s", version, f, want)
		}
	}
}
