#!/usr/bin/env bash
# Fetches anew what the page has from others, web/vendor/: each a file of a published npm package, unchanged, with its
# licence beside it. A version is raised here, in one line with its checksum; a package that is not what it was is refused.
# The page itself has no build step: what this writes is committed and served as it is.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT VENDOR=$ROOT/web/vendor

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# take PACKAGE@VERSION SHA256: unpacks it into $work/package
take() {
    local archive
    rm -rf "$work/package"
    archive=$(cd "$work" && npm pack --silent "$1" 2>/dev/null) || { echo "vendor-web: $1 cannot be had" >&2; exit 1; }
    echo "$2  $work/$archive" | sha256sum --check --quiet || { echo "vendor-web: $1 is not what it was" >&2; exit 1; }
    tar -xzf "$work/$archive" -C "$work"
}

# keep FILE NAME: a file of the package, by the name that it has here
keep() {
    install -m 0644 "$work/package/$1" "$VENDOR/$2"
}

mkdir -p "$VENDOR"
take uqr@0.1.3 5636ef70bfb9f2685d885a4c0fbfe53fec9d6e8346361bd3f149146f1a9ec1af
keep dist/index.mjs uqr.mjs
keep LICENSE uqr.LICENSE.txt
take @fontsource-variable/outfit@5.3.0 06ab798b993eda0cfe3c8adf31030be5da4ccaaca3e226d93ab291c4a96e5957
keep files/outfit-latin-wght-normal.woff2 outfit-latin.woff2
keep files/outfit-latin-ext-wght-normal.woff2 outfit-latin-ext.woff2
keep LICENSE outfit.LICENSE.txt
