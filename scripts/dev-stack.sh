# shellcheck shell=bash
# A running stack: up, down, status, logs. The daemons themselves are the supervisor's children
# (dev-supervise.sh); here it is started, asked to stop, and looked at.

readonly UP_SECONDS=45

# supervisor_stop_seconds: each daemon may need that long.
supervisor_stop_seconds() {
    printf '%s' $((${#DAEMONS[@]} * (STOP_SECONDS + 2) + 5))
}

# stack_lock: one ./dev at a time changes a stack. The lock goes with the process.
stack_lock() {
    mkdir -p "$DEV"
    exec 9>"$LOCK"
    flock -w 120 9 || fail "another ./dev is at work on $DEV"
}

# stack_build_id: what runs, as one number: a running stack is restarted when it changes.
stack_build_id() {
    cat "$BUILD/gamed/gamed" "$BUILD/api-fcgi/api-fcgi" "$ROOT"/nginx/*.in "$ROOT/nginx/render.sh" \
        "$ROOT/scripts/dev-common.sh" "$ROOT/scripts/dev-supervise.sh" | sha256sum
}

# stack_settings_id INSTANCES: likewise for the settings. A sum, for they hold secrets.
stack_settings_id() {
    local name
    {
        printf '%s\0' "$1"
        for name in $(compgen -e | LC_ALL=C sort); do
            case $name in
            PONG_* | USER_MANAGEMENT_URL | API_KEY | JWT_SECRET_KEY | REDIS_URL)
                printf '%s=%s\0' "$name" "${!name}"
                ;;
            esac
        done
    } | sha256sum
}

# stack_file NAME: what the running stack was started with.
stack_file() {
    cat "$PIDS/$1" 2>/dev/null || true
}

# reachable LISTEN: the address to reach it at; 0.0.0.0 and [::] stand for every address.
reachable() {
    case $1 in
    0.0.0.0:*) printf '127.0.0.1:%s' "${1##*:}" ;;
    '[::]:'*) printf '[::1]:%s' "${1##*:}" ;;
    *) printf '%s' "$1" ;;
    esac
}

# stack_health ADDRESS: prints the status that health/ answers with, 000 when there is no answer.
stack_health() {
    curl -s --noproxy '*' --max-time 3 -o /dev/null -w '%{http_code}' "http://$1/api/room/health/" || true
}

# port_taken ADDRESS
port_taken() {
    local host=${1%:*}
    host=${host#[}
    # shellcheck disable=SC2016 # for the inner shell
    timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "${host%]}" "${1##*:}" 2>/dev/null
}

fail_port_taken() {
    fail "$1 is in use by another program; choose another with PONG_LISTEN=ADDRESS:PORT"
}

# stack_stop: ends what runs and removes what it left; harmless when nothing does.
stack_stop() {
    local pid i run
    run=$(run_dir)
    if pid=$(process_pid supervisor); then
        kill -TERM "$pid" 2>/dev/null || true
        if ! process_wait_gone "$pid" "$(supervisor_stop_seconds)"; then
            kill -KILL "$pid" 2>/dev/null || true
        fi
    fi
    # What is left when the supervisor itself was killed.
    for ((i = ${#DAEMONS[@]} - 1; i >= 0; i--)); do
        process_stop "${DAEMONS[i]}"
    done
    rm -f "$run"/*.sock "$run/nginx.pid"
    rm -rf "$PIDS" "$(short_path)"
    rmdir "$SHORT_ROOT" 2>/dev/null || true
}

# stack_prepare LISTEN: folders and nginx's configuration; all that can be wrong before a start.
stack_prepare() {
    local run name reason log
    run=$(run_dir)
    [[ $run == "$DEV"/* ]] || make_short_path
    mkdir -p "$PIDS" "$LOGS" "$run"
    chmod 700 "$run" "$PIDS" "$LOGS"
    # Also those of instances that there are no more.
    for log in "$LOGS"/{supervisor,gamed,gamed-*,api-fcgi,nginx,nginx-access}.log; do
        [[ ! -s $log ]] || mv "$log" "$log.1"
        rm -f "$log"
    done
    for name in supervisor "${DAEMONS[@]}" nginx-access; do
        : >"$LOGS/$name.log"
    done
    reason=$(nginx_render 2>&1) || fail "$reason"
    reason=$(nginx -t -q -p "$run" -c "$run/nginx.conf" -e /dev/null 2>&1) ||
        fail "nginx refuses its configuration: $(nginx_reason <<<"$reason")"
    if port_taken "$(reachable "$1")"; then fail_port_taken "$1"; fi
}

# nginx_reason: the last complaint in the log on its input, without the date before it.
nginx_reason() {
    sed -nE 's/.*\[(emerg|alert|crit)\] ([0-9]+#[0-9]+: )?//p' | tail -n 1
}

# stack_explain_failure LISTEN: the one sentence on why a start failed.
stack_explain_failure() {
    local name code reason
    if ! read -r name code 2>/dev/null <"$PIDS/failed"; then
        fail "the supervisor ended (its log: $LOGS/supervisor.log)"
    fi
    if [[ $name == nginx ]]; then
        reason=$(nginx_reason <"$LOGS/nginx.log")
        [[ $reason != *'Address already in use'* ]] || fail_port_taken "$1"
    else
        reason=$(last_line "$LOGS/$name.log")
    fi
    fail "$name did not start (exit code $code): ${reason:-it said nothing}"
}

# stack_runs: whether every daemon does.
stack_runs() {
    local name
    for name in "${DAEMONS[@]}"; do
        process_pid "$name" >/dev/null || return 1
    done
}

# stack_await LISTEN: returns once it answers; somebody else's answer at that address is none.
stack_await() {
    local status address log reason deadline=$((SECONDS + UP_SECONDS))
    address=$(reachable "$1")
    while true; do
        status=$(stack_health "$address")
        [[ ! -e $PIDS/failed ]] || stack_explain_failure "$1"
        process_pid supervisor >/dev/null || stack_explain_failure "$1"
        if [[ $status == 200 ]] && stack_runs; then return; fi
        if ((SECONDS >= deadline)); then
            for log in "$LOGS"/gamed*.log; do reason=$(grep -E ' (warn|error) ' "$log" | tail -n 1) && break; done
            fail "http://$address/api/room/health/ did not answer 200 within $UP_SECONDS s but $status: ${reason:-no log says why} (logs: $LOGS)"
        fi
        sleep 0.1
    done
}

# stack_guard: from here on a failed or interrupted start leaves nothing running.
stack_guard() {
    trap stack_stop EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# stack_ready BUILD-ID: it answers; from here on a daemon that dies is started again.
stack_ready() {
    printf '%s\n' "$1" >"$PIDS/build-id"
    : >"$PIDS/ready"
    trap - EXIT INT TERM HUP
}

# stack_start BUILD-ID INSTANCES
stack_start() {
    local listen=${PONG_LISTEN:-127.0.0.1:8080} state=${PONG_STATE_DIR:-$DEV/state}
    stack_guard
    mkdir -p "$PIDS"
    printf '%s\n' "$2" >"$PIDS/instances"
    daemons_know
    stack_prepare "$listen"
    mkdir -p "$state" || fail "cannot make the state folder $state"
    # The supervisor works in another folder, so its paths are absolute.
    PONG_DEV_DIR=$DEV PONG_BUILD_DIR=$BUILD PONG_STATE_DIR=$(realpath "$state") \
        PONG_WEB_ROOT=${PONG_WEB_ROOT:+$(realpath "$PONG_WEB_ROOT")} \
        PONG_API_INCLUDE=${PONG_API_INCLUDE:+$(realpath "$PONG_API_INCLUDE")} \
        setsid bash "$ROOT/scripts/dev-supervise.sh" </dev/null >>"$LOGS/supervisor.log" 2>&1 9>&- &
    process_record supervisor "$!"
    stack_settings_id "$2" >"$PIDS/settings-id"
    printf '%s\n' "$listen" >"$PIDS/listen"
    stack_await "$listen"
    stack_ready "$1"
}

# stack_restart BUILD-ID: the supervisor has the settings, secrets included, so it does the work.
stack_restart() {
    local pid tries=$(($(supervisor_stop_seconds) * 20))
    stack_guard
    rm -f "$PIDS/ready" "$PIDS/anew"
    pid=$(process_pid supervisor)
    kill -HUP "$pid"
    while [[ ! -e $PIDS/anew ]] && process_pid supervisor >/dev/null && ((tries-- > 0)); do
        sleep 0.05
    done
    stack_await "$(stack_file listen)"
    stack_ready "$1"
}

# stack_instances [--instances N]: how many instances of gamed are asked for.
stack_instances() {
    local count=${2:-}
    if (($# == 0)); then
        printf 1
        return
    fi
    [[ $1 == --instances ]] || fail "up takes --instances N and nothing else; ./dev help tells more"
    if (($# != 2)) || ! [[ $count =~ ^[1-9][0-9]?$ ]] || ((count > INSTANCES_MAX)); then
        fail "--instances must be a number from 1 to $INSTANCES_MAX"
    fi
    printf '%s' "$count"
}

# stack_up [--instances N]
stack_up() {
    local build_id address instances
    instances=$(stack_instances "$@") || exit 1
    packages_require_for_up
    [[ -n ${PONG_BUILD_DIR:-} ]] || build_make "$DEV/build" optimised
    [[ -x $BUILD/gamed/gamed && -x $BUILD/api-fcgi/api-fcgi ]] || fail "$BUILD holds no gamed/gamed and api-fcgi/api-fcgi"
    stack_lock
    build_id=$(stack_build_id)
    if process_pid supervisor >/dev/null && [[ -e $PIDS/ready ]]; then
        address=http://$(reachable "$(stack_file listen)")/
        if [[ $(stack_file build-id) == "$build_id" ]]; then
            say "already running at $address"
        else
            say 'restarting with the new build'
            stack_restart "$build_id"
            say "pong is running at $address"
        fi
        if [[ $(stack_file settings-id) != "$(stack_settings_id "$instances")" ]]; then
            say 'it keeps the settings it was started with, which are not those of this command: ./dev down, then ./dev up, changes them'
        fi
        return 0
    fi
    stack_stop
    stack_start "$build_id" "$instances"
    say "pong is running at http://$(reachable "$(stack_file listen)")/"
}

stack_down() {
    if [[ ! -d $PIDS ]]; then
        say 'nothing is running'
        return 0
    fi
    stack_lock
    stack_stop
    say 'stopped'
}

# duration SECONDS
duration() {
    printf '%d:%02d:%02d' $(($1 / 3600)) $(($1 / 60 % 60)) $(($1 % 60))
}

# status_line NAME
status_line() {
    local pid ticks up starts
    if ! pid=$(process_pid "$1"); then
        printf '%-10s not running\n' "$1"
        return
    fi
    ticks=$(process_start "$pid") || ticks=0@
    read -r up _ </proc/uptime
    starts=$(stack_file "$1.starts")
    printf '%-10s pid %-8s up %-10s restarts %s\n' "$1" "$pid" \
        "$(duration $((${up%.*} - ${ticks%@*} / $(getconf CLK_TCK))))" $((${starts:-1} - 1))
}

stack_status() {
    local name address health
    if ! process_pid supervisor >/dev/null; then
        say 'not running'
        exit 3
    fi
    for name in supervisor "${DAEMONS[@]}"; do
        status_line "$name"
    done
    address=$(reachable "$(stack_file listen)")
    health=$(stack_health "$address")
    printf '%-10s http://%s/\n%-10s %s\n' address "$address" health "$health"
    [[ $health == 200 ]] || exit 1
}

stack_logs() {
    local names=() follow=() files=() name log
    for name in "$@"; do
        case $name in
        -f) follow=(-f) ;;
        gamed | gamed-[1-9] | gamed-1[0-6] | api-fcgi | nginx | nginx-access | supervisor) names+=("$name") ;;
        *) fail "there is no log \"$name\"; ./dev help lists them" ;;
        esac
    done
    ((${#names[@]})) || names=(supervisor gamed api-fcgi nginx nginx-access)
    for name in "${names[@]}"; do
        for log in "$LOGS/$name.log" "$LOGS"/gamed-*.log; do
            if [[ -e $log && ($log == "$LOGS/$name.log" || $name == gamed) ]]; then files+=("$log"); fi
        done
    done
    ((${#files[@]})) || fail "there are no logs in $LOGS yet"
    exec tail -n 50 "${follow[@]}" "${files[@]}"
}
