#!/bin/sh
# Starts, reloads and stops the stack in Docker: stack.sh up | reload | down | secrets. `make up` and `make down` call it.
#   HA=1                          with compose.ha.yaml on top
#   HOOKLINE_VERSION=v1.2.3       the image to run
#   ALERT_WEBHOOK_URL=https://…   where alerts are sent
# These three are remembered in .env, which Compose reads: `docker compose` in this folder then means the same stack.
# The rest of .env comes from defaults.env and from your settings.env, if there is one.
# Passwords are generated once into .secrets/. A file that is there already is left as it is: to change a password
# remove its file, run `up`, and restart what uses it. Git ignores .env, settings.env and .secrets/.
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
  # name says in its log why nobody is notified.
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
  settings
  if [ "${fresh:-}" ]; then
    say "Passwords are generated, and kept in compose/.secrets/. Shown this once: Grafana's user admin has $(cat .secrets/grafana_admin)"
  fi
}

# remembered NAME: its value in .env as it is.
remembered() { [ ! -e .env ] || sed -n "s/^$1=//p" .env | tail -n 1; }

# settings writes .env: whole, or not at all.
settings() {
  files=compose.yaml
  case "${HA:-}" in
  "") files=$(remembered COMPOSE_FILE) ;;
  0) ;;
  *) files=compose.yaml:compose.ha.yaml ;;
  esac
  alerting=quiet
  [ -z "$webhook" ] || alerting=webhook
  version=${HOOKLINE_VERSION:-$(remembered HOOKLINE_VERSION)}
  {
    say "# Written by stack.sh from defaults.env and settings.env: change those, not this."
    cat defaults.env
    [ ! -e settings.env ] || cat settings.env
    say "COMPOSE_FILE=${files:-compose.yaml}"
    say "HOOKLINE_VERSION=${version:-dev}"
    say "ALERTING=$alerting"
  } >.env.new
  mv .env.new .env
}

docker_works() {
  command -v docker >/dev/null || fail "docker is not installed. See https://docs.docker.com/engine/install/, or use 'make run', which needs no Docker."
  docker compose version >/dev/null 2>&1 || fail "docker has no 'compose' command. Install the plugin docker-compose-plugin, version 2.24 or later."
  docker info >/dev/null 2>&1 || fail "the Docker daemon does not answer: $(docker info 2>&1 | tail -n 1)"
}

# What .env remembers holds, whatever the shell has.
compose() {
  unset COMPOSE_FILE HOOKLINE_VERSION ALERTING
  docker compose "$@"
}

case "${1:-}" in
secrets) secrets ;;
up)
  docker_works
  secrets
  compose up --detach --build --wait || fail "not everything started. What is wrong, in compose/: docker compose ps --all, and docker compose logs SERVICE"
  say "Grafana: http://$(compose port grafana 3000), user admin, password in compose/.secrets/grafana_admin"
  say "Send a sale: docker compose -f compose/compose.yaml exec -T ingest /hookline vendor send --vendor acme - < compose/config/sale.json"
  ;;
reload)
  docker_works
  secrets
  parts=$(compose config --services | grep -E '^(ingest|processor)(-[0-9]+)?$' | sort | tr '\n' ' ')
  compose exec -T ingest /hookline vendor check --vendors /etc/hookline/vendors.yaml || fail "vendors.yaml is not taken; nothing is reloaded"
  # shellcheck disable=SC2086
  compose kill --signal HUP $parts
  say "Reloaded: $parts"
  ;;
down)
  docker_works
  secrets
  compose down
  say "Stopped. The data is kept in Docker's volumes: docker volume ls --filter label=com.docker.compose.project=hookline"
  ;;
*) fail "usage: stack.sh up | reload | down | secrets" ;;
esac
