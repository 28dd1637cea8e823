#!/usr/bin/env bash
# Writes nginx's configuration into a run directory: nginx/render.sh RUN
# ./dev up, the tests and a site owner use this one script. It must start nothing, and must not put
# a value into a file that it has not checked.
#
# From the environment:
#   PONG_LISTEN                   ADDRESS:PORT of the own instance (127.0.0.1:8080)
#   PONG_API_RATE                 create, join and quick requests a second per address (20); health
#                                 gets ten times as many, and so do all other requests together
#   PONG_CONNECTIONS_PER_ADDRESS  WebSockets per address (256)
#                                 An address is an IPv4 address or the /64 of an IPv6 address.
#                                 Whoever raises it raises gamed's PONG_MAX_CONNECTIONS_PER_ADDRESS and
#                                 PONG_MAX_ROOMS_PER_ADDRESS too.
#   PONG_HANDSHAKE_RATE           WebSocket handshakes a second per address (20); at once twice as many
#                                 and one for each of its connections, as all come back after a restart
#   PONG_WEB_ROOT                 folder served at / (web/ of this tree)
#   PONG_LOG_DIR                  folder of the logs (RUN/log)
#   PONG_SOCKET_DIR               folder of the daemons' sockets, gamed.sock and api.sock (RUN)
#   PONG_UPSTREAMS                where the WebSockets of gamed are: unix:/PATH, unix:NAME for one in
#                                 PONG_SOCKET_DIR, or HOST:PORT, separated by blanks or commas (unix:gamed.sock).
#                                 Of several, api-fcgi says for each handshake which one, in the words of that
#                                 gamed's --advertise-listen or --listen. Any other is never connected to.
#   PONG_THREADS                  threads of api-fcgi (128), which bound its kept connections
#   PONG_IDENTITY_HEADER          as for api-fcgi: the header, like X-User, in which it is told who the
#                                 user is. Its value is the variable $pong_user, never the client's
#                                 header of that name. Without a value the caller is a guest.
#   PONG_METRICS_ALLOW            who may see /metrics: addresses and networks like 10.0.0.0/8 or
#                                 fd00::/8, separated by blanks or commas (127.0.0.1 ::1); an empty
#                                 list is nobody
#   PONG_CORS_ORIGINS             as for api-fcgi: origins whose pages may read the API's answers, those of
#                                 nginx included, separated by blanks or commas (none)
#   PONG_API_INCLUDE              a file of directives for the locations /api/room/ and /ws/game/, which
#                                 nginx reads at its start: the place for what sets $pong_user. For a site whose
#                                 own /session answers 200 and names who is signed in, if anybody:
#                                     auth_request /session;
#                                     auth_request_set $pong_user $upstream_http_x_user;
#                                 nginx refuses to start when nothing sets $pong_user. The location /session
#                                 needs "error_log /dev/null emerg; access_log off;": into its logs nginx
#                                 writes the line of the main request, a query with a token included.
# In RUN: nginx.conf (a complete instance) and what it includes: pong.conf for an http {} block,
# pong-routes.conf and pong-web.conf for a server {} block.
set -euo pipefail
export LC_ALL=C

readonly WORKERS=2
readonly UNIX_PATH_MAX_BYTES=107 # sun_path less its final zero
readonly UPSTREAMS_MAX=64

fail() {
    printf 'nginx/render.sh: %s\n' "$1" >&2
    exit 1
}

# require_integer NAME VALUE MIN MAX
require_integer() {
    if ! [[ $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] || (($2 < $3 || $2 > $4)); then
        fail "$1 must be a whole number from $3 to $4, not \"$2\""
    fi
}

# require_address VALUE NAME EXPECTED: an address or a host name, a colon, a port; of the variable NAME.
require_address() {
    local host=${1%:*} port=${1##*:} expected=$3
    [[ $1 == *:* ]] || fail "$expected, not \"$1\""
    require_integer "the port in $2=$1" "$port" 1 65535
    if [[ $host =~ ^[0-9.]+$ ]]; then
        is_ipv4 "$host" || fail "$expected, not \"$1\""
    elif ! [[ $host =~ ^\[[0-9a-fA-F:.]+\]$ || $host =~ ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ ]]; then
        fail "$expected, not \"$1\""
    fi
}

# require_path NAME PATH: what nginx can be told between double quotes. A dollar sign it cannot: that
# would be a variable.
require_path() {
    if [[ $2 == *'$'* || $2 == *[[:cntrl:]]* ]]; then
        fail "$1 may not contain a dollar sign or a control character: \"$2\""
    fi
}

# param_line HEADER: what makes a user known to api-fcgi.
param_line() {
    local param=HTTP_${1//-/_}
    [[ -n $1 ]] || return 0
    printf '    # Who the site says the user is: a variable, which no client can set.\n'
    # shellcheck disable=SC2016 # nginx's variable
    printf '    fastcgi_param %s $pong_user if_not_empty;\n' "${param^^}"
}

# include_line FILE: what sets that variable.
include_line() {
    [[ -z $1 ]] || printf '    include "%s";\n' "$(quoted "$1")"
}

# cors_lines LIST: the entries of a map from what a request says to the same, where it is in the list.
cors_lines() {
    local origin
    for origin in ${1//,/ }; do
        [[ $origin =~ ^https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$ ]] ||
            fail "PONG_CORS_ORIGINS must list origins like https://www.example.org, not \"$origin\""
        printf '    "%s" "%s";\n' "$origin" "$origin"
    done
}

# error_headers LIST: the headers of nginx's own errors.
error_headers() {
    printf '        add_header Cache-Control no-store always;\n'
    [[ -n ${1//[ ,]/} ]] || return 0
    printf '        add_header Vary Origin always;\n'
    # shellcheck disable=SC2016 # nginx's variables
    printf '        add_header %s always;\n' 'Access-Control-Allow-Origin $pong_cors_origin' \
        'Access-Control-Allow-Credentials $pong_cors_credentials' \
        'Access-Control-Expose-Headers $pong_cors_exposed'
}

# require_identity_header NAME
require_identity_header() {
    local param=HTTP_${1//-/_}
    [[ $1 =~ ^[A-Za-z0-9-]{1,63}$ ]] ||
        fail "PONG_IDENTITY_HEADER must be a header's name of letters, digits and '-', not \"$1\""
    ! grep -q "fastcgi_param ${param^^} " "$here/pong-routes.conf.in" ||
        fail "PONG_IDENTITY_HEADER cannot be $1, which is the client's own"
}

# is_ipv4 TEXT, is_ipv6 TEXT
is_ipv4() {
    local octet
    [[ $1 =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}$ ]] || return 1
    for octet in ${1//./ }; do
        ((10#$octet <= 255)) || return 1
    done
}

is_ipv6() {
    local groups=${1//[^:]/} rest=${1/::/}
    [[ $1 == *:* && $1 =~ ^([0-9a-fA-F]{0,4}:)*[0-9a-fA-F]{0,4}$ && $1 != *:::* && $rest != *::* ]] || return 1
    # A single colon at an end is half of one in between.
    [[ $1 != :[!:]* && $1 != *[!:]: ]] || return 1
    if [[ $1 == *::* ]]; then ((${#groups} <= 7)); else ((${#groups} == 7)); fi
}

# allow_lines LIST: nginx's words for the addresses and networks of the list.
allow_lines() {
    local entry address bits max
    for entry in ${1//,/ }; do
        address=${entry%/*}
        max=32
        if ! is_ipv4 "$address"; then
            max=128
            is_ipv6 "$address" ||
                fail "PONG_METRICS_ALLOW must list addresses and networks like 127.0.0.1 or fd00::/8, not \"$entry\""
        fi
        if [[ $entry == */* ]]; then
            bits=${entry##*/}
            require_integer "the length of the network $entry in PONG_METRICS_ALLOW" "$bits" 0 "$max"
        fi
        printf '    allow %s;\n' "$entry"
    done
}

# upstream_addresses LIST: the addresses, as nginx and gamed write them, one a line.
upstream_addresses() {
    local entry path
    local expected='PONG_UPSTREAMS must list addresses like unix:/run/pong/gamed-A.sock or 10.0.0.5:7000'
    for entry in ${1//,/ }; do
        if [[ $entry != unix:* ]]; then
            require_address "$entry" PONG_UPSTREAMS "$expected"
            printf '%s\n' "$entry"
            continue
        fi
        path=${entry#unix:}
        [[ $path =~ ^[A-Za-z0-9_./+@%=-]+$ ]] || fail "$expected, not \"$entry\""
        [[ $path == /* ]] || path=$sockets/$path
        ((${#path} <= UNIX_PATH_MAX_BYTES)) ||
            fail "the path is too long for a unix socket ($UNIX_PATH_MAX_BYTES bytes) in PONG_UPSTREAMS: \"$entry\""
        printf 'unix:%s\n' "$path"
    done
}

# upstream_blocks: nginx's words for each of upstreams[].
upstream_blocks() {
    local i
    for ((i = 0; i < ${#upstreams[@]}; i++)); do
        printf 'upstream pong_gamed_%d {\n    server "%s" max_fails=0;\n}\n' $((i + 1)) "$(quoted "${upstreams[i]}")"
    done
}

# upstream_map: the entries of a map from an address to the upstream of it. Regular expressions, since nginx
# bounds the length of plain keys and overlooks their case.
upstream_map() {
    local i pattern
    for ((i = 0; i < ${#upstreams[@]}; i++)); do
        # shellcheck disable=SC2001 # a class of characters, each put behind a backslash
        pattern=$(sed 's/[^A-Za-z0-9_/:-]/\\&/g' <<<"${upstreams[i]}")
        printf '    "~^%s$" pong_gamed_%d;\n' "$(quoted "$pattern")" $((i + 1))
    done
}

quoted() {
    local path=${1//\\/\\\\}
    printf "%s" "${path//\"/\\\"}"
}

# render TEMPLATE: RUN/TEMPLATE from TEMPLATE.in, written whole or not at all.
render() {
    local text rendered=
    text=$(<"$here/$1.in")
    # One pass from left to right, so that a value which looks like a name stays as it is.
    while [[ $text =~ @([A-Z_]+)@ ]]; do
        rendered+=${text%%"${BASH_REMATCH[0]}"*}${values[${BASH_REMATCH[1]}]}
        text=${text#*"${BASH_REMATCH[0]}"}
    done
    printf "%s\n" "$rendered$text" >"$run/.$1.new"
    mv "$run/.$1.new" "$run/$1"
}

[[ $# -eq 1 && -n $1 ]] || fail 'usage: nginx/render.sh RUN'
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1" || fail "cannot make the run directory $1"
run=$(cd "$1" && pwd)

listen=${PONG_LISTEN:-127.0.0.1:8080}
rate=${PONG_API_RATE:-20}
connections=${PONG_CONNECTIONS_PER_ADDRESS:-256}
handshake_rate=${PONG_HANDSHAKE_RATE:-20}
threads=${PONG_THREADS:-128}
identity_header=${PONG_IDENTITY_HEADER:-}
api_include=${PONG_API_INCLUDE:-}
cors_origins=${PONG_CORS_ORIGINS:-}
metrics_allow=${PONG_METRICS_ALLOW-127.0.0.1 ::1}
web_root=${PONG_WEB_ROOT:-$(dirname "$here")/web}
log=${PONG_LOG_DIR:-$run/log}

require_address "$listen" PONG_LISTEN 'PONG_LISTEN must be ADDRESS:PORT, like 127.0.0.1:8080 or [::1]:8080'
# Read as words: a star in it would else be the names of files.
set -f
metrics_allow=$(allow_lines "$metrics_allow")
cors_map=$(cors_lines "$cors_origins")
set +f
require_integer PONG_API_RATE "$rate" 1 1000000
require_integer PONG_CONNECTIONS_PER_ADDRESS "$connections" 1 65535
require_integer PONG_HANDSHAKE_RATE "$handshake_rate" 1 1000000
require_integer PONG_THREADS "$threads" 1 1024
[[ -d $web_root ]] || fail "PONG_WEB_ROOT is not a folder: \"$web_root\""
mkdir -p "$log" "$run/tmp" || fail "cannot make the folders $log and $run/tmp"
web_root=$(cd "$web_root" && pwd)
log=$(cd "$log" && pwd)
sockets=${PONG_SOCKET_DIR:-$run} # it need not be there yet
[[ $sockets == /* ]] || fail "PONG_SOCKET_DIR must be an absolute path, not \"$sockets\""
if ((${#sockets} + 11 > UNIX_PATH_MAX_BYTES)); then # 11: "/gamed.sock"
    fail "the run directory's path is too long for a unix socket in it ($UNIX_PATH_MAX_BYTES bytes): \"$sockets\""
fi

require_path "the path of the run directory" "$run"
require_path PONG_SOCKET_DIR "$sockets"
require_path PONG_LOG_DIR "$log"
require_path PONG_WEB_ROOT "$web_root"
# Named in a list, an address has nothing that needs care; the folder of the sockets may have.
set -f
upstream_list=$(upstream_addresses "${PONG_UPSTREAMS:-unix:gamed.sock}")
set +f
[[ -n $upstream_list ]] || fail 'PONG_UPSTREAMS names no address'
mapfile -t upstreams <<<"$upstream_list"
((${#upstreams[@]} <= UPSTREAMS_MAX)) || fail "PONG_UPSTREAMS lists more than $UPSTREAMS_MAX addresses"
twice=$(printf '%s\n' "${upstreams[@]}" | sort | uniq -d | head -n 1)
[[ -z $twice ]] || fail "PONG_UPSTREAMS lists an address twice: \"$twice\""

[[ -z $identity_header ]] || require_identity_header "$identity_header"
if [[ -n $api_include ]]; then
    [[ -f $api_include && -r $api_include ]] || fail "PONG_API_INCLUDE is not a file to be read: \"$api_include\""
    api_include=$(realpath "$api_include")
    require_path PONG_API_INCLUDE "$api_include"
    [[ $api_include != *[\*\?\[]* ]] || fail "PONG_API_INCLUDE cannot hold '*', '?' or '[': \"$api_include\""
fi

open_files=$(ulimit -Hn)
if [[ $open_files == unlimited ]] || ((open_files > 65536)); then
    open_files=65536
fi
# Half of api-fcgi's threads at most are held by idle kept connections.
keepalive=$((threads / 2 / WORKERS))

declare -A values=(
    [USER]=''
    [LISTEN]=$listen
    [SOCKETS]=$(quoted "$sockets")
    [UPSTREAMS]=$(upstream_blocks)
    [UPSTREAM_MAP]=$(upstream_map)
    [LOG]=$(quoted "$log")
    [WEB_ROOT]=$(quoted "$web_root")
    [WORKERS]=$WORKERS
    [OPEN_FILES]=$open_files
    [WORKER_CONNECTIONS]=$((open_files < 20000 ? open_files : 20000))
    [API_RATE]=$rate
    [API_BURST]=$((rate * 2))
    [API_RATE_OTHER]=$((rate * 10))
    [API_BURST_OTHER]=$((rate * 20))
    [API_KEEPALIVE]=$((keepalive > 0 ? keepalive : 1))
    [API_IDENTITY]=$(param_line "$identity_header" && include_line "$api_include")
    [ADMIT_IDENTITY]=$(param_line "$identity_header")
    [WS_IDENTITY]=$(include_line "$api_include")
    [METRICS_ALLOW]=$metrics_allow
    [CORS_MAP]=$cors_map
    [ERROR_HEADERS]=$(error_headers "$cors_origins")
    [CONNECTIONS_PER_ADDRESS]=$connections
    [HANDSHAKE_RATE]=$handshake_rate
    [HANDSHAKE_BURST]=$((handshake_rate * 2 + connections))
)
# Started by root, nginx would give its workers to "nobody", who reaches neither the sockets nor a
# web root below /root. They stay the caller's, as they do for every other user.
if ((EUID == 0)); then
    values[USER]="user $(id -un) $(id -gn);"
fi

for template in pong.conf pong-routes.conf pong-web.conf nginx.conf; do
    render "$template"
done
