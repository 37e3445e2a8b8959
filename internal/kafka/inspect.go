package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BrokerState is one broker as the cluster names it to clients.
type BrokerState struct {
	ID      int32
	Addr    string // host:port of its advertised.listeners
	Version string // at least; guessed from what it offers
	Err     error  // why it cannot be reached, if it cannot
}

// Brokers asks every broker of the cluster for a sign of life.
func Brokers(ctx context.Context, client *kgo.Client) ([]BrokerState, error) {
	admin := kadm.NewClient(client)
	details, err := admin.ListBrokers(ctx)
	if err != nil {
		return nil, fmt.Errorf("list brokers: %w", err)
	}
	versions, err := admin.ApiVersions(ctx)
	if err != nil {
		return nil, fmt.Errorf("list brokers: %w", err)
	}
	states := make([]BrokerState, 0, len(details))
	for _, d := range details {
		state := BrokerState{ID: d.NodeID, Addr: fmt.Sprintf("%s:%d", d.Host, d.Port)}
		if v, ok := versions[d.NodeID]; ok {
			if state.Err = v.Err; v.Err == nil {
				state.Version = v.VersionGuess()
			}
		}
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b BrokerState) int { return int(a.ID - b.ID) })
	return states, nil
}

// TopicState is a topic as it stands.
type TopicState struct {
	Name        string
	Err         error // kerr.UnknownTopicOrPartition where there is none
	Partitions  int
	Replication int               // of the partition that has the fewest copies
	Leaderless  int               // partitions that nobody can write to or read from
	InSync      int               // copies in sync of the partition that has the fewest
	Settings    map[string]string // cleanup.policy, retention.ms, …; nil where we may not read them
}

// Number is a setting that is one; ok is false where it is not known.
func (s TopicState) Number(setting string) (n int64, ok bool) {
	n, err := strconv.ParseInt(s.Settings[setting], 10, 64)
	return n, err == nil
}

// DescribeTopics returns the state of hookline's topics, in the order of schemas.Topics.
func (o Options) DescribeTopics(ctx context.Context, client *kgo.Client) ([]TopicState, error) {
	topics := o.Topics()
	names := []string{topics.Events, topics.Retry, topics.DLQ, topics.Rejections}
	admin := kadm.NewClient(client)
	details, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	var states []TopicState
	for _, name := range names {
		d, ok := details[name]
		state := TopicState{Name: name, Err: d.Err, Partitions: len(d.Partitions)}
		if !ok {
			state.Err = kerr.UnknownTopicOrPartition
		}
		for i, p := range d.Partitions.Sorted() {
			if p.Leader < 0 {
				state.Leaderless++
			}
			if i == 0 {
				state.Replication, state.InSync = len(p.Replicas), len(p.ISR)
			}
			state.Replication, state.InSync = min(state.Replication, len(p.Replicas)), min(state.InSync, len(p.ISR))
		}
		if state.Err == nil {
			if state.Settings, err = settings(ctx, admin, name); err != nil {
				return nil, err
			}
		}
		states = append(states, state)
	}
	return states, nil
}

// settings are nil where we may not read them.
func settings(ctx context.Context, admin *kadm.Client, topic string) (map[string]string, error) {
	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	if err == nil {
		var config kadm.ResourceConfig
		if config, err = configs.On(topic, nil); err == nil {
			err = config.Err
		}
		if err == nil {
			out := make(map[string]string, len(config.Configs))
			for _, c := range config.Configs {
				out[c.Key] = c.MaybeValue()
			}
			return out, nil
		}
	}
	if errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return nil, nil
	}
	return nil, fmt.Errorf("read the settings of %s: %w", topic, err)
}

// Clock returns the time that the cluster's leading controller has. Kafka's protocol has no question for it; the answer
// about the quorum (KIP-595, KIP-836) states when each node last fetched, by the leader's clock, and of the leader itself
// that is now. Not every broker answers, and it takes the right to describe the cluster.
func Clock(ctx context.Context, client *kgo.Client) (time.Time, error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	topic, partition := kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("ask the controller: %w", err)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			for _, voter := range p.CurrentVoters {
				if voter.ReplicaID == p.LeaderID && voter.LastFetchTimestamp > 0 {
					return time.UnixMilli(voter.LastFetchTimestamp), nil
				}
			}
		}
	}
	return time.Time{}, errors.New("ask the controller: its answer has no time in it")
}

// GroupState is a consumer group as it stands.
type GroupState struct {
	Members int
	Lag     int64 // records that are not committed yet
	Known   bool  // the group has existed
}

// DescribeGroup returns the state of a consumer group and how far it is behind.
func DescribeGroup(ctx context.Context, client *kgo.Client, group string) (GroupState, error) {
	lags, err := kadm.NewClient(client).Lag(ctx, group)
	if err != nil {
		return GroupState{}, fmt.Errorf("describe the group %s: %w", group, err)
	}
	described := lags[group]
	if err := described.Error(); errors.Is(err, kerr.GroupIDNotFound) {
		return GroupState{}, nil
	} else if err != nil {
		return GroupState{}, fmt.Errorf("describe the group %s: %w", group, err)
	}
	return GroupState{Members: len(described.Members), Lag: described.Lag.Total(), Known: described.State != "Dead"}, nil
}
