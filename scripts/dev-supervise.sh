#!/usr/bin/env bash
# The supervisor that ./dev up leaves behind: starts gamed, api-fcgi and nginx, starts again what
# dies, ends all of them on SIGTERM, and on SIGHUP starts all anew from what has been built since, with
# the settings it has had from the start. It must hold nothing of the terminal that started it, and puts
# no secret on a command line: settings reach the daemons by the environment.
#
# A death before PIDS/ready exists ends it all and is told in PIDS/failed: "NAME EXIT-CODE".
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=dev-common.sh
. "$ROOT/scripts/dev-common.sh"
RUN=$(run_dir)
STATE=$PONG_STATE_DIR # absolute, from ./dev up
readonly ROOT RUN STATE
readonly RESTART_CENTISECONDS=100 # between two starts of the same daemon, at least

declare -A pid=() started=() exit_codes=()
stopping=0
anew=0

note() {
    printf '%(%Y-%m-%dT%H:%M:%S%z)T supervisor: %s\n' -1 "$1"
}

# Whatever else the caller had open, a pipe of another program perhaps, is not ours to keep.
close_inherited() {
    local fd
    for fd in "/proc/$$/fd"/*; do
        fd=${fd##*/}
        if ((fd > 2 && fd != 255)); then # 255 is bash's own, this script
            eval "exec $fd>&-"
        fi
    done
}

centiseconds() {
    local up
    read -r up _ </proc/uptime
    printf '%s' "${up/./}"
}

# Each daemon gets a session of its own: its children are found by that number if it is killed.
launch() {
    local number=${1#gamed-} name urls=()
    case $1 in
    gamed)
        exec setsid "$BUILD/gamed/gamed" --listen "unix:$RUN/gamed.sock" --ipc "ipc://$RUN/ipc.sock" \
            --control "$RUN/control.sock" --state-dir "$STATE"
        ;;
    gamed-*)
        exec setsid "$BUILD/gamed/gamed" --listen "unix:$RUN/$1.sock" --ipc "ipc://$RUN/ipc-$number.sock" \
            --control "$RUN/control-$number.sock" --state-dir "$STATE" --slot "${SLOTS:number-1:1}"
        ;;
    api-fcgi)
        for name in "${GAMED[@]}"; do urls+=(--gamed "ipc://$RUN/ipc${name#gamed}.sock"); done
        exec setsid "$BUILD/api-fcgi/api-fcgi" --listen "unix:$RUN/api.sock" "${urls[@]}"
        ;;
    nginx)
        # Keys are none of nginx's business.
        exec setsid env -u API_KEY -u JWT_SECRET_KEY -u PONG_API_KEY -u PONG_JWT_SECRET_KEY -u REDIS_URL \
            -u PONG_REDIS_URL nginx -p "$RUN" -c "$RUN/nginx.conf" -e "$LOGS/nginx.log"
        ;;
    esac
}

start() {
    local name=$1 count=0
    launch "$name" >>"$LOGS/$name.log" 2>&1 </dev/null &
    pid[$name]=$!
    started[$name]=$(centiseconds)
    process_record "$name" "$!"
    [[ ! -e $PIDS/$name.starts ]] || count=$(<"$PIDS/$name.starts")
    printf '%s\n' $((count + 1)) >"$PIDS/$name.starts"
    note "$name started, pid $!"
}

# bury NAME: takes note of a death.
bury() {
    local name=$1 code=${exit_codes[${pid[$1]}]:-}
    if [[ -z $code ]]; then
        wait "${pid[$name]}"
        code=$?
    fi
    leftovers_kill "$name"
    unset "exit_codes[${pid[$name]}]" "pid[$name]"
    if ((code > 128)); then
        note "$name died of signal $((code - 128))"
    else
        note "$name ended with exit code $code"
    fi
    if [[ ! -e $PIDS/ready ]]; then
        printf '%s %s\n' "$name" "$code" >"$PIDS/failed"
        stopping=1
    fi
}

# turn: buries the dead and starts what is due. Fails when something still has to wait.
turn() {
    local name waiting=0
    for name in "${DAEMONS[@]}"; do
        if [[ -n ${pid[$name]:-} ]]; then
            process_start "${pid[$name]}" >/dev/null && continue
            bury "$name"
            ((!stopping)) || return 0
        fi
        if (($(centiseconds) - ${started[$name]:--$RESTART_CENTISECONDS} >= RESTART_CENTISECONDS)); then
            start "$name"
        else
            waiting=1
        fi
    done
    ((!waiting))
}

supervise() {
    local ticker='' pause ended code
    while ((!stopping)); do
        if turn; then pause=1; else pause=0.1; fi
        ((!stopping)) || break
        # A death ends the wait at once; the ticker is for what is due later.
        if [[ -z $ticker ]]; then
            sleep "$pause" &
            ticker=$!
        fi
        ended=
        wait -n -p ended
        code=$?
        if [[ ${ended:-} == "$ticker" ]] || ! process_start "$ticker" >/dev/null; then
            ticker=
        fi
        [[ -z ${ended:-} || $ended == "$ticker" ]] || exit_codes[$ended]=$code
    done
    [[ -z $ticker ]] || kill "$ticker" 2>/dev/null
}

stop_all() {
    local i
    note 'stopping'
    for ((i = ${#DAEMONS[@]} - 1; i >= 0; i--)); do
        process_stop "${DAEMONS[i]}"
    done
    rm -f "$RUN"/*.sock "$RUN/nginx.pid"
    note 'stopped'
}

# start_anew: goes on as the script that is there now. PIDS/anew says that nothing of before runs.
start_anew() {
    if ! nginx_render 2>>"$LOGS/nginx.log"; then
        printf 'nginx 1\n' >"$PIDS/failed"
        exit 1
    fi
    note 'starting anew'
    : >"$PIDS/anew"
    exec bash "$ROOT/scripts/dev-supervise.sh"
}

close_inherited
cd "$DEV" || exit 1
# No more than that: libraries keep tables as long as the limit.
limit=$(ulimit -Hn)
if [[ $limit == unlimited ]] || ((limit > 65536)); then limit=65536; fi
ulimit -Sn "$limit"
trap 'stopping=1' TERM INT
trap 'stopping=1 anew=1' HUP
supervise
stop_all
((!anew)) || start_anew
