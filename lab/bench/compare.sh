#!/usr/bin/env bash
# compare.sh BASE: benchmarks of the revision BASE and of this working tree, in alternation, so that what else the
# machine does meanwhile falls on both alike; then benchstat's verdict.
#
# ROUNDS (default 6) is how often each side runs. WHOLE=1 adds `lab bench --quick` of ingest and processor, where
# both sides have it.
set -euo pipefail
base=${1:?"which revision to compare with? make bench-compare BASE=main"}
cd "$(git rev-parse --show-toplevel)"
rounds=${ROUNDS:-6}
packages="ingest/signature ingest schemas schemas/vendors processor/mapping analytics"
hot='^Benchmark(Verify|Refuse|Refusal|Record|DecodeEvent|Identify|Sale|Append|BatchAppend)$'

dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/base" 2>/dev/null || true; rm -rf "$dir"' EXIT
git worktree add --quiet --detach "$dir/base" "$base"

build() { # build SIDE TREE
  mkdir -p "$dir/bin/$1"
  for package in $packages; do
    [ -d "$2/$package" ] && (cd "$2" && go test -c -o "$dir/bin/$1/${package//\//-}" "./$package")
  done
  if [ -n "${WHOLE:-}" ]; then (cd "$2" && go build -o "$dir/bin/$1/hookline" .); fi
}
build base "$dir/base"
build head .

for round in $(seq "$rounds"); do
  for side in base head; do
    tree=. && [ $side = base ] && tree=$dir/base
    for package in $packages; do
      binary=$dir/bin/$side/${package//\//-}
      [ -x "$binary" ] && (cd "$tree/$package" && "$binary" -test.run '^$' -test.bench "$hot" -test.benchmem -test.benchtime 200ms) >>"$dir/$side.txt"
    done
    if [ -n "${WHOLE:-}" ] && "$dir/bin/$side/hookline" bench --help 2>/dev/null | grep -q -- --benchstat; then
      "$dir/bin/$side/hookline" bench --quick --only ingest,processor --benchstat "$dir/$side.txt" >/dev/null
    fi
    echo "round $round of $rounds: $side" >&2
  done
done
go tool -modfile=internal/tools/tools.mod benchstat "base=$dir/base.txt" "head=$dir/head.txt"
