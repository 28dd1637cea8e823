# shellcheck shell=bash
# What every part of ./dev and the supervisor share: where things are, how to speak to the user, and
# how to know a process again. Sourced with ROOT set; must not start or end anything by itself.

# For those who source this.
# shellcheck disable=SC2034
DEV=${PONG_DEV_DIR:-$ROOT/.dev}
[[ $DEV == /* ]] || DEV=$PWD/$DEV
PIDS=$DEV/pids   # NAME: pid and start time; NAME.starts: how often it was started
LOGS=$DEV/log
LOCK=$DEV/lock
BUILD=${PONG_BUILD_DIR:-$DEV/build}
[[ $BUILD == /* ]] || BUILD=$PWD/$BUILD
readonly DEV PIDS LOGS LOCK BUILD

# Short cuts live in a folder that only this user can write to. Its name is fixed, so that the next
# command finds what the last one made.
readonly SHORT_ROOT=/tmp/pong-$UID
readonly SOCKET_PATH_MAX_BYTES=107
readonly STOP_SECONDS=8
readonly LONGEST_SOCKET_NAME=/control-16.sock
readonly INSTANCES_MAX=16
# Of the instances' rooms, as --slot takes them; the rest is for whoever runs a gamed by hand.
readonly SLOTS=ABCDEFGHJKMNPQRS

say() {
    printf '%s\n' "$1"
}

fail() {
    printf './dev: %s\n' "$1" >&2
    exit 1
}

# daemons_know: fills DAEMONS, in the order of starting (stopped the other way round), and GAMED, the
# instances among them, by what PIDS/instances says: one is "gamed", several are gamed-1, gamed-2 …
daemons_know() {
    local count=1 i
    [[ ! -e $PIDS/instances ]] || count=$(<"$PIDS/instances")
    GAMED=(gamed)
    if ((count > 1)); then
        GAMED=()
        for ((i = 1; i <= count; i++)); do GAMED+=("gamed-$i"); done
    fi
    DAEMONS=("${GAMED[@]}" api-fcgi nginx)
}
daemons_know

# nginx_render: nginx's configuration, which knows where the instances' sockets are.
nginx_render() {
    local run upstreams
    run=$(run_dir)
    upstreams=$(printf 'unix:%s.sock ' "${GAMED[@]}")
    PONG_LOG_DIR=$LOGS PONG_SOCKET_DIR=$run PONG_UPSTREAMS=${PONG_UPSTREAMS:-$upstreams} \
        "$ROOT/nginx/render.sh" "$run"
}

# in_bytes TEXT
in_bytes() {
    local LC_ALL=C
    printf '%s' "${#1}"
}

# short_path: this stack's own folder below SHORT_ROOT; not made yet.
short_path() {
    local sum
    sum=$(printf '%s' "$DEV" | sha256sum)
    printf '%s/%s' "$SHORT_ROOT" "${sum:0:12}"
}

# make_short_path: makes it, unless somebody else owns the name.
make_short_path() {
    mkdir -m 700 "$SHORT_ROOT" 2>/dev/null || true
    if [[ -L $SHORT_ROOT || ! -d $SHORT_ROOT || ! -O $SHORT_ROOT || $(stat -c %a "$SHORT_ROOT") != 700 ]]; then
        fail "$SHORT_ROOT must be a folder of yours with mode 700, and is not; please remove it"
    fi
    mkdir -p "$(short_path)"
}

# run_dir: where the sockets and nginx's files are: DEV/run, or a short cut's. Blanks and commas end an address in a list
# of them, a dollar sign begins a variable of nginx.
run_dir() {
    if (($(in_bytes "$DEV/run$LONGEST_SOCKET_NAME") <= SOCKET_PATH_MAX_BYTES)) &&
        [[ $DEV != *['$ ,']* && $DEV != *[[:cntrl:]]* ]]; then
        printf '%s/run' "$DEV"
    else
        printf '%s/run' "$(short_path)"
    fi
}

# process_start PID: when a process began, in the kernel's clock ticks, and in which boot; fails when
# there is none. With the pid it names a process for good.
process_start() {
    local stat='' boot
    # It may end at any moment. Not $(<…): when that finds no file in an EXIT trap, bash ends there.
    IFS= read -r -d '' stat 2>/dev/null <"/proc/$1/stat" || true
    [[ $stat == *') '* ]] || return 1
    # The second field is the command in brackets, which may hold anything.
    read -r -a stat <<<"${stat##*) }"
    [[ ${stat[0]} != [ZX] ]] || return 1
    boot=$(</proc/sys/kernel/random/boot_id)
    printf "%s@%s" "${stat[19]}" "$boot"
}

# process_record NAME PID
process_record() {
    local start
    start=$(process_start "$2") || start=0
    printf '%s %s\n' "$2" "$start" >"$PIDS/$1.new"
    mv "$PIDS/$1.new" "$PIDS/$1"
}

# process_pid NAME: the pid recorded under that name, when that very process still runs.
process_pid() {
    local pid start
    read -r pid start 2>/dev/null <"$PIDS/$1" || return 1
    [[ $(process_start "$pid") == "$start" ]] || return 1
    printf '%s' "$pid"
}

# process_wait_gone PID SECONDS: waits for the end of a process that is no child of ours.
process_wait_gone() {
    local tries=$(($2 * 20))
    while process_start "$1" >/dev/null; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

# leftovers_kill NAME: ends what is left of a daemon's own process group once the daemon is gone, such
# as the workers of an nginx whose master was killed. The kernel gives no new process the number of
# a group that still exists, so the number means this group until the machine is started anew.
leftovers_kill() {
    local pid start boot
    read -r pid start 2>/dev/null <"$PIDS/$1" || return 0
    boot=$(</proc/sys/kernel/random/boot_id)
    [[ ${start#*@} == "$boot" ]] || return 0
    ! process_start "$pid" >/dev/null || return 0
    kill -KILL -- "-$pid" 2>/dev/null || true
}

# process_stop NAME: SIGTERM, and SIGKILL when that does not end it; nothing when it does not run.
process_stop() {
    local pid
    if pid=$(process_pid "$1"); then
        kill -TERM "$pid" 2>/dev/null || true
        if ! process_wait_gone "$pid" "$STOP_SECONDS"; then
            kill -KILL "$pid" 2>/dev/null || true
            process_wait_gone "$pid" 2 || true
        fi
    fi
    leftovers_kill "$1"
    rm -f "$PIDS/$1" "$PIDS/$1.starts"
}
