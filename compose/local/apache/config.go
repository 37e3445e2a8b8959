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
func properties(id int32, broker string, controllers []string, partitions int) string {
	copies, inSync := len(controllers), max(len(controllers)-1, 1)
	voters := make([]string, len(controllers))
	for i, address := range controllers {
		voters[i] = fmt.Sprintf("%d@%s", i+1, address)
	}
	return fmt.Sprintf(`process.roles=broker,controller
node.id=%d
controller.quorum.voters=%s
listeners=BROKER://%s,CONTROLLER://%s
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER

# Topics that clients make without asking are mistyped names.
auto.create.topics.enable=false
num.partitions=%d
default.replication.factor=%[6]d
min.insync.replicas=%[7]d
offsets.topic.replication.factor=%[6]d
transaction.state.log.replication.factor=%[6]d
transaction.state.log.min.isr=%[7]d
share.coordinator.state.topic.replication.factor=%[6]d
share.coordinator.state.topic.min.isr=%[7]d
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
`, id, strings.Join(voters, ","), broker, controllers[id-1], partitions, copies, inSync)
}

// chooseAddresses returns the addresses of n brokers and n controllers: brokers at the port of listen and after it,
// or at free ports if it is 0; controllers at free ports, for clients never see them.
func chooseAddresses(listen string, n int) (brokers, controllers []string, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return nil, nil, fmt.Errorf("listen: %q names no host: clients are told to connect to it, so give one address, such as 127.0.0.1:9092", listen)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port+n > 1<<16 {
		return nil, nil, fmt.Errorf("listen: port %q is not a number from 0 to %d", text, 1<<16-n)
	}
	// All are held until the last is chosen, so that none is chosen twice.
	var held []net.Listener
	defer func() {
		for _, l := range held {
			l.Close()
		}
	}()
	hold := func(port int) (string, error) {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))) //nolint:noctx // it does not block
		if err != nil {
			return "", err
		}
		held = append(held, l)
		return l.Addr().String(), nil
	}
	free := func() (address string, err error) {
		for range 100 {
			// Below what systems give to clients, or one of those could take the port while a node is down.
			if address, err = hold(15000 + rand.IntN(15000)); err == nil { //nolint:gosec // not a secret
				return address, nil
			}
		}
		return "", err
	}
	for i := range n {
		var address string
		if port == 0 {
			address, err = free()
		} else {
			address, err = hold(port + i)
		}
		if err != nil {
			return nil, nil, err
		}
		brokers = append(brokers, address)
	}
	for range n {
		address, err := free()
		if err != nil {
			return nil, nil, err
		}
		controllers = append(controllers, address)
	}
	return brokers, controllers, nil
}
