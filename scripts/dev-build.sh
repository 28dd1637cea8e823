# shellcheck shell=bash
# Builds out of tree. A build that is out of date, or was made from a tree that has moved since, is
# brought up to date or made anew; nothing is written into the tree but what autoconf puts there.

# build_roots: two lines, the tree's path and DEV's as the build may see them. autoconf refuses
# spaces and such in a path, so a tree with one is built through a link without.
build_roots() {
    if [[ $ROOT$DEV =~ ^[A-Za-z0-9_./+,@%:=-]+$ ]]; then
        printf '%s\n' "$ROOT" "$DEV"
        return
    fi
    make_short_path
    local short
    short=$(short_path)
    ln -sfn "$ROOT" "$short/tree"
    ln -sfn "$DEV" "$short/dev"
    printf '%s\n' "$short/tree" "$short/dev"
}

# build_failed LOG WHAT
build_failed() {
    tail -n 25 "$1" >&2
    fail "$2 failed (all of it: $1)"
}

# build_configure_script: makes ./configure when it is missing or older than what it is made from.
build_configure_script() {
    local log=$1
    if [[ -e $ROOT/configure && -e $ROOT/Makefile.in && ! $ROOT/configure.ac -nt $ROOT/configure &&
        ! $ROOT/Makefile.am -nt $ROOT/Makefile.in ]]; then
        return
    fi
    say 'making ./configure'
    (cd "$ROOT" && autoreconf -fi) >"$log" 2>&1 || build_failed "$log" autoreconf
}

# build_options KIND: what ./configure is told, one a line.
build_options() {
    case $1 in
    sanitizers) printf '%s\n' --enable-sanitizers ;;
    threads) printf '%s\n' --enable-sanitizers=thread ;;
    failpoints) printf '%s\n' --enable-failpoints ;;
    coverage) printf '%s\n' --enable-coverage --enable-failpoints 'CFLAGS=-O0 -g' ;;
    fuzzing) printf '%s\n' --enable-fuzzing ;;
    esac
}

# build_make DIRECTORY optimised|sanitizers|threads|failpoints|coverage|fuzzing: DIRECTORY is in DEV.
build_make() {
    local dir=$1 kind=$2 log=$LOGS/build-$2.log roots options goals=()
    mkdir -p "$dir" "$LOGS"
    [[ -e $ROOT/configure.ac ]] || fail "there is no configure.ac in $ROOT"
    # One build of this tree at a time: ../configure and the like belong to all of them.
    exec 8<"$ROOT/configure.ac"
    flock 8
    build_configure_script "$log"
    mapfile -t roots < <(build_roots)
    ((${#roots[@]} == 2)) || exit 1
    mapfile -t options < <(build_options "$kind")
    [[ $kind != fuzzing ]] || goals=(fuzzers)
    [[ $kind != sanitizers ]] || goals=(all bench/pong-load bench/pong-floor tests/e2e/short-send.so) # for tests/e2e

    # A build knows its paths by heart.
    if [[ -e $dir/.tree && $(<"$dir/.tree") != "${roots[*]}" ]]; then
        rm -rf "$dir"
        mkdir -p "$dir"
    fi
    printf '%s' "${roots[*]}" >"$dir/.tree"
    (
        cd "${roots[1]}${dir#"$DEV"}"
        if [[ ! -e config.status || ! -e Makefile || $ROOT/configure -nt config.status ]]; then
            say "configuring the $kind build"
            "${roots[0]}/configure" "${options[@]}" >"$log" 2>&1 || build_failed "$log" "configuring the $kind build"
        fi
        if ! make -q "${goals[@]}" >/dev/null 2>&1; then
            say "building ($kind)"
            make -j "$(nproc)" "${goals[@]}" >"$log" 2>&1 || build_failed "$log" "the $kind build"
        fi
    ) || exit 1
    exec 8<&-
}
