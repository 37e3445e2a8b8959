package main

import (
	"github.com/hookline-io/hookline/compose/local"
	"github.com/hookline-io/hookline/compose/local/apache"
	"github.com/hookline-io/hookline/compose/local/broker"
	"github.com/hookline-io/hookline/compose/local/engine"
)

// localCommands run the stack on one machine without Docker.
type localCommands struct {
	Local       local.Command     `cmd:"" help:"Run everything on this machine, without Docker: broker, engine, ingest, processor, preview."`
	Demo        local.DemoCommand `cmd:"" help:"Run everything for a moment, send it 100 000 deliveries, and compare every total to the cent."`
	Broker      broker.Command    `cmd:"" help:"Run a Kafka broker for this machine (part of 'hookline local')."`
	Engine      engine.Command    `cmd:"" help:"Run a ClickHouse engine for this machine (part of 'hookline local')."`
	ApacheKafka apache.Command    `cmd:"" help:"Run Apache Kafka on this machine, three nodes, in place of the broker. Needs Java 17+ and Maven."`
}
