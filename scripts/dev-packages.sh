# shellcheck shell=bash
# Installs what is missing. It looks for the commands, headers and libraries themselves, not for the
# packages they usually come in, and names a package only for what is not there.

# Debian keeps nginx out of an ordinary user's PATH.
PATH=$PATH:/usr/sbin:/sbin

has_command() {
    command -v "$1" >/dev/null
}

# has_library MODULE: by pkg-config
has_library() {
    has_command pkg-config && pkg-config --exists "$1"
}

# has_header HEADER: for what has no pkg-config file
has_header() {
    has_command gcc && printf '#include <%s>\n' "$1" | gcc -E -x c -o /dev/null - 2>/dev/null
}

# libwebsockets loads its event loop from a plug-in of its own package.
has_uv_plugin() {
    has_library libwebsockets || return 1
    local folder
    folder=$(pkg-config --variable=libdir libwebsockets)
    compgen -G "$folder/libwebsockets-evlib_uv.so*" >/dev/null
}

# has_libfuzzer CLANG
has_libfuzzer() {
    has_command "$1" && [[ -e $("$1" -print-file-name="libclang_rt.fuzzer-$(uname -m).a") ]]
}

# Debian's redis-tools has the server under another name; redis-server itself is a service that would be
# started and stay.
has_redis_server() {
    has_command redis-cli && { has_command redis-server || has_command redis-check-rdb; }
}

has_chromium() {
    chromium_path >/dev/null
}

chromium_path() {
    local name
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" && return 0
    done
    return 1
}

has_ca_bundle() {
    [[ -s /etc/ssl/certs/ca-certificates.crt ]]
}

# promtool_path: the system's, or the one below .dev/.
promtool_path() {
    command -v promtool && return 0
    [[ -x $DEV/promtool/usr/bin/promtool ]] && printf '%s\n' "$DEV/promtool/usr/bin/promtool"
}

# packages_promtool: for ./dev test --full. The package is unpacked and not installed: what it
# installs is a server that would be started and stay.
packages_promtool() {
    ! promtool_path >/dev/null || return 0
    has_command apt-get || fail 'missing: promtool (of Debian'"'"'s package prometheus). Please install it'
    say 'fetching promtool'
    local folder=$DEV/promtool log=$LOGS/packages.log
    mkdir -p "$folder" "$LOGS"
    if ! (cd "$folder" && apt-get download prometheus) >"$log" 2>&1; then
        # without lists of packages, which root alone can fetch
        packages_as_root apt-get update >>"$log" 2>&1 || true
        (cd "$folder" && apt-get download prometheus) >>"$log" 2>&1 ||
            fail "apt-get could not fetch prometheus: $(last_line "$log") (all of it: $log)"
    fi
    dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -xC "$folder" ./usr/bin/promtool 2>>"$log" ||
        fail "prometheus could not be unpacked: $(last_line "$log")"
    rm -f "$folder"/prometheus_*.deb
}

# packages_as_root COMMAND…
packages_as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# check, what it looks for, package
packages_table_run() {
    cat <<'TABLE'
has_command nginx nginx-light
has_command curl curl
has_command sha256sum coreutils
has_command flock util-linux
TABLE
}

packages_table_build() {
    cat <<'TABLE'
has_command gcc gcc
has_header stdio.h libc6-dev
has_command make make
has_command autoreconf autoconf
has_command automake automake
has_command pkg-config pkg-config
has_library libwebsockets libwebsockets-dev
has_uv_plugin uv libwebsockets-evlib-uv
has_library libuv libuv1-dev
has_header nng/nng.h libnng-dev
has_header fcgiapp.h libfcgi-dev
has_library jansson libjansson-dev
has_library libcurl libcurl4-openssl-dev
has_library sqlite3 libsqlite3-dev
has_library libcrypto libssl-dev
has_library hiredis libhiredis-dev
has_library libjwt libjwt-dev
has_header uthash.h uthash-dev
TABLE
    if grep -qE '^(LT_INIT|AC_PROG_LIBTOOL)' "$ROOT/configure.ac" 2>/dev/null; then
        printf 'has_command libtoolize libtool\n'
    fi
}

packages_table_test() {
    cat <<'TABLE'
has_library cmocka libcmocka-dev
has_command clang-format clang-format
has_command shellcheck shellcheck
has_command openssl openssl
has_command strace strace
has_command readelf binutils
has_command systemd-analyze systemd
has_command clang-tidy clang-tidy
has_command cppcheck cppcheck
has_command valgrind valgrind
has_command node nodejs
has_command npm npm
has_command sqlite3 sqlite3
has_redis_server redis redis-tools
has_ca_bundle certificates ca-certificates
has_chromium chromium chromium
TABLE
}

# Fuzzing needs clang, whose run-time libraries are a package of their own.
packages_table_fuzz() {
    cat <<'TABLE'
has_command clang clang
has_libfuzzer clang libclang-rt-14-dev
TABLE
}

# for ./dev test --coverage
packages_table_coverage() {
    printf 'has_command gcovr gcovr\n'
}

# for what draws plots
packages_table_plot() {
    printf 'has_command gnuplot gnuplot-nox\n'
}

# packages_missing: reads rows on its input, prints the packages of those that are not fulfilled.
packages_missing() {
    local check what package
    while read -r check what package; do
        "$check" "$what" || printf '%s\n' "$package"
    done
}

# packages_install PACKAGE…
packages_install() {
    local as_root=() log=$LOGS/packages.log
    mkdir -p "$LOGS"
    has_command apt-get || fail "missing: $*. Please install them (these are Debian's names)"
    if ((EUID != 0)); then
        has_command sudo || fail "missing: $*. Please install them as root: apt-get install $*"
        as_root=(sudo)
    fi
    say "installing $*"
    "${as_root[@]}" apt-get update >"$log" 2>&1 || true # an old list may do; the next line tells
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        "$@" >>"$log" 2>&1 || fail "apt-get could not install $*: $(last_line "$log") (all of it: $log)"
}

# last_line FILE: the last that is not empty
last_line() {
    awk 'NF { line = $0 } END { print line }' "$1" 2>/dev/null || true
}

# packages_require TABLE-FUNCTION…: installs what is missing and looks again.
packages_require() {
    local missing
    missing=$(for table in "$@"; do "$table"; done | packages_missing)
    [[ -n $missing ]] || return 0
    # shellcheck disable=SC2086 # a list of package names
    packages_install $missing
    hash -r
    missing=$(for table in "$@"; do "$table"; done | packages_missing)
    [[ -z $missing ]] || fail "still missing after the installation: ${missing//$'\n'/ }"
}

packages_require_for_build() {
    packages_require packages_table_build
}

packages_require_for_up() {
    if [[ -n ${PONG_BUILD_DIR:-} ]]; then
        packages_require packages_table_run
    else
        packages_require packages_table_run packages_table_build
    fi
}

packages_require_for_test() {
    packages_require packages_table_run packages_table_build packages_table_test packages_table_fuzz
    local major
    major=$(node --version)
    major=${major#v}
    ((${major%%.*} >= 18)) || fail "the tests need node 18 or newer, and this is $(node --version)"
}
