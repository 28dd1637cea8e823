# shellcheck shell=bash
# ./dev soak: a long run of a whole stack under players who come and go, judged at its end: bench/soak/. It must not know
# what is judged.

# soak_seconds DURATION: of 90s, 30m, 1h, or a number of seconds.
soak_seconds() {
    local unit=1
    [[ $1 =~ ^([1-9][0-9]{0,5})([smh]?)$ ]] || return 1
    case ${BASH_REMATCH[2]} in
    m) unit=60 ;;
    h) unit=3600 ;;
    esac
    printf '%s' $((BASH_REMATCH[1] * unit))
}

# soak_main [DURATION] [--rooms N]
soak_main() {
    local seconds=1800 rooms=500
    while (($#)); do
        case $1 in
        --rooms)
            rooms=${2:-}
            [[ $rooms =~ ^[1-9][0-9]{0,4}$ ]] || fail '--rooms takes a number of rooms'
            shift 2
            ;;
        *)
            seconds=$(soak_seconds "$1") || fail "soak takes how long, as 90s, 30m or 1h, and --rooms N; ./dev help tells more"
            shift
            ;;
        esac
    done
    packages_require_for_test
    packages_require packages_table_plot
    build_make "$DEV/build" optimised
    mkdir -p "$TEST_LOGS"
    test_npm
    PONG_BUILD_DIR=$DEV/build exec node "$ROOT/bench/soak/soak.mjs" --seconds "$seconds" --rooms "$rooms" \
        --out "$DEV/soak" --keep "$ROOT/bench" --plot
}
