package apache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Node is one node of a cluster: a broker and a controller in one JVM. It keeps its address and its data
// however often it ends and starts.
type Node struct {
	ID   int32
	Addr string // host:port of the broker

	dir    string // its working directory
	config string // server.properties
	kafka  installation
	lock   *os.File
	log    *slog.Logger

	mu      sync.Mutex
	process *process // the last one; nil before the first
}

// process is one JVM.
type process struct {
	*os.Process
	output *output
	ended  chan struct{} // closed when the process is gone
}

// format makes the node's storage unless it is there. It appears whole or not at all.
func (n *Node) format(ctx context.Context) error {
	data := filepath.Join(n.dir, dataDir)
	if _, err := os.Stat(data); err == nil {
		return nil
	}
	const unfinished = "data.unfinished"
	if err := os.RemoveAll(filepath.Join(n.dir, unfinished)); err != nil {
		return err
	}
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return err
	}
	const file = "format.properties"
	if err := os.WriteFile(filepath.Join(n.dir, file), []byte(n.config+"log.dirs="+unfinished+"\n"), 0o600); err != nil {
		return err
	}
	arguments := n.kafka.arguments("kafka.tools.StorageTool", "format", "--config", file, "--cluster-id", clusterID)
	format := exec.CommandContext(ctx, n.kafka.java, arguments...) //nolint:gosec // the user's Java
	format.Dir = n.dir
	format.WaitDelay = 5 * time.Second
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format node %d: %w: %s", n.ID, err, lastLine(out))
	}
	return os.Rename(filepath.Join(n.dir, unfinished), data)
}

// Start starts the node unless it runs. It does not wait for it to be ready, since a node alone may never be:
// Cluster.Await does.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running() {
		return nil
	}
	// Native libraries get unpacked here, and a node that is killed leaves them behind.
	temp := filepath.Join(n.dir, "tmp")
	if err := errors.Join(os.RemoveAll(temp), os.MkdirAll(temp, 0o700)); err != nil {
		return fmt.Errorf("start node %d: %w", n.ID, err)
	}
	const file = "server.properties"
	if err := os.WriteFile(filepath.Join(n.dir, file), []byte(n.config+"log.dirs="+dataDir+"\n"), 0o600); err != nil {
		return fmt.Errorf("start node %d: %w", n.ID, err)
	}
	p := &process{output: newOutput(n.log), ended: make(chan struct{})}
	arguments := append([]string{"-Djava.io.tmpdir=" + temp}, n.kafka.arguments("kafka.Kafka", file)...)
	cmd := exec.Command(n.kafka.java, arguments...) //nolint:gosec,noctx // the user's Java; it outlives the call
	cmd.Dir = n.dir
	cmd.Stdout, cmd.Stderr = p.output, p.output
	cmd.ExtraFiles = []*os.File{n.lock}
	dieWithParent(cmd)
	started := make(chan error)
	go func() {
		// To the kernel the parent is the thread that started the process, so it has to last as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start node %d: %w", n.ID, err)
	}
	p.Process = cmd.Process
	n.process = p
	return nil
}

// running needs the lock.
func (n *Node) running() bool {
	if n.process == nil {
		return false
	}
	select {
	case <-n.process.ended:
		return false
	default:
		return true
	}
}

// Kill ends the node with SIGKILL, as a crash would, and returns when it is gone.
func (n *Node) Kill() { n.end(syscall.SIGKILL, time.Minute) }

// Stop ends the node with SIGTERM, so that it hands its partitions over to other nodes first, and returns when
// it is gone.
func (n *Node) Stop() { n.end(syscall.SIGTERM, time.Minute) }

// end sends the signal, SIGKILL too if the process takes longer than the patience, and returns when it is gone.
func (n *Node) end(signal syscall.Signal, patience time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.running() {
		return
	}
	_ = n.process.Signal(signal)
	select {
	case <-n.process.ended:
		return
	case <-time.After(patience):
	}
	_ = n.process.Kill()
	<-n.process.ended
}

// PID is the process ID, and 0 while the node does not run.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.running() {
		return 0
	}
	return n.process.Pid
}

// Ended is closed when the process that was started last is gone.
func (n *Node) Ended() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process.ended
}

// LastWords is the last line that the process printed.
func (n *Node) LastWords() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process.output.lastWords()
}

// await returns once the node serves requests and its metadata has all the others.
func (n *Node) await(ctx context.Context, others []*Node) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(n.Addr), kgo.DialTimeout(time.Second), kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer client.Close()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		missing := n.sees(ctx, client, others)
		if missing == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("node %d is not ready: %w", n.ID, missing)
		case <-n.Ended():
			return fmt.Errorf("node %d ended before it was ready: %s", n.ID, n.LastWords())
		case <-poll.C:
		}
	}
}

func (n *Node) sees(ctx context.Context, client *kgo.Client, others []*Node) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{}
	answer, err := request.RequestWith(ctx, client.SeedBrokers()[0])
	if err != nil {
		return err
	}
	seen := map[int32]bool{}
	for _, broker := range answer.Brokers {
		seen[broker.NodeID] = true
	}
	for _, other := range others {
		if !seen[other.ID] {
			return fmt.Errorf("it does not see node %d", other.ID)
		}
	}
	return nil
}

func lastLine(text []byte) string {
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return lines[len(lines)-1]
}
