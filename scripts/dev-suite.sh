#!/usr/bin/env bash
# Runs one suite of ./dev test: scripts/dev-suite.sh NAME. A program of its own, so that dev-test.sh
# can end it when it takes too long. The builds must be there; it installs and builds nothing.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
for piece in common packages build; do
    # shellcheck source-path=SCRIPTDIR source=/dev/null
    . "$ROOT/scripts/dev-$piece.sh"
done

# The caller's own settings are for his stack, not for the tests'.
for name in $(compgen -e); do
    case $name in
    PONG_DEV_DIR | PONG_TEST_*) ;;
    PONG_* | USER_MANAGEMENT_URL | API_KEY | JWT_SECRET_KEY | REDIS_URL) unset "$name" ;;
    esac
done

suite_units() {
    local roots
    mapfile -t roots < <(build_roots)
    cd "${roots[1]}/build-asan" && make -j"$(nproc)" check
}

suite_style() {
    local files
    mapfile -t files < <(find "$ROOT"/{common,gamed,ipc,api-fcgi,pongctl,tests/unit,bench} -name '*.[ch]' 2>/dev/null | sort)
    if clang-format --style=file --dry-run -Werror "${files[@]}"; then
        printf 'clang-format: %d files, 1 passed, 0 failed\n' "${#files[@]}"
    else
        printf 'clang-format: %d files, 0 passed, 1 failed\n' "${#files[@]}"
        return 1
    fi
}

suite_scripts() {
    if (cd "$ROOT" && shellcheck -x dev scripts/*.sh nginx/*.sh tests/*.sh .ci/run); then
        printf 'shellcheck: 1 passed, 0 failed\n'
    else
        printf 'shellcheck: 0 passed, 1 failed\n'
        return 1
    fi
}

# node_suite FOLDER [FILES-AT-ONCE]: node's own runner over the test files of a folder, spelled out
# because its search for files differs between versions; so does how many it runs at once.
node_suite() {
    local files options=(--test) help
    mapfile -t files < <(find "$ROOT/tests/$1" -maxdepth 1 -name '*.test.mjs' | sort)
    help=$(node --help)
    if [[ -n ${2:-} && $help == *--test-concurrency* ]]; then
        options+=("--test-concurrency=$2")
    fi
    cd "$ROOT/tests" && node "${options[@]}" "${files[@]}"
}

suite_dev() {
    PONG_BUILD_DIR=$DEV/build node_suite dev 2 # they wait more than they work
}

suite_e2e() {
    PONG_PROMTOOL=$(promtool_path || true) PONG_BUILD_DIR=$DEV/build-asan node_suite e2e 3 # they wait more than they work
}

suite_web() {
    node_suite web 2
}

suite_browser() {
    PONG_BUILD_DIR=$DEV/build PONG_CHROMIUM=$(chromium_path) node_suite browser
}

case ${1:-} in
units | style | scripts | dev | web | e2e | browser) "suite_$1" ;;
*) fail "there is no suite \"${1:-}\"" ;;
esac
