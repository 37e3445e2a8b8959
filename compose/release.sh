#!/bin/sh
# Builds what a release has into dist/: for each platform an archive of the program with its licence and those of all that
# it is made of, changelog and shell completions, its software bill of materials (CycloneDX), and the checksums of all of them.
#   release.sh VERSION "OS/ARCH…"
set -eu
cd "$(dirname "$0")/.."
version=$1 platforms=$2
tool="go tool -modfile=internal/tools/tools.mod"

# The same commit makes the same bytes: files carry the commit's time, and no one's name or umask.
time=$(git log -1 --format=%ct)
pack() {
  tar --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w -C "$work" -cf - "$1" | gzip -9n >"dist/$1.tar.gz"
}

rm -rf dist
mkdir dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# segmentio/asm is MIT-0, which the tool does not know and which asks for no notice.
$tool go-licenses save . --save_path="$work/licenses" --ignore=github.com/segmentio/asm 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
for platform in $platforms; do
  os=${platform%/*} arch=${platform#*/}
  name=hookline_${version#v}_${os}_$arch
  mkdir "$work/$name"
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$work/$name/hookline" .
  # The library that it serves is for linux/amd64; elsewhere 'hookline engine' runs an installed ClickHouse.
  if [ "$platform" = linux/amd64 ]; then
    CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags "-s -w" -o "$work/$name/hookline-engine" ./compose/local/engine/hookline-engine
  fi
  cp -R LICENSE CHANGELOG.md README.md "$work/licenses" "$work/$name/"
  cp -R internal/completion/scripts "$work/$name/completions"
  $tool cyclonedx-gomod bin -json -version "$version" -output "dist/$name.sbom.json" "$work/$name/hookline" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
  pack "$name"
done
(cd dist && sha256sum -- * >checksums.txt && sha256sum --check --quiet checksums.txt)

# What was packed for this machine runs, and says which version it is.
name=hookline_${version#v}_$(go env GOHOSTOS)_$(go env GOHOSTARCH)
if [ -e "dist/$name.tar.gz" ]; then
  mkdir "$work/unpacked"
  tar -xzf "dist/$name.tar.gz" -C "$work/unpacked"
  said=$("$work/unpacked/$name/hookline" --version)
  [ "$said" = "$version" ] || { echo "release: the program says that it is $said, not $version" >&2; exit 1; }
fi
ls -l dist
