package apache

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

const (
	clusterID = "aG9va2xpbmUtbG9jYWwtMQ" // Kafka wants a UUID in base64: this is "hookline-local-1"
	dataDir   = "data"                   // within a node's folder; relative, so that Kafka need not parse the user's path as a list
)

// properties are a node's server.properties without log.dirs. What is not about size or speed is as in
// production (https://kafka.apache.org/documentation/#brokerconfigs).
func properties(id int32, broker, advertised string, controllers []string, o Options) string {
	copies, inSync := len(controllers), max(len(controllers)-1, 1)
	voters := make([]string, len(controllers))
	for i, address := range controllers {
		voters[i] = fmt.Sprintf("%d@%s", i+1, address)
	}
	var addresses, protocols, secured strings.Builder
	for _, l := range o.Listeners {
		fmt.Fprintf(&addresses, ",%s://%s", l.Name, l.Address)
		fmt.Fprintf(&protocols, ",%s:%s", l.Name, l.Protocol)
		fmt.Fprintln(&secured, l.Properties)
	}
	return fmt.Sprintf(`process.roles=broker,controller
node.id=%d
controller.quorum.voters=%s
listeners=BROKER://%s,CONTROLLER://%s%[9]s
advertised.listeners=BROKER://%[5]s%[9]s
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT%[10]s
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER

# Topics that clients make without asking are mistyped names.
auto.create.topics.enable=false
num.partitions=%[6]d
default.replication.factor=%[7]d
min.insync.replicas=%[8]d
offsets.topic.replication.factor=%[7]d
transaction.state.log.replication.factor=%[7]d
transaction.state.log.min.isr=%[8]d
share.coordinator.state.topic.replication.factor=%[7]d
share.coordinator.state.topic.min.isr=%[8]d
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=3
share.coordinator.state.topic.num.partitions=3

# Tests and first looks do not wait. A dead node is noticed in 3 s, not in 9.
group.initial.rebalance.delay.ms=0
controller.quorum.election.timeout.ms=300
controller.quorum.election.backoff.max.ms=300
controller.quorum.append.linger.ms=5
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000

# Three nodes share one small machine.
num.network.threads=2
num.io.threads=4
background.threads=2
group.coordinator.threads=1
num.recovery.threads.per.data.dir=1
log.cleaner.dedupe.buffer.size=2097152
metric.reporters=
%[11]s`, id, strings.Join(voters, ","), broker, controllers[id-1], advertised, o.Partitions, copies, inSync, addresses.String(), protocols.String(), secured.String())
}

// chooseAddresses returns the addresses of n brokers and n controllers: brokers at the port of listen and after
// it, controllers at free ports, for clients never see them.
func chooseAddresses(listen string, n int) (brokers, controllers []string, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return nil, nil, fmt.Errorf("listen: %q names no host: clients connect to it, so give one address, such as 127.0.0.1:9092", listen)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port+n > 1<<16 {
		return nil, nil, fmt.Errorf("listen: port %q is not a number from 0 to %d", text, 1<<16-n)
	}
	h := &holder{host: host}
	defer h.release() // all at the end, so that none is chosen twice
	if port == 0 {
		brokers, err = h.free(n)
	} else {
		brokers, err = h.hold(port, n)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	if controllers, err = h.free(n); err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	return brokers, controllers, nil
}

// holder listens on ports to see whether they are free.
type holder struct {
	host string
	held []net.Listener
}

func (h *holder) release() {
	for _, l := range h.held {
		_ = l.Close()
	}
}

// hold takes n ports from the first on.
func (h *holder) hold(first, n int) (addresses []string, err error) {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort(h.host, strconv.Itoa(port))) //nolint:noctx // it does not block
		if err != nil {
			return nil, err
		}
		h.held = append(h.held, l)
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

// free takes n free ports in a row, below those that systems give to clients: one of them could otherwise get
// a port while its node is down.
func (h *holder) free(n int) (addresses []string, err error) {
	const from, to, tries = 15000, 30000, 100
	for range tries {
		if addresses, err = h.hold(from+rand.IntN(to-from), n); err == nil { //nolint:gosec // not a secret
			return addresses, nil
		}
	}
	return nil, err
}
