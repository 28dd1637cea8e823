#!/usr/bin/env bash
# Runs one suite of ./dev test: scripts/dev-suite.sh NAME. A program of its own, so that dev-test.sh
# can end it when it takes too long. The builds must be there; it installs and builds nothing.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly FUZZ_SUITE_SECONDS=10
for piece in common packages build fuzz analysis coverage; do
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
    cd "${roots[1]}/build-asan" && make -j"$(($(nproc) * 2))" check # some of them wait
}

suite_style() {
    local files
    mapfile -t files < <(find "$ROOT"/{common,gamed,ipc,api-fcgi,pongctl,tests/unit,tests/fuzz,bench} -name '*.[ch]' 2>/dev/null | sort)
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

# fuzz_one TARGET: the corpus, then a search; prints what matters, and a line that begins with ok or with not ok.
fuzz_one() {
    local log=$FUZZ/$1.log said
    mkdir -p "$FUZZ"
    if fuzz_replay "$1" >"$log" 2>&1 && fuzz_search "$1" "$FUZZ_SUITE_SECONDS" >>"$log" 2>&1; then
        said=$(awk '/^stat::number_of_executed_units:/ { runs = $2 }
            / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
            END { printf "%d runs, %d edges", runs, edges }' "$log")
        printf 'ok %s: %s\n' "$1" "$said"
        return
    fi
    tail -n 60 "$log"
    printf 'not ok %s (all of it: %s; what crashed, if the corpus has not got it: %s)\n' "$1" "$log" "$FUZZ/$1-crashes"
}

# Two targets at a time.
suite_fuzz() {
    local target passed failed said=$FUZZ/suite.log
    mkdir -p "$FUZZ"
    : >"$said"
    for target in $(fuzz_targets); do
        while (($(jobs -rp | wc -l) >= 2)); do wait -n || true; done
        { fuzz_one "$target" | tee -a "$said"; } &
    done
    wait
    passed=$(grep -c '^ok ' "$said") || true
    failed=$(grep -c '^not ok ' "$said") || true
    printf 'fuzz targets: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
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

# e2e_files: the whole e2e in ./dev test --full, else a match of each format.
e2e_files() {
    if [[ -n ${PONG_TEST_FULL:-} ]]; then
        find e2e -maxdepth 1 -name '*.test.mjs' | sort
    else
        printf '%s\n' e2e/match.test.mjs e2e/binary.test.mjs
    fi
}

# Under valgrind's memcheck: DEV/memcheck looks like a build, and its programs are those of one under valgrind. What is
# lost for good at the end counts as an error; what threads of libraries still hold when the process ends does not.
suite_memcheck() {
    local program files
    for program in gamed api-fcgi pongctl; do
        mkdir -p "$DEV/memcheck/$program"
        cat >"$DEV/memcheck/$program/$program" <<SCRIPT
#!/bin/sh
exec valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \\
    --freelist-vol=1000000 --freelist-big-blocks=100000 --num-callers=25 --suppressions="$ROOT/tests/e2e/memcheck.supp" "$DEV/build/$program/$program" "\$@"
SCRIPT
        chmod +x "$DEV/memcheck/$program/$program"
    done
    cd "$ROOT/tests" || return
    # Where the disk is the test's own, valgrind has no place for its files; who dies at a failpoint or fsync tells it nothing;
    # a flood has swollen before it is noticed; and nng is so slow that it stops clearing up each time a peer goes with questions
    # unanswered (docs/security.md).
    mapfile -t files < <(e2e_files | grep -vE '/(disk|failpoints|flood|fsync|hostile-ipc|midway)\.')
    PONG_PROMTOOL=$(promtool_path || true) PONG_TEST_MEMCHECK=1 PONG_BUILD_DIR=$DEV/memcheck node --test "${files[@]}"
}

suite_threads() {
    local files
    cd "$ROOT/tests" || return
    mapfile -t files < <(e2e_files)
    TSAN_OPTIONS=second_deadlock_stack=1 PONG_BUILD_DIR=$DEV/build-tsan node --test "${files[@]}"
}

suite_dev() {
    PONG_BUILD_DIR=$DEV/build node_suite dev 2 # they wait more than they work
}

suite_e2e() {
    PONG_PROMTOOL=$(promtool_path || true) PONG_BUILD_DIR=$DEV/build-asan node_suite e2e 4 # they wait more than they work
}

suite_web() {
    node_suite web 2
}

suite_browser() {
    PONG_BUILD_DIR=$DEV/build PONG_CHROMIUM=$(chromium_path) node_suite browser 2
}

case ${1:-} in
units | style | scripts | analysis | fuzz | memcheck | threads | coverage | dev | web | e2e | browser) "suite_$1" ;;
*) fail "there is no suite \"${1:-}\"" ;;
esac
