# shellcheck shell=bash
# The suite "analysis" of ./dev test: clang-tidy (what it looks for: .clang-tidy) and cppcheck over the daemons' sources. Needs
# the optimised build, whose flags it takes. It must not judge tests and benchmarks, whose mistakes hurt nobody.
#
# clang-tidy takes a second or two a file, so a file that was found good is not looked at again until it, a header of ours
# that it includes, the flags or the list of checks changes: DEV/analysis holds an empty file for each, named by their sum.

ANALYSED=(common cluster gamed ipc api-fcgi pongctl)

# analysis_flags: one a line, as the optimised build compiles, and with failpoints, so that nothing is left out.
analysis_flags() {
    # shellcheck disable=SC2016 # make's variables
    make -s -C "$DEV/build" --no-print-directory \
        --eval 'analysis-flags: ; @printf "%s\n" $(DEFS) $(AM_CPPFLAGS) $(AM_CFLAGS)' analysis-flags |
        grep -vE '^-[UD]_FORTIFY_SOURCE|^-I' # they need an optimising compiler, and paths as seen from there
    printf '%s\n' -DPONG_FAILPOINTS "-I$ROOT" "-I$DEV/build"
}

# analysis_tidy FILE FLAG…: clang-tidy over one file, unless it is known to be good.
analysis_tidy() {
    local file=$1 sum
    shift
    sum=$({
        printf '%s\n' "$TIDY_VERSION" "$@"
        # The file itself comes first in what gcc lists.
        gcc -MM "$@" "$file" | tr -d '\\\n' | cut -d: -f2- | tr -s ' ' '\n' | sed '/^$/d' | xargs cat "$ROOT/.clang-tidy"
    } | sha256sum)
    sum=$DEV/analysis/${sum%% *}
    [[ ! -e $sum ]] || return 0
    # Only its complaints; how many warnings of the system's headers it passed over is no news.
    clang-tidy --quiet "$file" -- "$@" 2>/dev/null || return 1
    : >"$sum"
}

# analysis_tidy_all FLAG…
analysis_tidy_all() {
    mkdir -p "$DEV/analysis"
    find "$DEV/analysis" -type f -mtime +30 -delete
    TIDY_VERSION=$(clang-tidy --version)
    export DEV ROOT TIDY_VERSION
    export -f analysis_tidy
    # the largest first, so that no long one is left at the end
    find "${ANALYSED[@]}" -name '*.c' -printf '%s %p\n' | sort -rn | cut -d' ' -f2 |
        xargs -P "$(nproc)" -I '{}' bash -c 'analysis_tidy "$@"' analysis '{}' "$@"
}

# analysis_cppcheck: it reads no header of the system's but uthash, whose macros it has to know.
analysis_cppcheck() {
    local macros=$DEV/analysis/include
    mkdir -p "$macros"
    ln -sf /usr/include/uthash.h /usr/include/utlist.h "$macros/"
    # varFuncNullUB: NULL is a pointer in POSIX, also after the last named argument.
    cppcheck -j "$(nproc)" --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
        --suppress=missingIncludeSystem --suppress=varFuncNullUB --suppress="*:$macros/*" \
        --template='{file}:{line}: {severity}: {message} [{id}]' \
        -I. -I"$macros" -DHAVE_CONFIG_H -DPONG_FAILPOINTS -DPACKAGE_VERSION='""' "${ANALYSED[@]}"
}

suite_analysis() {
    local flags passed=0 failed=0
    cd "$ROOT" || return
    mapfile -t flags < <(analysis_flags)
    if analysis_tidy_all "${flags[@]}"; then ((passed += 1)); else ((failed += 1)); fi
    if analysis_cppcheck; then ((passed += 1)); else ((failed += 1)); fi
    printf 'clang-tidy and cppcheck: %d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}
