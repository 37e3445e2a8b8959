package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxRequest is the largest request in bytes, as Apache Kafka's socket.request.max.bytes has it.
const maxRequest = 100 << 20

// keptRequest bounds the memory that an idle connection keeps.
const keptRequest = 64 << 10

// framed is a listener whose connections hand on whole requests only. kfake makes room for as many bytes as a request's
// length says before any of them has come, and looks up its kind unchecked: a stray connection (a browser, a port scan)
// would take up to 4 GB or end the process.
type framed struct{ net.Listener }

// Accept implements net.Listener.
func (l framed) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &frames{Conn: conn}, nil
}

// frames is a connection that reads requests as the protocol frames them: a length of four bytes, then as many bytes
// (https://kafka.apache.org/protocol#protocol_common). Memory grows with what has come, not with what was announced.
type frames struct {
	net.Conn
	request []byte // the current one, with its length
	read    int    // how much of it was handed on
}

// Read implements net.Conn.
func (f *frames) Read(p []byte) (int, error) {
	if f.read == len(f.request) {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.request[f.read:])
	f.read += n
	return n, nil
}

// next reads a whole request.
func (f *frames) next() error {
	const length, smallest, start = 4, 8, 4 << 10 // the smallest request holds its kind, its version and its number
	if cap(f.request) > keptRequest {
		f.request = nil
	}
	f.request, f.read = append(f.request[:0], make([]byte, length)...), 0
	if _, err := io.ReadFull(f.Conn, f.request); err != nil {
		f.request = nil
		return err
	}
	size := binary.BigEndian.Uint32(f.request)
	if size < smallest || size > maxRequest {
		f.request = nil
		return fmt.Errorf("a request of %d bytes: no Kafka client sends that", size)
	}
	for end := length + int(size); len(f.request) < end; {
		from := len(f.request)
		grown := min(end, max(start, 2*from))
		f.request = append(f.request, make([]byte, grown-from)...)
		if _, err := io.ReadFull(f.Conn, f.request[from:]); err != nil {
			f.request = nil
			return err
		}
	}
	if kmsg.RequestForKey(int16(binary.BigEndian.Uint16(f.request[length:]))) == nil {
		f.request = nil
		return errors.New("a request of a kind that Kafka does not have")
	}
	return nil
}
