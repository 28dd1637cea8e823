# shellcheck shell=bash
# ./dev bench NAME: runs bench/NAME.mjs over the daemons of the optimised build, or builds
# bench/NAME_bench of it and runs that. Without a name it is the table of all targets, bench/table.mjs.
# It must not judge the numbers: what they should be is in docs/, and in bench/table/rows.mjs.

readonly BENCH_OPEN_FILES=65536 # 20,000 connections, and as many on nginx's other side

bench_names() {
    local source
    for source in "$ROOT"/bench/*_bench.c "$ROOT"/bench/*.mjs; do
        source=${source##*/}
        source=${source%.mjs}
        printf '%s\n' "${source%_bench.c}"
    done | grep -vx table | LC_ALL=C sort
}

# bench_program NAME [ARGUMENT...]: builds bench/NAME_bench and runs it.
bench_program() {
    local program=bench/$1_bench log=$LOGS/build-bench.log arguments=()
    make -C "$DEV/build" "$program" >"$log" 2>&1 || build_failed "$log" "building $program"
    case $1 in
    checkpoint) arguments=("$DEV/build/gamed/gamed") ;;
    esac
    "$DEV/build/$program" "${arguments[@]}" "${@:2}"
}

# bench_load: what makes the load, and what the daemons are compared with.
bench_load() {
    local log=$LOGS/build-bench.log
    make -C "$DEV/build" -j "$(nproc)" bench/pong-load bench/pong-floor >"$log" 2>&1 || build_failed "$log" 'building the load'
    # More than that, where the caller may not raise it, is fewer rooms.
    ulimit -n "$BENCH_OPEN_FILES" 2>/dev/null || ulimit -n "$(ulimit -Hn)"
}

# bench_table [OPTION...]: options are bench/table.mjs's own.
bench_table() {
    packages_require packages_table_run packages_table_build packages_table_plot packages_table_bench
    build_make "$DEV/build" optimised
    bench_load
    PONG_BUILD_DIR=$DEV/build node "$ROOT/bench/table.mjs" "$@"
}

# bench_main [NAME [ARGUMENT...]]
bench_main() {
    local name=${1:-}
    if [[ -z $name || $name == -* || $name == table ]]; then
        [[ $name != table ]] || shift
        bench_table "$@"
        return
    fi
    if [[ ! $name =~ ^[a-z_]+$ ]] || { [[ ! -e $ROOT/bench/${name}_bench.c ]] && [[ ! -e $ROOT/bench/$name.mjs ]]; }; then
        fail "bench takes one of these names: $(bench_names | paste -sd ' '); or none, and the options that ./dev help tells"
    fi
    packages_require_for_build
    build_make "$DEV/build" optimised
    if [[ -e $ROOT/bench/$name.mjs ]]; then
        packages_require_for_test
        mkdir -p "$TEST_LOGS"
        test_npm
        [[ ! $name =~ ^(instances|metrics|rest_beside)$ ]] || bench_load
        PONG_BUILD_DIR=$DEV/build node "$ROOT/bench/$name.mjs" "${@:2}"
    else
        bench_program "$@"
    fi
}
