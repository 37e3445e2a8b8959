// Package brokertest holds what hookline relies on Kafka for, as tests: `make test` runs them on kfake and
// `make test-kafka` on three nodes of Apache Kafka. Production may use any Kafka that they pass on.
package brokertest
