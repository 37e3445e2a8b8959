#!/bin/sh
# Builds what a release has into dist/: for each platform an archive of the program with licence, changelog and
# shell completions, its software bill of materials (CycloneDX), and the checksums of all of them.
#   release.sh VERSION "OS/ARCH…"
set -eu
cd "$(dirname "$0")/.."
version=$1 platforms=$2
sbom="go tool -modfile=internal/tools/tools.mod cyclonedx-gomod"

# The same commit makes the same bytes: files carry the commit's time, and no one's name.
time=$(git log -1 --format=%ct)
pack() { tar --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner -C "$1" -cf - . | gzip -9n >"$2"; }

rm -rf dist
mkdir dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for platform in $platforms; do
  os=${platform%/*} arch=${platform#*/}
  name=hookline_${version#v}_${os}_$arch
  mkdir "$work/$name"
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$work/$name/hookline" .
  cp LICENSE CHANGELOG.md README.md "$work/$name/"
  $sbom bin -json -version "$version" -output "dist/$name.sbom.json" "$work/$name/hookline" 2>"$work/sbom.log" || { cat "$work/sbom.log" >&2; exit 1; }
  pack "$work/$name" "dist/$name.tar.gz"
done
(cd dist && sha256sum -- * >checksums.txt)
ls -l dist
