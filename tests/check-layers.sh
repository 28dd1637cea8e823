#!/bin/sh
# Checks who includes whom in cluster/, gamed/, ipc/, api-fcgi/, pongctl/, common/ and bench/load/ against the two tables below,
# which are the architecture's layers. A file without a row is an error: each new module gets its
# place on purpose. It reads sources only and must not need a compiler or a build.
#
# Usage: check-layers.sh [SOURCE-DIR]     (else $srcdir, else the folder above this script)
# Exit code: 0 the layers hold, 1 violations (each printed as file:line: …), 2 nothing to check.
set -eu
export LC_ALL=C

# module: what it may include besides its own header. FOLDER/* is all of that folder; store_* any
# module of that name. Each module is a .c and a .h of that name, or one of them.
ours() {
    cat <<'TABLE'
common/text             common/random
common/random           -
common/digest           -
common/cookie           -
common/seat_cookies     common/cookie common/random
common/unix_socket      -
common/clock            -
common/thread           -
common/histogram        -
common/bucket           -
common/pool             -
common/process_stats    -
common/room_options     -
common/log              common/text
common/failpoint        -
common/variables        common/log
common/options          common/text common/log common/variables
common/privileges       common/log
common/*                common/*

cluster/slot_keys       common/random common/text
# It has the scripts loaded, by their texts, and knows nothing else of them.
cluster/redis_link      cluster/redis_reader cluster/redis_scripts cluster/redis_socket cluster/redis_url common/*
cluster/redis_reader    -
cluster/redis_url       -
cluster/redis_socket    cluster/redis_url cluster/name_lookup common/*
cluster/name_lookup     common/thread
cluster/redis_scripts   cluster/redis_link
cluster/instance_record cluster/redis_link cluster/redis_scripts cluster/slot_keys common/*

gamed/pong              -
gamed/match_result      common/random common/text
gamed/bot               gamed/pong common/room_options
gamed/game_state        gamed/pong common/clock gamed/match_result common/random common/text gamed/checkpoint common/digest
gamed/tickets           common/clock common/random common/text
gamed/tally             common/digest common/random
gamed/read_limit        common/bucket common/clock
gamed/read_watch        gamed/read_limit common/clock
gamed/player_session    gamed/tickets gamed/tally gamed/pong gamed/bot gamed/game_state common/clock common/random common/text
gamed/game_manager      gamed/game_manager_private cluster/slot_keys gamed/tally gamed/tickets gamed/game_state gamed/player_session common/clock common/histogram common/pool gamed/match_result common/random common/text
gamed/game_manager_*    gamed/game_manager_private cluster/slot_keys gamed/tally gamed/tickets gamed/game_manager gamed/game_state gamed/player_session common/clock gamed/match_result common/random common/text gamed/checkpoint common/digest common/pool
gamed/game_state_*      gamed/game_state
# what is kept of a room, by value
gamed/checkpoint        gamed/pong gamed/bot gamed/match_result common/digest common/random common/text
gamed/checkpoint_*      gamed/checkpoint gamed/checkpoint_row gamed/pong common/*
gamed/messages          gamed/pong gamed/game_state common/random common/text
gamed/messages_*        gamed/messages gamed/pong gamed/game_state common/random common/text
gamed/updates           gamed/pong gamed/game_state
gamed/handshake         gamed/game_manager common/random common/seat_cookies common/text
gamed/game_output       gamed/game_manager gamed/messages gamed/updates common/*
gamed/game_output_*      gamed/game_output gamed/game_manager gamed/messages gamed/updates common/*
gamed/game_input        gamed/game_output gamed/game_manager gamed/messages gamed/messages_cache gamed/updates common/*
gamed/loop              common/*
gamed/game_consumer     gamed/tickets gamed/loop gamed/read_limit gamed/read_watch gamed/game_input gamed/game_output gamed/game_manager gamed/messages gamed/updates gamed/handshake common/*
gamed/ipc_endpoint      gamed/slot_owner cluster/slot_keys gamed/tickets gamed/game_manager gamed/messages ipc/ipc_message ipc/ipc_sequence ipc/ipc_server common/*
gamed/control_rooms     gamed/game_manager gamed/messages ipc/ipc_message
gamed/control_results   gamed/game_history gamed/ipc_endpoint gamed/messages ipc/ipc_message ipc/ipc_server common/*
gamed/control_slots     gamed/slot_owner cluster/slot_keys
gamed/control_endpoint  gamed/slot_owner gamed/control_slots gamed/control_rooms gamed/control_results gamed/game_history gamed/game_manager gamed/ipc_endpoint ipc/ipc_message ipc/ipc_server common/*
gamed/retry             common/random
gamed/store             gamed/retry gamed/match_result common/random common/text gamed/checkpoint
gamed/slots             cluster/slot_keys common/*
gamed/slot_rules        gamed/slots cluster/slot_keys cluster/instance_record
gamed/slot_machine      gamed/slot_rules cluster/slot_keys cluster/instance_record
gamed/slot_load         gamed/checkpoint gamed/match_result cluster/redis_link
gamed/slot_keeper*      gamed/slot_keeper gamed/slot_keeper_private gamed/slots gamed/slot_rules gamed/slot_machine gamed/slot_load cluster/* common/*
gamed/slot_owner        gamed/slots gamed/slot_keeper gamed/slot_load gamed/game_manager gamed/room_keeper gamed/game_history common/*
gamed/store_redis_record gamed/store gamed/retry cluster/slot_keys common/random
gamed/store_redis*      gamed/store gamed/store_redis gamed/store_redis_private gamed/store_redis_record gamed/slots gamed/slot_load gamed/result_body gamed/retry gamed/match_result gamed/checkpoint gamed/checkpoint_json cluster/* common/*
gamed/store_*           gamed/store gamed/retry gamed/match_result common/* gamed/store_sqlite_private gamed/store_sqlite_file gamed/store_sqlite_aside gamed/checkpoint gamed/checkpoint_row
gamed/result_body       gamed/match_result common/random common/text
gamed/result_mailbox    gamed/match_result
gamed/result_post       gamed/retry common/random common/text
gamed/result_delivery   gamed/result_post gamed/result_outbox gamed/retry gamed/store common/failpoint common/histogram common/log common/random
gamed/result_copies     gamed/store
gamed/result_outbox     gamed/result_copies gamed/store common/log
gamed/result_query      gamed/result_outbox gamed/result_body gamed/match_result gamed/store
gamed/game_history      gamed/store gamed/retry gamed/match_result gamed/result_body gamed/result_mailbox gamed/result_post gamed/result_delivery common/* gamed/result_outbox gamed/result_query
gamed/reload            gamed/game_history common/*
gamed/room_backlog      gamed/checkpoint common/*
gamed/room_mailbox      gamed/checkpoint
gamed/room_keeper       gamed/room_backlog gamed/room_mailbox gamed/checkpoint gamed/store common/clock common/*
gamed/stored_ids        common/random
gamed/metrics_report    gamed/slot_keeper gamed/slot_owner cluster/slot_keys gamed/game_consumer gamed/game_history gamed/game_manager gamed/ipc_endpoint gamed/loop gamed/room_keeper gamed/store gamed/tickets ipc/ipc_message ipc/metric_families common/*
gamed/slot_lock         common/*
gamed/left_state        gamed/slot_lock gamed/store gamed/checkpoint common/*
gamed/slot_owner        gamed/slots gamed/slot_keeper gamed/slot_load gamed/game_manager gamed/room_keeper gamed/game_history cluster/slot_keys common/*
# config.h gathers the options of the modules that have any.
gamed/config            cluster/redis_link gamed/slot_rules gamed/tickets gamed/messages gamed/game_consumer gamed/game_history gamed/game_manager gamed/ipc_endpoint common/*
gamed/main              gamed/* ipc/* cluster/* common/*

ipc/ipc_message         common/random common/room_options common/text
ipc/ipc_socket          common/*
ipc/metric_families     common/histogram common/process_stats
ipc/ipc_sequence        ipc/ipc_message
# Of the client it knows the names of failures alone.
ipc/ipc_lane            ipc/ipc_client ipc/ipc_sequence common/*
ipc/ipc_client          ipc/ipc_lane ipc/ipc_message ipc/ipc_socket common/*
ipc/ipc_server          ipc/ipc_message ipc/ipc_socket common/*

api-fcgi/request        common/random common/seat_cookies common/text
api-fcgi/response       common/random common/text
api-fcgi/router         api-fcgi/request api-fcgi/response
api-fcgi/identity       api-fcgi/request common/*
api-fcgi/shared_identity api-fcgi/identity api-fcgi/request
api-fcgi/reload         api-fcgi/shared_identity api-fcgi/identity common/*
api-fcgi/room_fields    api-fcgi/request ipc/ipc_message common/*
api-fcgi/instance_table cluster/slot_keys
api-fcgi/instance_source api-fcgi/instance_table cluster/* ipc/ipc_client ipc/ipc_message common/*
api-fcgi/instance_reader api-fcgi/instance_table cluster/* common/*
api-fcgi/instances*     api-fcgi/instances api-fcgi/instances_private api-fcgi/instance_table api-fcgi/instance_source api-fcgi/instance_reader cluster/* ipc/ipc_client common/*
api-fcgi/gamed_route    api-fcgi/instances api-fcgi/gamed_question api-fcgi/metrics ipc/ipc_client ipc/ipc_message common/*
api-fcgi/gamed_survey   api-fcgi/instances api-fcgi/gamed_question api-fcgi/metrics ipc/ipc_client ipc/ipc_message common/*
api-fcgi/query          -
api-fcgi/cors           api-fcgi/request api-fcgi/response
api-fcgi/gamed_question api-fcgi/metrics ipc/ipc_client ipc/ipc_message common/*
api-fcgi/admit_api      api-fcgi/instances api-fcgi/gamed_route api-fcgi/query api-fcgi/metrics api-fcgi/request api-fcgi/response api-fcgi/identity api-fcgi/shared_identity ipc/ipc_client ipc/ipc_message common/*
api-fcgi/room_api       api-fcgi/instances api-fcgi/gamed_route api-fcgi/gamed_survey api-fcgi/metrics api-fcgi/room_fields api-fcgi/request api-fcgi/response api-fcgi/router api-fcgi/identity api-fcgi/shared_identity ipc/ipc_client ipc/ipc_message common/*
api-fcgi/metrics        api-fcgi/router ipc/ipc_client ipc/ipc_message ipc/metric_families common/*
api-fcgi/exposition     ipc/metric_families
api-fcgi/metrics_api    api-fcgi/instances api-fcgi/metrics api-fcgi/exposition api-fcgi/response ipc/ipc_client ipc/ipc_message ipc/metric_families common/*
api-fcgi/service        api-fcgi/admit_api api-fcgi/cors api-fcgi/shared_identity api-fcgi/room_api api-fcgi/metrics_api api-fcgi/metrics api-fcgi/request api-fcgi/response api-fcgi/router common/clock
api-fcgi/fcgi_*         api-fcgi/request api-fcgi/response common/*
api-fcgi/main           api-fcgi/* cluster/redis_link ipc/ipc_client ipc/ipc_message common/*

pongctl/arguments       ipc/ipc_message common/random common/text
pongctl/gamed_call      ipc/ipc_client ipc/ipc_message common/*
pongctl/commands        pongctl/arguments pongctl/gamed_call ipc/ipc_message
pongctl/terminal_text   common/text
pongctl/table           pongctl/terminal_text
pongctl/show            pongctl/arguments pongctl/table pongctl/terminal_text ipc/ipc_message
pongctl/main            pongctl/* common/*

# The load shares with the server what both sides of the wire compute, nothing else; a wire_* is all that knows a server.
bench/load/prediction   gamed/pong gamed/updates
bench/load/player       gamed/pong
bench/load/wire         -
bench/load/wire_v2      bench/load/load bench/load/wire bench/load/gamed_seats bench/load/player bench/load/prediction bench/load/scan bench/load/step_clock gamed/pong gamed/updates
bench/load/wire_v1      bench/load/load bench/load/wire bench/load/gamed_seats bench/load/player bench/load/scan gamed/pong
bench/load/wire_*       bench/load/load bench/load/wire bench/load/scan bench/load/player bench/load/colyseus_patch gamed/updates
bench/load/gamed_seats  bench/load/load bench/load/wire bench/load/scan
bench/load/options      bench/load/target bench/load/wire
bench/load/load         bench/load/cadence bench/load/latency bench/load/moments bench/load/options bench/load/pace bench/load/speed bench/load/timers bench/load/wire
bench/load/pace         bench/load/moments
bench/load/rest         bench/load/target
bench/load/client       bench/load/load bench/load/frames bench/load/target
bench/load/seats        bench/load/load bench/load/rest bench/load/client
bench/load/level        bench/load/load bench/load/seats bench/load/client bench/load/processes bench/load/cadence bench/load/latency
bench/load/report       bench/load/level bench/load/load bench/load/latency
bench/load/rest_only    bench/load/options bench/load/rest bench/load/gamed_seats bench/load/latency bench/load/level bench/load/processes bench/load/report
bench/load/main         bench/load/level bench/load/processes bench/load/report bench/load/rest_only
bench/load/*            -
TABLE
}

# header of a library: the only files that may include it, or after ! the only ones that may not.
# A name that ends in / is every header below it.
libraries() {
    cat <<'TABLE'
libwebsockets.h         gamed/game_consumer.c gamed/loop.c gamed/loop.h
uv.h                    gamed/loop.c
nng/                    ipc/ipc_client.c ipc/ipc_server.c ipc/ipc_socket.c ipc/ipc_socket.h
curl/                   gamed/game_history.c gamed/result_post.* gamed/result_delivery.*
fcgiapp.h               api-fcgi/main.c api-fcgi/fcgi_*
fcgios.h                api-fcgi/main.c api-fcgi/fcgi_*
fcgi_stdio.h            -
sqlite3.h               gamed/store_sqlite*
hiredis/                cluster/redis_link.* cluster/redis_reader.c cluster/instance_record.c gamed/store_redis* gamed/slot_keeper*
openssl/ssl.h           cluster/redis_socket.c
jansson.h               ! gamed/pong.* gamed/bot.* gamed/game_state.* gamed/player_session.* gamed/game_manager* gamed/loop.* gamed/updates.*
stdio.h                 ! gamed/pong.* gamed/bot.*
stdlib.h                ! gamed/pong.* gamed/bot.*
time.h                  ! gamed/pong.* gamed/bot.* gamed/game_state.* gamed/player_session.* gamed/game_manager*
sys/                    ! gamed/pong.* gamed/bot.* gamed/game_state.* gamed/player_session.* gamed/game_manager*
unistd.h                ! gamed/pong.* gamed/bot.* gamed/game_state.* gamed/player_session.* gamed/game_manager*
pthread.h               ! gamed/pong.* gamed/bot.* gamed/game_state.* gamed/player_session.* gamed/game_manager*
TABLE
}

# The sources are read after the tables, which awk gets as its first two inputs.
check() {
    awk '
    function base(path) { sub(/.*\//, "", path); return path }
    function module(path) { sub(/\.[ch]$/, "", path); return path }
    # A star matches what follows, except a slash; everything else stands for itself.
    function matches(name, pattern, regex) {
        regex = pattern
        gsub(/[.+]/, "[&]", regex)
        gsub(/\*/, "[^/]*", regex)
        return name ~ ("^" regex "$")
    }
    function listed(name, list, words, count, i) {
        count = split(list, words, " ")
        for (i = 1; i <= count; i++)
            if (matches(name, words[i])) return 1
        return 0
    }
    # The row of a module; one with a star is for modules that have none of their own.
    function row(name, i) {
        if (name in allowed) return name
        for (i = 1; i <= patterns; i++)
            if (matches(name, pattern[i])) return pattern[i]
        return ""
    }
    function violation(text) {
        printf "%s:%d: %s\n", FILENAME, FNR, text
        violations++
    }
    # Our own header by the name given in an include, as FOLDER/NAME.h; "" when it is not ours.
    function resolve(name, local) {
        gsub(/(^|\/)\.\.?\//, "/", name)
        sub(/^\/+/, "", name)
        if (name in header) return name
        if (!local || name ~ /\//) return ""
        if ((folder "/" name) in header) return folder "/" name
        return (name in by_base) ? by_base[name] : ""
    }
    function check_ours(target, name) {
        name = module(target)
        if (name == self || listed(name, allowed[rule])) return
        violation("may not include " target)
    }
    function check_library(name, i, denied) {
        for (i = 1; i <= libraries; i++) {
            if (name != library[i] && !(library[i] ~ /\/$/ && index(name, library[i]) == 1)) continue
            denied = files[i] ~ /^!/
            if (listed(FILENAME, files[i]) == denied) violation("may not include <" name ">")
        }
    }
    BEGIN {
        for (i = 3; i < ARGC; i++)
            if (ARGV[i] ~ /\.h$/) { header[ARGV[i]] = 1; by_base[base(ARGV[i])] = ARGV[i] }
    }
    FNR == 1 { input++ }
    input <= 2 {
        if (NF == 0 || /^#/) next
        name = $1
        sub(/^[ \t]*[^ \t]+[ \t]+/, "")
        if (input == 2) { libraries++; library[libraries] = name; files[libraries] = $0; next }
        allowed[name] = $0
        if (name ~ /\*/) pattern[++patterns] = name
        next
    }
    FNR == 1 {
        self = module(FILENAME)
        folder = FILENAME
        sub(/\/[^\/]*$/, "", folder)
        rule = row(self)
        if (rule == "") violation("has no row in the table of tests/check-layers.sh")
    }
    rule != "" && /^[ \t]*#[ \t]*include/ {
        line = $0
        sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
        quote = substr(line, 1, 1)
        if (quote != "\"" && quote != "<") { violation("includes a macro, which cannot be checked"); next }
        name = substr(line, 2)
        sub(quote == "<" ? ">.*" : "\".*", "", name)
        target = resolve(name, quote == "\"")
        if (target != "") check_ours(target)
        else if (name == "config.h") next
        else if (quote == "\"") violation("includes \"" name "\", which is no header of ours")
        else check_library(name)
    }
    END {
        if (violations) printf "check-layers: %d violation%s\n", violations, violations == 1 ? "" : "s"
        else printf "check-layers: %d files, no violation\n", ARGC - 3
        exit violations > 0
    }' "$@"
}

cd "${1:-${srcdir:-$(dirname "$0")/..}}"
tables=$(mktemp -d)
trap 'rm -rf "$tables"' EXIT
ours >"$tables/ours"
libraries >"$tables/libraries"

set --
for folder in common cluster gamed ipc api-fcgi pongctl bench/load; do
    for file in "$folder"/*.[ch]; do
        [ -e "$file" ] && set -- "$@" "$file"
    done
done
if [ $# -eq 0 ]; then
    echo "check-layers: no sources in $(pwd)" >&2
    exit 2
fi
check "$tables/ours" "$tables/libraries" "$@"
