// Package broker runs a Kafka broker in this process, for the stack with no Docker, for tests and for CI. It
// is kfake (https://pkg.go.dev/github.com/twmb/franz-go/pkg/kfake), which speaks Kafka's protocol and keeps
// topics, offsets, groups and producers on disk: one node, no replication. Production uses Apache Kafka.
package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hookline-io/hookline/compose/local/lockfile"
)

// Options say where the broker keeps its log.
type Options struct {
	DataDir    string         // created if missing; one broker at a time
	Listen     string         // host:port; port 0 picks one
	Advertise  string         // host:port that clients connect to; default: Listen
	Faults     string         // host:port to take orders for faults at, see FaultOrder; default: none are taken
	SyncWrites bool           // fsync each batch before it is acknowledged
	Partitions int            // of topics that are created without a number; default 6
	Ready      func(net.Addr) // called once the broker serves requests
	Log        *slog.Logger
}

// Run serves until ctx ends. An acknowledged record survives whatever ends the process; with SyncWrites it
// survives whatever ends the machine, too. After SIGKILL two things are other than in Apache Kafka: what a
// producer had sent and not seen acknowledged may be stored twice when it retries, and members of consumer
// groups join again, from the offsets that were committed.
func Run(ctx context.Context, o Options) error {
	if o.Partitions == 0 {
		o.Partitions = 6
	}
	started := time.Now()
	host, port, err := address(o.Listen)
	if err != nil {
		return err
	}
	if o.Advertise != "" {
		if _, _, err := address(o.Advertise); err != nil {
			return err
		}
	}
	lock, err := claim(o.DataDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	var listening net.Addr
	opts := []kfake.Opt{
		kfake.Ports(port),
		// kfake itself always asks for 127.0.0.1.
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			l, err := (&net.ListenConfig{}).Listen(ctx, network, net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil {
				return nil, err
			}
			listening = l.Addr()
			l = framed{l}
			if o.Advertise != "" {
				l = advertised{l, o.Advertise}
			}
			return l, nil
		}),
		kfake.ClusterID("hookline-local"),
		kfake.DefaultNumPartitions(o.Partitions),
		kfake.DataDir(o.DataDir),
		kfake.WithLogger(logger{o.Log}),
	}
	if o.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	defer cluster.Close()
	o.Log.Info("broker ready", "address", listening.String(), "took", time.Since(started).Round(time.Millisecond))
	if o.Ready != nil {
		o.Ready(listening)
	}
	if o.Faults != "" {
		return serveFaults(ctx, o.Faults, cluster)
	}
	<-ctx.Done()
	return nil
}

// advertised is a listener for which kfake gives clients another address.
type advertised struct {
	net.Listener
	address string
}

func (a advertised) Addr() net.Addr { return named(a.address) }

// named is an address that need not be one of this machine's.
type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

// address splits listen and refuses a host that no client can connect to.
func address(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen for the broker: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "", 0, fmt.Errorf("listen for the broker: %q names no host: clients connect to it, so give one address, such as 127.0.0.1:9092", listen)
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		return "", 0, fmt.Errorf("listen for the broker: port %q is not a number", text)
	}
	return host, port, nil
}

// claim keeps a second broker off the folder.
func claim(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the broker's folder: %w", err)
	}
	lock, err := lockfile.Acquire(filepath.Join(dir, "hookline.lock"))
	if errors.Is(err, lockfile.ErrHeld) {
		return nil, fmt.Errorf("another broker is running on %s: stop it, or choose another --data-dir", dir)
	}
	return lock, err
}

// logger hands kfake's log on. Its Info reports each request, which is for debugging here.
type logger struct{ log *slog.Logger }

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	to := map[kfake.LogLevel]slog.Level{
		kfake.LogLevelError: slog.LevelError, kfake.LogLevelWarn: slog.LevelWarn,
		kfake.LogLevelInfo: slog.LevelDebug, kfake.LogLevelDebug: slog.LevelDebug - 4,
	}[level]
	if l.log.Enabled(context.Background(), to) {
		l.log.Log(context.Background(), to, fmt.Sprintf(format, args...))
	}
}
