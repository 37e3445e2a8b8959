// Command hookline-engine is a ClickHouse server of the library libchdb; 'hookline engine' runs it.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/hookline-io/hookline/compose/local/engine/chdb"
)

func main() {
	library := flag.String("library", "", "path of libchdb.so")
	config := flag.String("config", "", "path of the config.xml of a ClickHouse server")
	flag.Parse()
	if *library == "" || *config == "" {
		fmt.Fprintln(os.Stderr, "hookline-engine is a part of 'hookline engine', which runs it")
		os.Exit(2)
	}
	if err := chdb.Serve(*library, *config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
