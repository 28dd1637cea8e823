# shellcheck shell=bash
# ./dev test: builds, then runs every suite within a time of its own, and ends with what each runner
# said and one line that adds them up. Nothing that a suite started may outlive it.
#
# dev-suite.sh runs one suite; a function count_KIND here reads "passed failed skipped" from its log,
# so that the sum is the runners' own.

TEST_LOGS=$DEV/test
readonly TEST_LOGS
readonly TEST_SECONDS=1140 FULL_TEST_SECONDS=10800 # all suites together
readonly GRACE_SECONDS=20                       # between SIGTERM and SIGKILL

test_passed=0
test_failed=0
test_skipped=0
test_names=()
test_job=0
declare -A test_beside_jobs=()

# count_units LOG: cmocka's own totals where a test has them, automake's verdict where not.
count_units() {
    local trs log
    for trs in "$DEV"/build-asan/*.trs "$DEV"/build-asan/tests/*.trs "$DEV"/build-asan/tests/unit/*.trs; do
        [[ -e $trs && $trs -nt $TEST_LOGS/started ]] || continue
        log=${trs%.trs}.log
        awk -v verdict="$(sed -n 's/^:test-result: *//p' "$trs")" '
            /^\[ +PASSED +\] [0-9]+ test/ { passed += $4; summary = 1 }
            /^\[ +FAILED +\] [0-9]+ test/ { failed += $4; summary = 1 }
            /^\[ +SKIPPED +\] [0-9]+ test/ { skipped += $4; summary = 1 }
            END {
                if (!summary && verdict == "PASS") passed = 1
                else if (!summary && verdict == "SKIP") skipped = 1
                else if (verdict != "PASS" && verdict != "SKIP" && !failed) failed = 1
                print passed + 0, failed + 0, skipped + 0
            }' "$log"
    done | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }'
}

# count_node LOG: "# pass 12" and so on, or the same after another sign in newer versions.
count_node() {
    awk '($1 == "#" || $1 == "ℹ") && NF == 3 && $3 ~ /^[0-9]+$/ {
            if ($2 == "pass") passed = $3
            if ($2 == "fail" || $2 == "cancelled") failed += $3
            if ($2 == "skipped" || $2 == "todo") skipped += $3
        } END { print passed + 0, failed + 0, skipped + 0 }' "$1"
}

# count_plain LOG: "…: N passed, N failed"
count_plain() {
    sed -nE 's/.* ([0-9]+) passed, ([0-9]+) failed$/\1 \2 0/p' "$1" | tail -n 1
}

# closing_lines LOG: what the runner said at the end.
closing_lines() {
    grep -E '^(# |ℹ )(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) |^# (TOTAL|PASS|SKIP|FAIL|ERROR):|passed, [0-9]+ failed$|^check-layers:' "$1" || tail -n 5 "$1"
}

# test_sweep MARK: ends what a suite has left running: processes with its mark in their environment
# or, where that is overwritten (nginx), with its temporary folder on the command line.
test_sweep() {
    local dir pid left=0 stat
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        if ((pid == $$)) || ! { grep -qzxF "PONG_TEST_RUN=$1" "$dir/environ" ||
            tr '\0' ' ' <"$dir/cmdline" | grep -qF "/$1/"; } 2>/dev/null; then
            continue
        fi
        stat=
        IFS= read -r -d '' stat 2>/dev/null <"$dir/stat" || true
        [[ $stat == *') '* ]] || continue
        read -r -a stat <<<"${stat##*) }"
        # nginx's workers have nothing of ours in their title; they go with their master's group.
        [[ ${stat[2]} != "$pid" ]] || kill -KILL -- "-$pid" 2>/dev/null || true
        kill -KILL "$pid" 2>/dev/null || true
        left=$((left + 1))
    done
    ((left == 0)) || printf 'ended %d processes that this suite left running\n' "$left"
}

# test_launch NAME SECONDS: starts a suite with a log and a mark of its own. Its process: test_job.
test_launch() {
    local seconds=$2 left
    left=$((test_deadline - SECONDS))
    ((seconds <= left)) || seconds=$((left > 1 ? left : 1))
    : >"$TEST_LOGS/$1.log"
    mkdir -p "/tmp/pong-test-$1-$$"
    (
        export TMPDIR=/tmp/pong-test-$1-$$ PONG_TEST_RUN=pong-test-$1-$$ PONG_DEV_DIR=$DEV
        exec timeout --kill-after="$GRACE_SECONDS" "$seconds" ${test_prefix:+"${test_prefix[@]}"} bash "$ROOT/scripts/dev-suite.sh" "$1"
    ) >"$TEST_LOGS/$1.log" 2>&1 </dev/null &
    test_job=$!
    test_names+=("$1")
}

# test_verdict NAME COUNT-KIND CODE: adds up a suite that has ended.
test_verdict() {
    local log=$TEST_LOGS/$1.log code=$3 passed failed skipped
    test_clean "$1"
    read -r passed failed skipped < <("count_$2" "$log") || true
    if ((code == 124 || code == 137)); then
        printf '%s: stopped, it took too long\n' "$1" | tee -a "$log"
    fi
    if ((code != 0 && ${failed:-0} == 0)); then failed=1; fi
    if ((code == 0 && ${passed:-0} + ${failed:-0} == 0)); then
        printf '%s: no test was run\n' "$1" | tee -a "$log"
        failed=1
    fi
    ((test_passed += ${passed:-0}, test_failed += failed, test_skipped += ${skipped:-0})) || true
}

# test_suite NAME COUNT-KIND SECONDS: runs a suite, shows its output as it comes, and adds it up.
test_suite() {
    local code=0 viewer
    printf '\n== %s ==\n' "$1"
    test_launch "$1" "$3"
    tail -n +1 -f -s 0.2 --pid="$test_job" "$TEST_LOGS/$1.log" &
    viewer=$!
    wait "$test_job" || code=$?
    test_job=0
    wait "$viewer" || true
    test_verdict "$1" "$2" "$code"
}

# test_beside NAME SECONDS: starts a suite beside the next ones, which wait more than they work, as it does.
test_beside() {
    test_launch "$1" "$2"
    test_beside_jobs[$1]=$test_job
    test_job=0
}

# test_behind NAME SECONDS: one that only computes, on what time the processors have left while others wait.
test_behind() {
    local test_prefix=(bash "$ROOT/scripts/dev-behind.sh")
    test_beside "$1" "$2"
}

# test_beside_end NAME COUNT-KIND: waits for it, shows what it said, and adds it up.
test_beside_end() {
    local code=0
    wait "${test_beside_jobs[$1]}" || code=$?
    unset "test_beside_jobs[$1]"
    printf '\n== %s ==\n' "$1"
    cat "$TEST_LOGS/$1.log"
    test_verdict "$1" "$2" "$code"
}

# test_clean NAME: ends and removes what a suite has left.
test_clean() {
    test_sweep "pong-test-$1-$$"
    rm -rf "/tmp/pong-test-$1-$$"
}

# test_abort: on a signal or an early end.
test_abort() {
    local name
    if ((test_job)); then test_beside_jobs[${test_names[-1]}]=$test_job; fi
    for name in "${!test_beside_jobs[@]}"; do
        kill -TERM "${test_beside_jobs[$name]}" 2>/dev/null || true
    done
    for name in "${!test_beside_jobs[@]}"; do
        process_wait_gone "${test_beside_jobs[$name]}" "$GRACE_SECONDS" ||
            kill -KILL "${test_beside_jobs[$name]}" 2>/dev/null || true
        test_clean "$name"
    done
}

# test_npm: the packages of tests/, installed again when their list has changed.
test_npm() {
    local lock=$ROOT/tests/package-lock.json stamp=$ROOT/tests/node_modules/.pong-lock
    [[ -e $lock ]] || return 0
    if ! cmp -s "$lock" "$stamp"; then
        say 'installing the packages of tests/'
        (cd "$ROOT/tests" && npm ci --no-audit --no-fund) >"$TEST_LOGS/npm.log" 2>&1 ||
            fail "npm ci in tests/ failed: $(last_line "$TEST_LOGS/npm.log") (all of it: $TEST_LOGS/npm.log)"
        cp "$lock" "$stamp"
    fi
}

test_summary() {
    local name skipped=''
    printf '\n== summary ==\n'
    for name in "${test_names[@]}"; do
        printf -- '-- %s\n' "$name"
        closing_lines "$TEST_LOGS/$name.log"
    done
    ((test_skipped == 0)) || skipped=", $test_skipped skipped"
    printf '%d passed, %d failed%s\n' "$test_passed" "$test_failed" "$skipped"
}

# test_coverage: units and e2e with gcov's counters, and what they reached of the daemons. It is a measurement: what it prints
# is no verdict, but a test that fails is one.
test_coverage() {
    packages_require packages_table_coverage
    build_make "$DEV/build-cov" coverage
    test_npm
    test_suite coverage node 2400
    test_summary
    ((test_failed == 0))
}

test_main() {
    local full=0 coverage=0
    case ${1:-} in
    '') ;;
    --full) full=1 ;;
    --coverage) coverage=1 ;;
    *) fail "test takes --full, --coverage or nothing; ./dev help tells more" ;;
    esac
    mkdir -p "$TEST_LOGS"
    : >"$TEST_LOGS/started"
    test_deadline=$((SECONDS + (full ? FULL_TEST_SECONDS : TEST_SECONDS)))
    ((!full)) || export PONG_TEST_FULL=1
    export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
    trap test_abort EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    packages_require_for_test
    if ((coverage)); then
        test_coverage
        return
    fi
    ((!full)) || packages_promtool
    build_make "$DEV/build" optimised
    build_make "$DEV/build-asan" sanitizers
    build_make "$FUZZ_BUILD" fuzzing
    build_make "$DEV/build-tsan" threads
    ((!full)) || build_make "$DEV/build-failpoints" failpoints
    test_npm

    test_behind analysis 900
    test_suite style plain 60
    test_suite scripts plain 60
    test_suite units units 240
    test_suite fuzz plain 300
    test_beside web 300
    test_suite dev node 300
    test_beside_end web node
    test_suite e2e node $((full ? 4000 : 660))
    # The whole e2e under each of them is too much at a time.
    if ((full)); then test_suite threads node 3600; else test_beside threads 300; fi
    test_suite memcheck node $((full ? 3600 : 300))
    if ((!full)); then test_beside_end threads node; fi
    test_suite browser node $((full ? 1200 : 480))
    test_beside_end analysis plain

    test_summary
    ((test_failed == 0))
}
