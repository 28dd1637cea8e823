# shellcheck shell=bash
# ./dev bench NAME: builds bench/NAME_bench of the optimised build and runs it. It must not judge the
# numbers: what they should be is in docs/.

bench_names() {
    local source
    for source in "$ROOT"/bench/*_bench.c; do
        source=${source##*/}
        printf '%s\n' "${source%_bench.c}"
    done
}

# bench_main NAME
bench_main() {
    local name=${1:-} program log=$LOGS/build-bench.log arguments=()
    if (($# != 1)) || [[ ! $name =~ ^[a-z_]+$ || ! -e $ROOT/bench/${name}_bench.c ]]; then
        fail "bench takes one of these names: $(bench_names | tr '\n' ' ')"
    fi
    packages_require_for_build
    build_make "$DEV/build" optimised
    program=bench/${name}_bench
    make -C "$DEV/build" "$program" >"$log" 2>&1 || build_failed "$log" "building $program"
    case $name in
    checkpoint) arguments=("$DEV/build/gamed/gamed") ;;
    esac
    "$DEV/build/$program" "${arguments[@]}"
}
