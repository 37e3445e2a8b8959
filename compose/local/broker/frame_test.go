package broker_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What no Kafka client sends costs its own connection, and memory only for what has come.
func TestStrayConnections(t *testing.T) {
	address, _ := faulty(t, "")
	frame := func(length uint32, rest ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, length), rest...)
	}
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, test := range map[string]struct {
		sent   []byte
		closed bool
	}{
		"a browser":                  {[]byte("GET / HTTP/1.1\r\nHost: 127.0.0.1:9092\r\n\r\n"), true},
		"a browser's POST":           {[]byte("POST / HTTP/1.1\r\n"), true},
		"the largest length":         {frame(1<<32 - 1), true},
		"a length above the limit":   {frame(100<<20 + 1), true},
		"a length of nothing":        {frame(0), true},
		"less than a header":         {frame(7, 0, 18, 0, 0, 0, 0, 0), true},
		"an unknown kind":            {frame(8, 0x7f, 0xff, 0, 0, 0, 0, 0, 0), true},
		"a negative kind":            {frame(8, 0xff, 0xff, 0, 0, 0, 0, 0, 0), true},
		"a length that never comes":  {frame(100 << 20), false},
		"some of what was announced": {frame(100<<20, bytes.Repeat([]byte{0}, 1000)...), false},
		"TLS":                        {[]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), true},
	} {
		for range 10 {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write(test.sent); err != nil {
				t.Fatal(err)
			}
			patience := 10 * time.Second
			if !test.closed {
				patience = 20 * time.Millisecond
			}
			if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(conn)
			if closed := err == nil || strings.Contains(fmt.Sprint(err), "reset"); closed != test.closed {
				t.Errorf("%s: closed %t, want %t (%v)", name, closed, test.closed, err)
			}
		}
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d MB were allocated for stray connections", grown>>20)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.MaxBufferedRecords(10), kgo.ProducerBatchMaxBytes(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	createTopic(t, client, "t", 1)
	for _, size := range []int{1, 4000, 5000, 1 << 20, 3, 500_000} {
		if err := client.ProduceSync(within(t, 20*time.Second), &kgo.Record{Topic: "t", Value: make([]byte, size)}).FirstErr(); err != nil {
			t.Errorf("a record of %d bytes afterwards: %v", size, err)
		}
	}
}
