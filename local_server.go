//go:build server

package main

// localCommands are not in this build; see local.go.
type localCommands struct{}
