# shellcheck shell=bash
# ./dev fuzz: builds the fuzz targets of tests/fuzz (clang's libFuzzer with the sanitizers) and runs one, or
# tells which there are. What a run has learnt stays in .dev/fuzz/TARGET; the seeds, and what once was a
# crash, are in tests/fuzz/corpus/TARGET, and each run begins with all of them.

FUZZ=$DEV/fuzz
FUZZ_BUILD=$DEV/build-fuzz
readonly FUZZ FUZZ_BUILD
readonly FUZZ_DEFAULT_SECONDS=60
readonly FUZZ_INPUT_SECONDS=120 # of one input: far beyond any but an endless one
readonly FUZZ_MEMORY_MB=1024

# fuzz_targets: one a line
fuzz_targets() {
    local file
    for file in "$ROOT"/tests/fuzz/fuzz_*.c; do
        file=${file##*/fuzz_}
        printf '%s\n' "${file%.c}"
    done
}

fuzz_build() {
    packages_require packages_table_build packages_table_fuzz
    build_make "$FUZZ_BUILD" fuzzing
}

# fuzz_replay TARGET: runs each file of the corpus once.
fuzz_replay() {
    "$FUZZ_BUILD/tests/fuzz/fuzz_$1" -timeout="$FUZZ_INPUT_SECONDS" -rss_limit_mb="$FUZZ_MEMORY_MB" \
        "$ROOT/tests/fuzz/corpus/$1"/*
}

# fuzz_search TARGET SECONDS: looks for more. A crash is written to FUZZ/TARGET-crashes.
fuzz_search() {
    mkdir -p "$FUZZ/$1" "$FUZZ/$1-crashes"
    "$FUZZ_BUILD/tests/fuzz/fuzz_$1" -max_total_time="$2" -timeout="$FUZZ_INPUT_SECONDS" \
        -rss_limit_mb="$FUZZ_MEMORY_MB" -print_final_stats=1 -artifact_prefix="$FUZZ/$1-crashes/" \
        "$FUZZ/$1" "$ROOT/tests/fuzz/corpus/$1"
}

# fuzz_keep TARGET: makes what crashed a part of the corpus, so that no later run forgets it.
fuzz_keep() {
    local file
    for file in "$FUZZ/$1-crashes"/*; do
        [[ -e $file ]] || continue
        mv "$file" "$ROOT/tests/fuzz/corpus/$1/"
        say "kept as tests/fuzz/corpus/$1/${file##*/}; please commit it with what mends it"
    done
}

fuzz_main() {
    local target=${1:-} seconds=${2:-$FUZZ_DEFAULT_SECONDS} code=0
    if [[ -z $target ]]; then
        fuzz_targets
        return
    fi
    if (($# > 2)) || ! [[ $seconds =~ ^[1-9][0-9]{0,5}$ ]]; then
        fail "fuzz takes a target and seconds; ./dev help tells more"
    fi
    fuzz_targets | grep -qxF -- "$target" || fail "there is no fuzz target \"$target\"; ./dev fuzz lists them"
    fuzz_build
    fuzz_replay "$target" >"$LOGS/fuzz-$target.log" 2>&1 || {
        tail -n 40 "$LOGS/fuzz-$target.log" >&2
        fail "a file of tests/fuzz/corpus/$target fails (all of it: $LOGS/fuzz-$target.log)"
    }
    fuzz_search "$target" "$seconds" || code=$?
    fuzz_keep "$target"
    return "$code"
}
