#!/bin/sh
# Starts and stops the stack in Docker: stack.sh up | down | secrets. `make up` and `make down` call it.
#   HA=1                          with compose.ha.yaml on top
#   ALERT_WEBHOOK_URL=https://…   whom alerts are told; remembered
# Passwords are generated once into .secrets/, which git ignores. A file that is there already is left as it is, so
# to change a password remove its file, say `up`, and restart what uses it.
set -eu
umask 077
cd "$(dirname "$0")"

say() { printf '%s\n' "$*"; }
fail() { printf 'hookline: %s\n' "$*" >&2; exit 1; }

# keep NAME VALUE: writes the secret unless it is there. Its folder is closed to others on this machine; the file is
# not, because containers read it under user IDs of their own.
keep() {
  [ -e ".secrets/$1" ] && return 0
  printf '%s\n' "$2" >".secrets/$1.new"
  chmod 444 ".secrets/$1.new"
  mv ".secrets/$1.new" ".secrets/$1"
}

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

secrets() {
  mkdir -p .secrets/vendors
  chmod 700 .secrets
  chmod 755 .secrets/vendors
  [ -e .secrets/grafana_admin ] || fresh=yes
  for role in analyst engineer writer migrator grafana interserver; do
    keep "clickhouse_$role" "$(password)"
  done
  keep grafana_admin "$(password)"
  keep vendors/acme "whsec_$(head -c 24 /dev/urandom | base64)"
  keep alert_webhook_url ""
  if [ -n "${ALERT_WEBHOOK_URL:-}" ]; then
    rm -f .secrets/alert_webhook_url
    keep alert_webhook_url "$ALERT_WEBHOOK_URL"
  fi
  webhook=$(cat .secrets/alert_webhook_url)
  # The same, as environments of ClickHouse and Grafana. Grafana's contact point must have an address: one whose
  # name says in its log why nobody is told.
  {
    for role in analyst engineer writer migrator grafana interserver; do
      printf 'CLICKHOUSE_%s_PASSWORD=%s\n' "$(printf %s "$role" | tr a-z A-Z)" "$(cat ".secrets/clickhouse_$role")"
    done
  } >.secrets/clickhouse.env
  {
    printf 'GF_SECURITY_ADMIN_PASSWORD=%s\n' "$(cat .secrets/grafana_admin)"
    printf 'GF_CLICKHOUSE_PASSWORD=%s\n' "$(cat .secrets/clickhouse_grafana)"
    printf "ALERT_WEBHOOK_URL='%s'\n" "${webhook:-http://no-alert-webhook-url-is-set.invalid}"
  } >.secrets/grafana.env
  [ -z "$webhook" ] || ALERTING=webhook
  export ALERTING="${ALERTING:-quiet}"
  if [ "${fresh:-}" ]; then
    say "Passwords are generated, and kept in compose/.secrets/. Shown this once: Grafana's user admin has $(cat .secrets/grafana_admin)"
  fi
}

docker_works() {
  command -v docker >/dev/null || fail "docker is not installed. See https://docs.docker.com/engine/install/, or use 'make run', which needs no Docker."
  docker compose version >/dev/null 2>&1 || fail "docker has no 'compose' command. Install the plugin docker-compose-plugin, version 2.24 or later."
  docker info >/dev/null 2>&1 || fail "the Docker daemon does not answer: $(docker info 2>&1 | tail -n 1)"
}

compose() {
  if [ "${HA:-}" ]; then
    docker compose -f compose.yaml -f compose.ha.yaml "$@"
  else
    docker compose -f compose.yaml "$@"
  fi
}

case "${1:-}" in
secrets) secrets ;;
up)
  docker_works
  secrets
  export HOOKLINE_VERSION="${HOOKLINE_VERSION:-dev}"
  compose up --detach --build --wait || fail "not everything started. What is wrong: docker compose -f compose/compose.yaml ps --all, and logs SERVICE"
  say "Grafana: http://$(compose port grafana 3000), user admin, password in compose/.secrets/grafana_admin"
  say "Send a sale: docker compose -f compose/compose.yaml exec -T ingest /hookline vendor send --vendor acme - < compose/config/sale.json"
  ;;
down)
  docker_works
  secrets
  compose down
  say "Stopped. The data is kept in Docker's volumes: docker volume ls --filter label=com.docker.compose.project=hookline"
  ;;
*) fail "usage: stack.sh up | down | secrets" ;;
esac
