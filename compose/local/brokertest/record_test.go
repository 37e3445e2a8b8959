package brokertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
)

// What these need of Kafka they leave as it was, but for records, so one start is enough.
func TestRecords(t *testing.T) {
	f := start(t)
	t.Run("Invariant2_KeptByteForByte", f.keptByteForByte)
	t.Run("Large", f.large)
	t.Run("TooLarge", f.tooLarge)
	t.Run("NoSuchTopic", f.noSuchTopic)
}

// record is what must come back as it was sent.
type record struct {
	Key, Value []byte
	Headers    []kgo.RecordHeader
	Timestamp  time.Time
}

func (f *fixture) keptByteForByte(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	sent := []record{
		{Key: every, Value: every, Timestamp: time.Now(), Headers: []kgo.RecordHeader{
			{Key: "ce_id", Value: []byte("evt_1")}, {Key: "ce_id", Value: []byte("again")}, {Key: "Ünïcode ", Value: every},
			{Key: "empty", Value: []byte{}}, {Key: "", Value: []byte("no name")}, {Key: "a", Value: []byte("after b")},
		}},
		{Key: []byte("no headers"), Value: []byte(" {\"a\" : 1}\r\n"), Timestamp: time.Now()},
		{Key: []byte("empty value"), Value: []byte{}, Timestamp: time.Now()},
		{Key: []byte{}, Value: []byte("empty key"), Timestamp: time.Now()},
		{Value: []byte("no key"), Timestamp: time.Now()},
		// A redriven record keeps its time, and another machine's clock may be ahead.
		{Key: []byte("old"), Value: []byte("old"), Timestamp: time.Now().AddDate(-5, 0, 0)},
		{Key: []byte("ahead"), Value: []byte("ahead"), Timestamp: time.Now().Add(50 * time.Minute)},
	}
	producer := f.producer(t)
	for i := range sent {
		sent[i].Timestamp = sent[i].Timestamp.Truncate(time.Millisecond) // what Kafka has
		r := sent[i]
		produced := &kgo.Record{Topic: f.topic, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}
		produce(t, producer, produced)
		got := f.at(t, produced.Partition, produced.Offset)
		if diff := cmp.Diff(r, record{got.Key, got.Value, got.Headers, got.Timestamp}); diff != "" {
			t.Errorf("record %q changed (-sent +read):\n%s", r.Key, diff)
		}
	}
}

// The largest event that ingest takes fills a batch.
func (f *fixture) large(t *testing.T) {
	producer := f.producer(t)
	const batchAndHeaders = 512
	for _, size := range []int{1 << 20, kafka.MaxRecordBytes - batchAndHeaders} {
		r := &kgo.Record{Topic: f.topic, Key: number(1), Value: noise(size)}
		produce(t, producer, r)
		if got := f.at(t, r.Partition, r.Offset); !bytes.Equal(got.Value, r.Value) {
			t.Errorf("a record of %d bytes came back changed, with %d", size, len(got.Value))
		}
	}
}

// What is larger is refused at once, by our client, and by Kafka if the client is another.
func (f *fixture) tooLarge(t *testing.T) {
	for name, producer := range map[string]*kgo.Client{
		"client": f.producer(t),
		"Kafka":  f.producer(t, kgo.ProducerBatchMaxBytes(2*kafka.MaxRecordBytes)),
	} {
		err := producer.ProduceSync(within(t, patience), &kgo.Record{Topic: f.topic, Value: noise(kafka.MaxRecordBytes + 1)}).FirstErr()
		if !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("%s: %v, want %v", name, err, kerr.MessageTooLarge)
		}
	}
}

// A missing topic is a mistake in the configuration: it is not created, and a vendor gets an answer in time.
func (f *fixture) noSuchTopic(t *testing.T) {
	const timeout = 2 * time.Second
	producer := f.producer(t)
	for _, topic := range []string{"missing", "missing"} {
		started := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		err := producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr()
		cancel()
		if err == nil {
			t.Fatalf("%s was created", topic)
		}
		if took := time.Since(started); took > timeout+time.Second {
			t.Errorf("the answer (%v) took %v, allowed were %v", err, took, timeout)
		}
	}
}

// at reads one record.
func (f *fixture) at(t *testing.T, partition int32, offset int64) *kgo.Record {
	t.Helper()
	c := f.client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{f.topic: {partition: kgo.NewOffset().At(offset)}}))
	defer c.Close()
	fetches := c.PollRecords(within(t, patience), 1)
	if err := fetches.Err0(); err != nil {
		t.Fatal(err)
	}
	records := fetches.Records()
	if len(records) != 1 || records[0].Offset != offset {
		t.Fatal(fmt.Errorf("no record at offset %d of partition %d", offset, partition))
	}
	return records[0]
}

// noise does not compress.
func noise(size int) []byte {
	b := make([]byte, size)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(b)
	return b
}
