/*
 * store_redis_load: see slot_load.h. Rooms come first and results after, so that a match that ended in
 * between is found to be over. It may use any link, and knows no store.
 */
#include "gamed/slot_load.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "cluster/redis_scripts.h"
#include "common/log.h"
#include "gamed/checkpoint_json.h"
#include "gamed/result_body.h"
#include "gamed/store_redis_private.h"
#include "gamed/store_redis_record.h"

enum {
    RESULTS_AT_ONCE = 512,
    UNREADABLE_AT_ONCE = 64 /* the rest is met again at the next loading */
};

#define UNREADABLE_KEPT "1000" /* the newest are enough to find out what went wrong */

static _Atomic unsigned unreadable_count;

unsigned store_redis_rooms_unreadable(void)
{
    return atomic_load(&unreadable_count);
}

/* A row that is no checkpoint, copied, since it is moved in the next round. */
struct unreadable {
    char *code; /* the hash's field */
    size_t code_size;
    char *row;
    size_t row_size;
};

struct loading {
    struct redis_link *link;
    const char *claim;
    struct slot_load *load;
    struct unreadable unreadable[UNREADABLE_AT_ONCE];
    size_t unreadable_count;
};

/* ---- rooms ----------------------------------------------------------------------------- */

static char *copy(const char *bytes, size_t size)
{
    char *out = malloc(size > 0 ? size : 1);
    if (out)
        memcpy(out, bytes, size);
    return out;
}

static void keep_aside(struct loading *loading, const redisReply *code, const redisReply *row,
                       const char *problem)
{
    struct unreadable *to = &loading->unreadable[loading->unreadable_count];
    atomic_fetch_add(&unreadable_count, 1);
    log_error("room %.6s: what was saved of it cannot be read (%s); it is kept in the list "
              "%s of Redis",
              code->str, problem, STORE_REDIS_KEY_UNREADABLE);
    if (loading->unreadable_count == UNREADABLE_AT_ONCE)
        return;
    to->row_size = row->len;
    to->row = copy(row->str, row->len);
    to->code_size = code->len;
    to->code = copy(code->str, code->len);
    if (to->row && to->code) {
        loading->unreadable_count++;
        return;
    }
    free(to->row);
    free(to->code);
}

static void take_row(struct loading *loading, const redisReply *code, const redisReply *row)
{
    struct slot_load_room *room = &loading->load->rooms[loading->load->count];
    const char *problem = checkpoint_json_read(row->str, row->len, &room->checkpoint);
    if (!problem && strcmp(room->checkpoint.room_code, code->str) != 0)
        problem = "it is another room's";
    if (!problem && code->str[0] != slot_letter(loading->load->slot))
        problem = "it is another slot's";
    if (problem)
        keep_aside(loading, code, row, problem);
    else
        loading->load->count++;
}

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

static int read_rooms(struct loading *loading, int slot)
{
    struct redisReply *const *replies;
    size_t count;
    redis_link_begin(loading->link);
    redis_link_add(loading->link, 2,
                   (const char *const[]){"HGETALL", slot_key(SLOT_KEY_ROOMS, slot)}, NULL);
    if (redis_link_run(loading->link, REDIS_LINK_ROUND_MS, &replies, &count) != REDIS_LINK_OK)
        return STORE_BROKEN;
    const redisReply *all = replies[0];
    if (all->type != REDIS_REPLY_ARRAY)
        return STORE_BROKEN;
    loading->load =
        calloc(1, sizeof *loading->load + (all->elements / 2 + 1) * sizeof loading->load->rooms[0]);
    if (!loading->load)
        return STORE_FULL;
    loading->load->slot = slot;
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        if (is_text(all->element[i]) && is_text(all->element[i + 1]))
            take_row(loading, all->element[i], all->element[i + 1]);
    }
    return STORE_OK;
}

/* ---- results, and what could not be read ------------------------------------------------- */

/* Adds the questions for all results; returns how many commands. */
static size_t ask_results(const struct loading *loading)
{
    const char *args[2 + RESULTS_AT_ONCE] = {"HMGET", REDIS_KEY_RESULTS};
    const struct slot_load *load = loading->load;
    size_t commands = 0;
    for (size_t from = 0; from < load->count; from += RESULTS_AT_ONCE, commands++) {
        size_t count = load->count - from;
        if (count > RESULTS_AT_ONCE)
            count = RESULTS_AT_ONCE;
        for (size_t i = 0; i < count; i++)
            args[2 + i] = load->rooms[from + i].checkpoint.match_id;
        redis_link_add(loading->link, (int)(2 + count), args, NULL);
    }
    return commands;
}

static void ask_to_move(const struct loading *loading)
{
    const int slot = loading->load->slot;
    const char *const keys[] = {slot_key(SLOT_KEY_LEASE, slot), slot_key(SLOT_KEY_ROOMS, slot),
                                STORE_REDIS_KEY_UNREADABLE};
    const char *args[2 + 2 * UNREADABLE_AT_ONCE] = {loading->claim, UNREADABLE_KEPT};
    size_t sizes[2 + 2 * UNREADABLE_AT_ONCE] = {strlen(loading->claim), strlen(UNREADABLE_KEPT)};
    size_t count = 2;
    if (loading->unreadable_count == 0)
        return;
    for (size_t i = 0; i < loading->unreadable_count; i++) {
        args[count] = loading->unreadable[i].code;
        sizes[count++] = loading->unreadable[i].code_size;
        args[count] = loading->unreadable[i].row;
        sizes[count++] = loading->unreadable[i].row_size;
    }
    redis_script_add(loading->link, REDIS_SCRIPT_ASIDE, 3, keys, (int)count, args, sizes);
}

static bool take_result(const redisReply *record, struct slot_load_room *room)
{
    struct outbox_entry entry;
    room->has_result =
        record->type == REDIS_REPLY_STRING &&
        store_redis_record_read(record->str, record->len, room->checkpoint.match_id, &entry) &&
        result_body_read(entry.body, entry.body_size, &room->result) == 0;
    return room->has_result || record->type == REDIS_REPLY_NIL;
}

static int take_results(struct loading *loading, struct redisReply *const *replies, size_t commands)
{
    struct slot_load *load = loading->load;
    size_t next = 0;
    for (size_t i = 0; i < commands; i++) {
        const redisReply *records = replies[i];
        if (records->type != REDIS_REPLY_ARRAY || records->elements > load->count - next)
            return STORE_BROKEN;
        for (size_t k = 0; k < records->elements; k++, next++) {
            if (!take_result(records->element[k], &load->rooms[next]))
                log_error("room %s: the result that is kept of its match cannot be read",
                          load->rooms[next].checkpoint.room_code);
        }
    }
    return next == load->count ? STORE_OK : STORE_BROKEN;
}

static int read_results(struct loading *loading)
{
    struct redisReply *const *replies;
    size_t count;
    redis_link_begin(loading->link);
    const size_t commands = ask_results(loading);
    ask_to_move(loading);
    if (commands == 0 && loading->unreadable_count == 0)
        return STORE_OK;
    if (redis_link_run(loading->link, REDIS_LINK_ROUND_MS, &replies, &count) != REDIS_LINK_OK)
        return STORE_BROKEN;
    return take_results(loading, replies, commands);
}

int slot_load_read(struct redis_link *link, int slot, const char *claim, struct slot_load **load)
{
    struct loading loading = {.link = link, .claim = claim};
    if (redis_link_open(link) != REDIS_LINK_OK)
        return STORE_BROKEN;
    int outcome = read_rooms(&loading, slot);
    if (outcome == STORE_OK)
        outcome = read_results(&loading);
    for (size_t i = 0; i < loading.unreadable_count; i++) {
        free(loading.unreadable[i].code);
        free(loading.unreadable[i].row);
    }
    if (outcome != STORE_OK) {
        free(loading.load);
        return outcome;
    }
    *load = loading.load;
    return STORE_OK;
}
