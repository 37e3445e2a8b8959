//go:build !server

package main

import (
	"github.com/hookline-io/hookline/compose/local"
	"github.com/hookline-io/hookline/compose/local/apache"
	"github.com/hookline-io/hookline/compose/local/bench"
	"github.com/hookline-io/hookline/compose/local/broker"
	"github.com/hookline-io/hookline/compose/local/chaos"
	"github.com/hookline-io/hookline/compose/local/engine"
)

// localCommands run the stack on one machine without Docker, and try it out there. The tag "server" leaves them out:
// they are of no use where Kafka and ClickHouse run on their own, and the engine's library needs a dynamic linker,
// which the image does not have.
type localCommands struct {
	Local          local.Command            `cmd:"" help:"Run everything on this machine, without Docker: broker, engine, ingest, processor, preview."`
	Demo           local.DemoCommand        `cmd:"" help:"Run everything for a moment, send it 100 000 deliveries, and compare every total to the cent."`
	Chaos          chaos.Command            `cmd:"" help:"Run everything for a moment, break it on purpose again and again, and prove that nothing is lost or doubled."`
	Bench          bench.Command            `cmd:"" help:"Measure this program on this machine, next to the least that its libraries can do."`
	BenchAnalytics local.BenchCommand       `cmd:"" help:"Load millions of sales into ClickHouse and measure what the figures cost."`
	BenchFloor     bench.FloorCommand       `cmd:"" hidden:"" help:"The least that an HTTP server can do with a delivery; 'hookline bench' runs it."`
	BenchInsert    bench.InsertFloorCommand `cmd:"" name:"bench-insert-floor" hidden:"" help:"The least that an insert can cost; 'hookline bench' runs it."`
	Broker         broker.Command           `cmd:"" help:"Run a Kafka broker for this machine (part of 'hookline local')."`
	Engine         engine.Command           `cmd:"" help:"Run a ClickHouse engine for this machine (part of 'hookline local')."`
	EngineServe    engine.ServeCommand      `cmd:"" name:"engine-serve" hidden:"" help:"A ClickHouse server of the library; 'hookline engine' runs it."`
	ApacheKafka    apache.Command           `cmd:"" help:"Run Apache Kafka on this machine, three nodes, in place of the broker. Needs Java 17+ and Maven."`
}
