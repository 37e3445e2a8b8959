// Package apache runs Apache Kafka on this machine with no Docker: three nodes of broker and KRaft controller
// in one, or a single one, each a JVM of its own. It is the second engine that the broker suites run on, and
// what `hookline local --kafka=apache` uses in place of the embedded broker. It needs Java and Maven.
package apache

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Options say where the cluster keeps its log.
type Options struct {
	DataDir    string       // created if missing; one cluster at a time
	Listen     string       // host:port of node 1, which clients get, too; the other nodes take the ports after it; port 0 picks free ones
	Advertise  string       // host:port that clients get instead, with one node only; default: where it listens
	Nodes      int          // 1 or 3. With 3, topics of 3 copies go on while one node is down
	Partitions int          // of topics that are created without a number; default 6
	Listeners  []Listener   // further ones, of the only node
	Ready      func(string) // called with Listen, its port resolved, once every node serves requests
	Log        *slog.Logger
}

// Listener is an address at which clients must prove who they are. The one in Options.Listen asks for nothing.
type Listener struct {
	Name       string // in capitals
	Address    string // host:port
	Protocol   string // SSL, SASL_PLAINTEXT or SASL_SSL
	Properties string // lines of server.properties, each with the prefix listener.name.<name in small letters>.
}

// Run serves until ctx ends. A node that dies is started again on its data. Records that were acknowledged
// survive whatever ends the processes; the loss of the machine's power they survive only as far as the kernel
// wrote them out, as in every Kafka that does not flush each write.
func Run(ctx context.Context, o Options) error {
	started := time.Now()
	cluster, err := Start(ctx, o)
	if ctx.Err() != nil && err != nil {
		return nil // stopped while starting
	}
	if err != nil {
		return err
	}
	defer cluster.Close()
	address := cluster.Nodes[0].Addr
	o.Log.Info("broker ready", "address", address, "nodes", o.Nodes, "took", time.Since(started).Round(time.Millisecond))
	if o.Ready != nil {
		o.Ready(address)
	}
	var keepers sync.WaitGroup
	for _, node := range cluster.Nodes {
		keepers.Go(func() { keep(ctx, node, o.Log) })
	}
	keepers.Wait()
	return nil
}

// keep starts the node again whenever it ends, until ctx ends: after a second, and after up to half a minute
// if it keeps dying.
func keep(ctx context.Context, node *Node, log *slog.Logger) {
	const shortest, longest = time.Second, 30 * time.Second
	pause := shortest
	for {
		started := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-node.Ended():
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > longest {
			pause = shortest
		}
		log.Warn("a node of Apache Kafka ended and will be started again", "node", node.ID, "in", pause, "said", node.LastWords())
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
		if err := node.Start(); err != nil {
			log.Error("start a node of Apache Kafka", "node", node.ID, "error", err)
		}
	}
}
