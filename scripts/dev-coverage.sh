# shellcheck shell=bash
# The suite "coverage" of ./dev test --coverage: units and e2e over the build that counts, then gcovr over what was counted: a line a
# file, and of all together. A daemon that is killed takes its counts with it, so what only such a daemon does is missing here.

suite_coverage() {
    local roots code=0 counted=$DEV/coverage.json folders=(--filter gamed/ --filter ipc/ --filter api-fcgi/)
    mapfile -t roots < <(build_roots)
    find "$DEV/build-cov" -name '*.gcda' -delete
    (cd "${roots[1]}/build-cov" && make -j "$(nproc)" check) || code=1
    (PONG_BUILD_DIR=$DEV/build-cov node_suite e2e 3) || code=1
    cd "${roots[0]}" || return
    # Branches that no source shows, and an assert's way out, which must never be taken, do not count.
    gcovr --root . "${folders[@]}" --exclude-unreachable-branches --exclude-branches-by-pattern '.*\bassert\(.*' \
        -j "$(nproc)" --json "$counted" "${roots[1]}/build-cov" || return
    gcovr --root . --add-tracefile "$counted" --sort-uncovered --branches || return
    gcovr --root . --add-tracefile "$counted" --sort-uncovered --print-summary || return
    return "$code"
}
