// Package clickhouse is the configuration of ClickHouse beside it, which goes into /etc/clickhouse-server: users.d says
// who may do what. Its tests use it on a real server, and `hookline engine` runs with it.
package clickhouse

import (
	_ "embed"
	"strings"
)

// UsersXML is users.d/hookline.xml.
//
//go:embed users.d/hookline.xml
var UsersXML []byte

// Users are the names of the users in UsersXML. Each takes its password from the environment: see PasswordVariable.
func Users() []string { return []string{"analyst", "grafana", "engineer", "writer", "migrator"} }

// PasswordVariable is the environment variable with the password of a user.
func PasswordVariable(user string) string { return "CLICKHOUSE_" + strings.ToUpper(user) + "_PASSWORD" }
