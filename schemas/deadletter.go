package schemas

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	headerError     = ownPrefix + "error"
	headerStage     = ownPrefix + "stage"
	headerTopic     = ownPrefix + "topic"
	headerPartition = ownPrefix + "partition"
	headerOffset    = ownPrefix + "offset"
	headerFailed    = ownPrefix + "failed"
)

// DeadLetter is what the dead-letter topic says of a record that cannot succeed, besides what it was.
type DeadLetter struct {
	Error    string
	Stage    string    // where it failed, one of a closed set: decode, identify, map, row, time, store, action
	Action   string    // the action that failed, as in Retry; empty where storing failed
	Attempts int       // how often it was tried; 0 where trying again was of no use
	Failed   time.Time // when it was given up; zero: Record takes the time of the call

	// Where the record that failed was read. Record takes them from it.
	Topic     string
	Partition int32
	Offset    int64
}

// Record returns r, the record that failed, as the dead-letter topic holds it: key, value, timestamp and headers
// as ingest wrote them, followed by what d says.
func (d DeadLetter) Record(topic string, r *kgo.Record) *kgo.Record {
	headers := append(foreign(r.Headers),
		header(headerError, clip(d.Error)), header(headerStage, d.Stage), header(headerTopic, r.Topic),
		header(headerPartition, strconv.Itoa(int(r.Partition))), header(headerOffset, strconv.FormatInt(r.Offset, 10)))
	if d.Failed.IsZero() {
		d.Failed = time.Now()
	}
	headers = append(headers, header(headerFailed, stamp(d.Failed)))
	if d.Action != "" {
		headers = append(headers, header(headerAction, d.Action))
	}
	if d.Attempts > 0 {
		headers = append(headers, header(headerAttempts, strconv.Itoa(d.Attempts)))
	}
	return &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Headers: headers, Timestamp: receivedAt(r)}
}

// DecodeDeadLetter reads what Record wrote, and returns the record as ingest wrote it, without a topic. What the
// dead letter does not say, or not readably, is zero: a dead letter must always be possible to look at.
func DecodeDeadLetter(r *kgo.Record) (DeadLetter, *kgo.Record) {
	d := DeadLetter{Error: value(r, headerError), Stage: value(r, headerStage), Action: value(r, headerAction), Topic: value(r, headerTopic)}
	d.Attempts, _ = strconv.Atoi(value(r, headerAttempts))
	partition, _ := strconv.ParseInt(value(r, headerPartition), 10, 32)
	d.Partition = int32(partition)
	d.Offset, _ = strconv.ParseInt(value(r, headerOffset), 10, 64)
	d.Failed, _ = time.Parse(time.RFC3339Nano, value(r, headerFailed))
	return d, &kgo.Record{Key: r.Key, Value: r.Value, Headers: foreign(r.Headers), Timestamp: receivedAt(r)}
}

// Redrive returns what sends r, a dead letter, round again: the record as ingest wrote it, for the events topic, or
// for the retry topic where only an action failed, so that no other action of the event is repeated. As in the
// retry topic its timestamp is the time of writing, and DecodeEvent knows when the event was received: retention
// would delete a record as old as some dead letters are before anyone reads it.
func Redrive(topics Topics, r *kgo.Record) *kgo.Record {
	letter, original := DecodeDeadLetter(r)
	if letter.Action != "" {
		return Retry{Action: letter.Action, Reason: "redriven", NotBefore: time.Now()}.Record(topics.Retry, original)
	}
	headers := append(original.Headers, header(headerReceived, stamp(receivedAt(original))))
	return &kgo.Record{Topic: topics.Events, Key: original.Key, Value: original.Value, Headers: headers}
}
