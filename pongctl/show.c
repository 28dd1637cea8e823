/*
 * show: see show.h. A field that gamed did not send is shown as "-".
 */
#include "pongctl/show.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pongctl/table.h"
#include "pongctl/terminal_text.h"

enum {
    NAME_COLUMNS = 24,
    LABEL_COLUMNS = 18
};

/* ---- fields -------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

static json_int_t number_of(const json_t *object, const char *field)
{
    return json_integer_value(json_object_get(object, field));
}

static double real_of(const json_t *object, const char *field)
{
    return json_number_value(json_object_get(object, field));
}

static bool is_true(const json_t *object, const char *field)
{
    return json_is_true(json_object_get(object, field));
}

/* One line "label  value"; the value is made fit for a terminal. */
static void __attribute__((format(printf, 2, 3))) line(const char *label, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *copy = terminal_text(text, 0);
    printf("%-*s%s\n", LABEL_COLUMNS, label, copy ? copy : "(out of memory)");
    free(copy);
}

static void count_line(size_t count, const char *one, const char *many)
{
    printf("%zu %s\n", count, count == 1 ? one : many);
}

static int64_t seconds_ago(double unix_s)
{
    return (int64_t)time(NULL) - (int64_t)unix_s;
}

/* ---- rooms --------------------------------------------------------------------------- */

static void add_score(struct table *table, const json_t *object)
{
    table_addf(table, "%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT,
               number_of(object, "player_1_score"), number_of(object, "player_2_score"));
}

static void add_room(struct table *table, const json_t *room)
{
    char age[TERMINAL_TIME_SIZE];
    terminal_age(number_of(room, "age_s"), age);
    table_add(table, text_of(room, "room_code"));
    table_add(table, text_of(room, "status"));
    table_add(table, is_true(room, "withheld") ? "withheld" : text_of(room, "phase"));
    table_add(table, age);
    add_score(table, room);
    table_add(table, text_of(room, "player_1_username"));
    table_add(table, text_of(room, "player_2_username"));
    table_addf(table, "%" JSON_INTEGER_FORMAT,
               number_of(room, "sessions") - number_of(room, "spectators"));
    table_addf(table, "%" JSON_INTEGER_FORMAT, number_of(room, "spectators"));
    table_add(table, is_true(room, "public") ? "public" : "private");
}

static int show_rooms(const json_t *document)
{
    static const struct table_column columns[] = {
        {"ROOM", 0, 0},
        {"STATUS", 0, 0},
        {"PHASE", 0, 0},
        {"AGE", 0, 1},
        {"SCORE", 0, 1},
        {"PLAYER 1", NAME_COLUMNS, 0},
        {"PLAYER 2", NAME_COLUMNS, 0},
        {"HERE", 0, 1},
        {"WATCH", 0, 1},
        {"ACCESS", 0, 0},
    };
    const json_t *rooms = json_object_get(document, "rooms");
    struct table table;
    if (json_array_size(rooms) == 0) {
        printf("There are no rooms.\n");
        return 0;
    }
    table_begin(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < json_array_size(rooms); i++)
        add_room(&table, json_array_get(rooms, i));
    if (table_end(&table) != 0)
        return -1;
    count_line(json_array_size(rooms), "room", "rooms");
    return 0;
}

static void show_room_head(const json_t *room)
{
    char age[TERMINAL_TIME_SIZE], created[TERMINAL_TIME_SIZE];
    const char *pause = text_of(room, "pause"), *reason = text_of(room, "reason");
    terminal_age(number_of(room, "age_s"), age);
    terminal_time(real_of(room, "created_at"), created);
    line("room", "%s, %s", text_of(room, "room_code"),
         is_true(room, "public") ? "public" : "private");
    line("opened", "%s (%s ago)", created, age);
    line("match", "%s", text_of(room, "match_id"));
    line("status", "%s%s", text_of(room, "status"),
         is_true(room, "withheld") ? " (its end is withheld until the result is safe)" : "");
    if (json_is_integer(json_object_get(room, "steps_left")))
        line("phase", "%s%s%s, %.1f s left", text_of(room, "phase"), pause ? ": " : "",
             pause ? pause : "", (double)number_of(room, "steps_left") / 60);
    else
        line("phase", "%s%s%s", text_of(room, "phase"), pause ? ": " : "", pause ? pause : "");
    line("score",
         "%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT ", played to %" JSON_INTEGER_FORMAT,
         number_of(room, "player_1_score"), number_of(room, "player_2_score"),
         number_of(room, "winning_score"));
    if (reason && number_of(room, "winner"))
        line("result", "won by player %" JSON_INTEGER_FORMAT " (%s)", number_of(room, "winner"),
             reason);
    else if (reason)
        line("result", "nobody has won (%s)", reason);
    line("connections", "%" JSON_INTEGER_FORMAT ", of them %" JSON_INTEGER_FORMAT " spectators",
         number_of(room, "sessions"), number_of(room, "spectators"));
}

static void add_seat(struct table *table, const json_t *seat)
{
    const char *bot = text_of(seat, "bot");
    table_addf(table, "%" JSON_INTEGER_FORMAT, number_of(seat, "seat"));
    table_add(table, text_of(seat, "player_id"));
    table_add(table, text_of(seat, "username"));
    if (!is_true(seat, "held"))
        table_add(table, "free");
    else if (bot)
        table_addf(table, "bot, %s", bot);
    else
        table_addf(table, "%s%s", is_true(seat, "connected") ? "connected" : "not connected",
                   is_true(seat, "away") ? ", away" : "");
    table_addf(table, "%" JSON_INTEGER_FORMAT, number_of(seat, "pauses_left"));
    table_addf(table, "%.1f s", real_of(seat, "absence_used_s"));
}

static void add_session(struct table *table, const json_t *session)
{
    const json_int_t seat = number_of(session, "seat");
    if (seat)
        table_addf(table, "player %" JSON_INTEGER_FORMAT, seat);
    else
        table_add(table, "spectator");
    table_addf(table, "%.1f s ago", real_of(session, "heard_ms_ago") / 1000);
    table_addf(table, "%.1f s ago", real_of(session, "sent_ms_ago") / 1000);
    table_addf(table, "%" JSON_INTEGER_FORMAT, number_of(session, "events_behind"));
}

static int show_room(const json_t *document)
{
    static const struct table_column seat_columns[] = {
        {"SEAT", 0, 1},  {"PLAYER ID", 40, 0},  {"NAME", NAME_COLUMNS, 0},
        {"STATE", 0, 0}, {"PAUSES LEFT", 0, 1}, {"ABSENT", 0, 1}};
    static const struct table_column session_columns[] = {
        {"CONNECTION", 0, 0}, {"HEARD", 0, 1}, {"SENT", 0, 1}, {"EVENTS BEHIND", 0, 1}};
    const json_t *room = json_object_get(document, "room");
    const json_t *seats = json_object_get(room, "seats");
    const json_t *sessions = json_object_get(room, "session_list");
    struct table table;
    show_room_head(room);
    printf("\n");
    table_begin(&table, seat_columns, sizeof seat_columns / sizeof *seat_columns);
    for (size_t i = 0; i < json_array_size(seats); i++)
        add_seat(&table, json_array_get(seats, i));
    if (table_end(&table) != 0)
        return -1;
    if (json_array_size(sessions) == 0)
        return 0;
    printf("\n");
    table_begin(&table, session_columns, sizeof session_columns / sizeof *session_columns);
    for (size_t i = 0; i < json_array_size(sessions); i++)
        add_session(&table, json_array_get(sessions, i));
    return table_end(&table);
}

/* ---- results ------------------------------------------------------------------------- */

static void add_last_answer(struct table *table, const json_t *result)
{
    if (number_of(result, "last_status"))
        table_addf(table, "%" JSON_INTEGER_FORMAT, number_of(result, "last_status"));
    else
        table_add(table, number_of(result, "attempts") ? "no answer" : "-");
}

static void add_next_attempt(struct table *table, const json_t *result)
{
    const json_t *next = json_object_get(result, "next_attempt_at");
    char wait[TERMINAL_TIME_SIZE];
    const int64_t left = -seconds_ago(json_number_value(next));
    terminal_age(left, wait);
    if (!json_is_number(next))
        table_add(table, "-");
    else if (left <= 0)
        table_add(table, "now");
    else
        table_addf(table, "in %s", wait);
}

static void add_result(struct table *table, const json_t *result)
{
    char age[TERMINAL_TIME_SIZE];
    terminal_age(seconds_ago(real_of(result, "created_at")), age);
    table_add(table, text_of(result, "match_id"));
    table_add(table, text_of(result, "room_code"));
    table_add(table, text_of(result, "state"));
    table_add(table, age);
    add_score(table, result);
    table_add(table, text_of(result, "reason"));
    table_add(table, text_of(result, "player_1_id"));
    table_add(table, text_of(result, "player_2_id"));
    table_addf(table, "%" JSON_INTEGER_FORMAT, number_of(result, "attempts"));
    add_last_answer(table, result);
    add_next_attempt(table, result);
}

static int show_result_table(const json_t *results)
{
    static const struct table_column columns[] = {
        {"MATCH", 0, 0},
        {"ROOM", 0, 0},
        {"STATE", 0, 0},
        {"AGE", 0, 1},
        {"SCORE", 0, 1},
        {"END", 0, 0},
        {"PLAYER 1", NAME_COLUMNS, 0},
        {"PLAYER 2", NAME_COLUMNS, 0},
        {"TRIED", 0, 1},
        {"ANSWER", 0, 1},
        {"NEXT", 0, 0},
    };
    struct table table;
    table_begin(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < json_array_size(results); i++)
        add_result(&table, json_array_get(results, i));
    return table_end(&table);
}

static int show_results(const struct arguments *arguments, const json_t *document)
{
    const json_t *results = json_object_get(document, "results");
    const char *separator = "";
    if (is_true(document, "incomplete"))
        fprintf(stderr,
                "pongctl: the store of results cannot be read; this is what is in memory\n");
    if (json_array_size(results) > 0) {
        if (show_result_table(results) != 0)
            return -1;
        count_line(json_array_size(results), "result", "results");
        return 0;
    }
    printf("There are no results that are ");
    for (int i = 0; i < IPC_RESULT_STATE_COUNT; i++) {
        if (!arguments->states[i])
            continue;
        printf("%s%s", separator,
               i == IPC_RESULT_NOT_POSTED ? "not posted" : ipc_result_state_words[i]);
        separator = " or ";
    }
    printf(".\n");
    if (!arguments->states[IPC_RESULT_PENDING])
        printf("What is still tried, also after a 401, 403 or 404, is in: pongctl results\n");
    return 0;
}

static int show_retried(const json_t *document)
{
    const json_t *refused = json_object_get(document, "refused");
    const size_t count = json_array_size(json_object_get(document, "retried"));
    if (count == 0 && json_array_size(refused) == 0)
        printf("There are no failed results. What is still tried is in: pongctl results\n");
    else
        printf("%zu %s posted again; pongctl results shows what comes of it.\n", count,
               count == 1 ? "result is being" : "results are being");
    for (size_t i = 0; i < json_array_size(refused); i++) {
        const json_t *entry = json_array_get(refused, i);
        fprintf(stderr, "pongctl: %s: %s\n", text_of(entry, "match_id"), text_of(entry, "error"));
    }
    return 0;
}

/* ---- the others ---------------------------------------------------------------------- */

static void show_slots(const json_t *slots)
{
    for (size_t i = 0; i < json_array_size(slots); i++) {
        const json_t *slot = json_array_get(slots, i);
        line("slot", "%s: %s, %" JSON_INTEGER_FORMAT " rooms%s", text_of(slot, "slot"),
             text_of(slot, "state"), number_of(slot, "rooms"),
             is_true(slot, "home") ? "; new ones are opened here" : "");
    }
}

static void show_drain(const struct arguments *arguments, const json_t *document)
{
    const json_t *slots = json_object_get(document, "slots");
    if (!arguments->off && is_true(document, "draining_done"))
        printf("New rooms are refused. All slots have been handed over.\n");
    else if (!arguments->off && slots) {
        printf("New rooms are refused. To be handed over:\n");
        show_slots(slots);
    } else if (!arguments->off)
        printf("New rooms are refused. Those there are play on.\n");
    else if (is_true(document, "draining"))
        printf("gamed is about to stop, so new rooms are refused all the same.\n");
    else
        printf("New rooms are allowed.\n");
}

static int show_kick(const json_t *document)
{
    static const struct {
        const char *effect, *sentence;
    } effects[] = {
        {"freed", "the seat is free"},
        {"forfeited", "the match is forfeited to the other player"},
        {"closed", "the match was over before"},
    };
    const char *effect = text_of(document, "effect"), *sentence = effect;
    char *name = terminal_text(text_of(document, "username"), 0);
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++)
        if (effect && strcmp(effect, effects[i].effect) == 0)
            sentence = effects[i].sentence;
    if (!name)
        return -1;
    printf("%s, player %" JSON_INTEGER_FORMAT " of %s, was sent away: %s.\n", name,
           number_of(document, "seat"), text_of(document, "room_code"), sentence);
    free(name);
    return 0;
}

static void show_stats(const json_t *document)
{
    const json_t *results = json_object_get(document, "results");
    char oldest[TERMINAL_TIME_SIZE];
    terminal_age((int64_t)real_of(results, "oldest_pending_s"), oldest);
#define COUNT(label, object, field) line(label, "%" JSON_INTEGER_FORMAT, number_of(object, field))
    line("rooms",
         "%" JSON_INTEGER_FORMAT " (%" JSON_INTEGER_FORMAT " waiting, %" JSON_INTEGER_FORMAT
         " ongoing, %" JSON_INTEGER_FORMAT " finished)",
         number_of(document, "rooms"), number_of(document, "rooms_waiting"),
         number_of(document, "rooms_ongoing"), number_of(document, "rooms_finished"));
    COUNT("connections", document, "connections");
    COUNT("spectators", document, "spectators");
    COUNT("rooms opened", document, "rooms_created");
    COUNT("matches finished", document, "matches_finished");
    COUNT("updates", document, "updates");
    COUNT("updates skipped", document, "updates_skipped");
    printf("results\n");
    if (number_of(results, "pending"))
        line("  pending", "%" JSON_INTEGER_FORMAT ", the oldest for %s",
             number_of(results, "pending"), oldest);
    else
        COUNT("  pending", results, "pending");
    COUNT("  failed", results, "failed");
    COUNT("  delivered", results, "delivered");
    COUNT("  failed attempts", results, "attempts_failed");
    COUNT("  not saved yet", results, "unsaved");
    COUNT("  lost", results, "lost");
#undef COUNT
}

static void show_health(const json_t *document)
{
    const json_t *degraded = json_object_get(document, "degraded");
    line("status", "%s", text_of(document, "status"));
    for (size_t i = 0; i < json_array_size(degraded); i++)
        line("does not work", "%s", json_string_value(json_array_get(degraded, i)));
    line("new rooms", "%s", is_true(document, "draining") ? "refused (draining)" : "allowed");
    if (text_of(document, "instance"))
        line("instance", "%s", text_of(document, "instance"));
    show_slots(json_object_get(document, "slots"));
}

int show_document(const struct arguments *arguments, const json_t *document)
{
    switch (arguments->command) {
    case COMMAND_ROOMS:
        return show_rooms(document);
    case COMMAND_ROOM:
        return show_room(document);
    case COMMAND_RESULTS:
        return show_results(arguments, document);
    case COMMAND_RETRY:
        return show_retried(document);
    case COMMAND_DRAIN:
        show_drain(arguments, document);
        return 0;
    case COMMAND_KICK:
        return show_kick(document);
    case COMMAND_STATS:
        show_stats(document);
        return 0;
    case COMMAND_HEALTH:
        show_health(document);
        return 0;
    }
    return 0;
}
