package apache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	startTimeout = 2 * time.Minute // for all nodes to be ready; three take some 4 s on two idle cores
	lockTimeout  = 5 * time.Second // for the processes of a cluster that was killed to be gone
	stopTimeout  = 3 * time.Second // after which nodes are killed: the last ones cannot leave in order, for lack of a quorum

	nodeDir = "node-%d-of-%d"
)

// Cluster is an Apache Kafka that runs. Its nodes can be killed and started again one by one.
type Cluster struct {
	Nodes []*Node // by ID, from 1
	lock  *os.File
}

// Start starts a cluster and returns once each node serves requests and sees all the others. The first start
// ever fetches Apache Kafka (43 MB), the first on a folder formats it. On Linux the nodes end with this
// process, however it ends. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Nodes != 1 && o.Nodes != 3 {
		return nil, fmt.Errorf("start Apache Kafka: %d nodes: choose 1 or 3, of which one can be lost", o.Nodes)
	}
	if len(o.Listeners) > 0 && o.Nodes != 1 {
		return nil, errors.New("start Apache Kafka: further listeners are for one node alone")
	}
	if o.Advertise != "" && o.Nodes != 1 {
		return nil, fmt.Errorf("start Apache Kafka: one address, %s, cannot be advertised for %d nodes", o.Advertise, o.Nodes)
	}
	if o.Partitions == 0 {
		o.Partitions = 6
	}
	kafka, err := install(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	if err := kafka.archiveClasses(ctx, o.Log); err != nil {
		o.Log.Debug("Apache Kafka starts slower: its classes could not be archived", "error", err)
	}
	c, err := start(ctx, kafka, o)
	if err != nil {
		return nil, fmt.Errorf("start Apache Kafka: %w", err)
	}
	return c, nil
}

func start(ctx context.Context, kafka installation, o Options) (*Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(ctx, dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{lock: lock}
	if err := c.run(ctx, kafka, dir, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) run(ctx context.Context, kafka installation, dir string, o Options) error {
	if err := sameSize(dir, o.Nodes); err != nil {
		return err
	}
	brokers, controllers, err := chooseAddresses(o.Listen, o.Nodes)
	if err != nil {
		return err
	}
	for i := range o.Nodes {
		id := int32(i + 1) //nolint:gosec // at most 3
		c.Nodes = append(c.Nodes, &Node{
			ID: id, Addr: brokers[i],
			dir:    filepath.Join(dir, fmt.Sprintf(nodeDir, id, o.Nodes)),
			config: properties(id, brokers[i], cmp.Or(o.Advertise, brokers[i]), controllers, o),
			kafka:  kafka, lock: c.lock, log: o.Log.With("node", id),
		})
	}
	formatting, fctx := errgroup.WithContext(ctx)
	for _, node := range c.Nodes {
		formatting.Go(func() error { return node.format(fctx) })
	}
	if err := formatting.Wait(); err != nil {
		return err
	}
	for _, node := range c.Nodes {
		if err := node.Start(); err != nil {
			return err
		}
	}
	return c.Await(ctx)
}

// Await returns once each node that runs serves requests and sees all the others that run.
func (c *Cluster) Await(ctx context.Context) error {
	var running []*Node
	for _, node := range c.Nodes {
		if node.PID() != 0 {
			running = append(running, node)
		}
	}
	waiting, ctx := errgroup.WithContext(ctx)
	for _, node := range running {
		waiting.Go(func() error { return node.await(ctx, running) })
	}
	return waiting.Wait()
}

// Addrs are the nodes' addresses, host:port each: seed brokers.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr
	}
	return addrs
}

// Close ends all nodes and returns when they are gone.
func (c *Cluster) Close() {
	var ending sync.WaitGroup
	for _, node := range c.Nodes {
		ending.Go(func() { node.end(syscall.SIGTERM, stopTimeout) })
	}
	ending.Wait()
	_ = c.lock.Close()
}

// lockFolder keeps a second cluster off the folder. The nodes hold the lock, too, so it goes with the last of
// them.
func lockFolder(ctx context.Context, dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "hookline.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return f, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another broker is running on %s: stop it, or choose another --data-dir", dir)
		case <-retry.C:
		}
	}
}

// sameSize refuses to start a cluster with a number of nodes other than its own: KRaft would find no majority,
// or partitions no copy.
func sameSize(dir string, nodes int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		var id, size int
		if n, _ := fmt.Sscanf(entry.Name(), nodeDir, &id, &size); n == 2 && size != nodes {
			return fmt.Errorf("%s holds a cluster of %d nodes, not of %d: choose another --nodes or another --data-dir", dir, size, nodes)
		}
	}
	return nil
}
