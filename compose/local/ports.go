package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Ports are where the parts listen, all on 127.0.0.1.
type Ports struct {
	Ingest         int `name:"port" default:"8080" help:"Port that vendors POST to."`
	Preview        int `name:"preview-port" default:"3000" help:"Port of the dashboard preview."`
	ClickHouse     int `name:"clickhouse-port" default:"8123" help:"Port of ClickHouse's HTTP interface."`
	Native         int `name:"clickhouse-native-port" default:"9000" help:"Port of ClickHouse's native protocol."`
	Kafka          int `name:"kafka-port" default:"9092" help:"Port of the Kafka broker."`
	IngestAdmin    int `name:"ingest-admin-port" default:"9081" help:"Port of ingest's admin listener."`
	ProcessorAdmin int `name:"processor-admin-port" default:"9082" help:"Port of the processor's admin listener."`
}

// host is where everything listens: what the stack offers has no password.
const host = "127.0.0.1"

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func url(port int) string { return "http://" + address(port) }

// port is one port, whose it is, and the flag that changes it.
type port struct {
	number     int
	part, flag string
}

func (p Ports) list() []port {
	return []port{
		{p.Ingest, "ingest", "--port"},
		{p.Preview, "the dashboard preview", "--preview-port"},
		{p.ClickHouse, "ClickHouse", "--clickhouse-port"},
		{p.Native, "ClickHouse's native protocol", "--clickhouse-native-port"},
		{p.Kafka, "Kafka", "--kafka-port"},
		{p.IngestAdmin, "ingest's admin listener", "--ingest-admin-port"},
		{p.ProcessorAdmin, "the processor's admin listener", "--processor-admin-port"},
	}
}

// check returns an error for each port that cannot be had, with the flag that changes it.
func (p Ports) check(ctx context.Context) error {
	var errs []error
	taken := map[int]string{}
	for _, port := range p.list() {
		if other, ok := taken[port.number]; ok {
			errs = append(errs, fmt.Errorf("port %d is meant for both %s and %s: choose another one for either (%s)", port.number, other,
				port.part, port.flag))
			continue
		}
		taken[port.number] = port.part
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address(port.number))
		if err != nil {
			errs = append(errs, fmt.Errorf("port %d, for %s, cannot be had: choose another one with %s, or stop what uses it (%w)",
				port.number, port.part, port.flag, err))
			continue
		}
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
