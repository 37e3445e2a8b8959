// Package clickhouse tests the configuration of ClickHouse beside it: who may do what (users.d), with the real engine.
// The configuration itself goes into /etc/clickhouse-server.
package clickhouse
