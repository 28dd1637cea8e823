/*
 * slot_keeper_round: one round of slot_keeper with Redis: slot_machine's questions as scripts, what was
 * answered back to it, and what has become true of it to `slots` and as news to the loop.
 */
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "cluster/redis_scripts.h"
#include "common/log.h"
#include "gamed/slot_keeper_private.h"
#include "gamed/slot_load.h"

enum {
    NUMBER_SIZE = 24,
    NS_PER_MS = 1000000
};

/* ---- what has become true -------------------------------------------------------------------- */

static void tell(struct slot_keeper *keeper, enum slot_news_kind kind, int slot)
{
    slot_keeper_put(keeper, &(struct slot_news){.kind = kind, .slot = slot});
}

static void begin_load(struct slot_keeper *keeper, int slot)
{
    keeper->is_to_load[slot] = true;
    keeper->load_tries[slot] = 0;
    log_info("slot %c is this process' now, as %s", slot_letter(slot),
             keeper->machine.own[slot].is_home ? "its home" : "one more");
}

static void carry_out_one(struct slot_keeper *keeper, const struct slot_turn *turn)
{
    const int slot = turn->slot;
    switch (turn->kind) {
    case SLOT_TURN_SET:
        slots_set(keeper->slots, slot, keeper->machine.own[slot].claim);
        break;
    case SLOT_TURN_EXTEND:
        slots_extend(keeper->slots, slot, turn->until_ms * NS_PER_MS);
        break;
    case SLOT_TURN_SUSPEND:
        slots_suspend(keeper->slots, slot);
        break;
    case SLOT_TURN_CLEAR:
        slots_clear(keeper->slots, slot);
        keeper->is_to_load[slot] = false;
        break;
    case SLOT_TURN_LOAD:
        begin_load(keeper, slot);
        break;
    case SLOT_TURN_DROP:
        log_warn("slot %c is not this process' any more", slot_letter(slot));
        tell(keeper, SLOT_NEWS_DROP, slot);
        break;
    case SLOT_TURN_RELEASED:
        log_info("slot %c is empty and released", slot_letter(slot));
        tell(keeper, SLOT_NEWS_RELEASED, slot);
        break;
    case SLOT_TURN_REFUSED:
        tell(keeper, SLOT_NEWS_REFUSED, slot);
        break;
    case SLOT_TURN_NOT_HANDED:
        log_warn("slot %c can be handed over to nobody", slot_letter(slot));
        tell(keeper, SLOT_NEWS_NOT_HANDED, slot);
        break;
    case SLOT_TURN_REWRITE:
        log_info("after a break with Redis all rooms and results are written anew");
        tell(keeper, SLOT_NEWS_REWRITE, -1);
        break;
    }
}

static void carry_out(struct slot_keeper *keeper)
{
    const struct slot_machine *machine = &keeper->machine;
    for (size_t i = 0; i < keeper->turns.count; i++)
        carry_out_one(keeper, &keeper->turns.turns[i]);
    keeper->turns.count = 0;
    for (int i = 0; i < SLOT_COUNT; i++)
        atomic_store(&keeper->phases[i], (int)machine->view.phase[i]);
    atomic_store(&keeper->home, machine->view.home);
    atomic_store(&keeper->claims, machine->claims);
    atomic_store(&keeper->lost, machine->lost);
    atomic_store(&keeper->handed, machine->handed);
    atomic_store(&keeper->released, machine->released);
}

/* One a round: the others' leases are renewed in between. */
static void load_next(struct slot_keeper *keeper)
{
    int slot = 0;
    while (slot < SLOT_COUNT && !keeper->is_to_load[slot])
        slot++;
    if (slot == SLOT_COUNT || !redis_link_is_open(keeper->link))
        return;
    struct slot_news news = {
        .kind = SLOT_NEWS_LOADED, .slot = slot, .is_home = keeper->machine.view.home == slot};
    if (slot_load_read(keeper->link, slot, keeper->machine.own[slot].claim, &news.load) == 0) {
        keeper->is_to_load[slot] = false;
        slot_machine_loaded(&keeper->machine, slot, true);
        slot_keeper_put(keeper, &news);
    } else if (++keeper->load_tries[slot] >= SLOT_LOAD_TRIES) {
        keeper->is_to_load[slot] = false;
        log_error("the rooms of slot %c cannot be read; it is left to others", slot_letter(slot));
        slot_machine_loaded(&keeper->machine, slot, false);
    }
}

/* ---- what is asked ------------------------------------------------------------------------------ */

static void add_script(struct slot_keeper *keeper, enum redis_script script,
                       const char *const *keys, const char *const *args)
{
    int key_count = 0, arg_count = 0;
    while (keys[key_count])
        key_count++;
    while (args[arg_count])
        arg_count++;
    redis_script_add(keeper->link, script, key_count, keys, arg_count, args, NULL);
}

static void add_op(struct slot_keeper *keeper, const struct slot_op *op)
{
    const char slot[] = {slot_letter(op->slot), '\0'};
    const char *lease = slot_key(SLOT_KEY_LEASE, op->slot);
    const char *last = slot_key(SLOT_KEY_LAST, op->slot);
    const char *fence_rooms = slot_key(SLOT_KEY_FENCE_ROOMS, op->slot);
    const char *fence_results = slot_key(SLOT_KEY_FENCE_RESULTS, op->slot);
    char life[NUMBER_SIZE], long_life[NUMBER_SIZE];
    snprintf(life, sizeof life, "%lld", (long long)keeper->rules.life_ms);
    snprintf(long_life, sizeof long_life, "%lld",
             (long long)keeper->rules.life_ms + SLOT_HANDED_LIFE_MS);
    switch (op->kind) {
    case SLOT_OP_RENEW:
        add_script(keeper, REDIS_SCRIPT_RENEW, (const char *[]){lease, last, NULL},
                   (const char *[]){op->claim, life, op->may_set_nameless ? "1" : "0", NULL});
        break;
    case SLOT_OP_CLAIM:
        add_script(
            keeper, REDIS_SCRIPT_CLAIM,
            (const char *[]){lease, last, fence_rooms, fence_results, REDIS_KEY_HANDOVERS, NULL},
            (const char *[]){op->claim, life, slot, NULL});
        break;
    case SLOT_OP_RELEASE:
        add_script(keeper, REDIS_SCRIPT_RELEASE,
                   (const char *[]){lease, last, slot_key(SLOT_KEY_ROOMS, op->slot),
                                    slot_key(SLOT_KEY_PENDING, op->slot), NULL},
                   (const char *[]){op->claim, op->is_forced ? "1" : "0", NULL});
        break;
    case SLOT_OP_HAND:
        add_script(
            keeper, REDIS_SCRIPT_HAND,
            (const char *[]){lease, last, fence_rooms, fence_results, REDIS_KEY_HANDOVERS, NULL},
            (const char *[]){op->claim, op->new_claim, long_life, slot, op->to_id, NULL});
        break;
    case SLOT_OP_LOADED:
        add_script(keeper, REDIS_SCRIPT_LOADED, (const char *[]){lease, REDIS_KEY_HANDOVERS, NULL},
                   (const char *[]){op->claim, slot, NULL});
        break;
    }
}

/* From before anything is sent, what is to be given away is not valid any more. */
static void begin_plan(struct slot_keeper *keeper)
{
    for (int i = 0; i < SLOT_COUNT; i++)
        if (keeper->plan.suspended[i])
            slots_suspend(keeper->slots, i);
    redis_link_begin(keeper->link);
    for (size_t i = 0; i < keeper->plan.count; i++)
        add_op(keeper, &keeper->plan.ops[i]);
}

static void make_record(struct slot_keeper *keeper)
{
    struct instance_record *record = &keeper->record;
    memcpy(record->ipc, keeper->ipc, sizeof record->ipc);
    memcpy(record->ws, keeper->ws, sizeof record->ws);
    record->load = atomic_load(&keeper->load);
    record->waiting = atomic_load(&keeper->waiting);
    record->draining = atomic_load(&keeper->is_draining);
    slot_machine_record(&keeper->machine, keeper->plan.sent_ms, record);
}

/* ---- the round ------------------------------------------------------------------------------------ */

static void note_down(struct slot_keeper *keeper)
{
    atomic_store(&keeper->redis_up, false);
    if (keeper->is_down_told)
        return;
    keeper->is_down_told = true;
    log_error("Redis cannot be reached: %s", redis_link_error(keeper->link));
}

static bool open_link(struct slot_keeper *keeper)
{
    if (redis_link_open(keeper->link) != REDIS_LINK_OK) {
        if (redis_link_error(keeper->link)[0] != '\0')
            note_down(keeper);
        return false;
    }
    const uint64_t generation = redis_link_generation(keeper->link);
    if (generation == keeper->generation)
        return true;
    if (keeper->generation != 0)
        atomic_fetch_add(&keeper->reconnects, 1);
    keeper->generation = generation;
    keeper->opened_ms = slot_keeper_now_ms();
    slot_machine_connected(&keeper->machine);
    return true;
}

/* Redis answers, but not what was asked for: it is out of memory, or may not write, or is not what it should be. */
static void note_refusal(struct slot_keeper *keeper, const char *why)
{
    atomic_store(&keeper->redis_up, false);
    if (!keeper->is_refusal_told)
        log_error("Redis refuses what the slots need: %s", why);
    keeper->is_refusal_told = true;
}

static void note_done(struct slot_keeper *keeper)
{
    if (!atomic_exchange(&keeper->redis_up, true))
        log_info("Redis is there");
    keeper->is_refusal_told = false;
}

static long long answer_of(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR ? SLOT_REFUSED
                                                     : redis_reply_integer(reply, SLOT_NO_ANSWER);
}

/* Whether our record was kept: without it nobody finds us. */
static bool is_known(const struct slot_keeper *keeper)
{
    for (size_t i = 0; i < keeper->watched.instance_count; i++)
        if (strcmp(keeper->watched.instances[i].id, keeper->id) == 0)
            return keeper->watched.is_fresh[i];
    return false;
}

/* What Redis has refused of the round; NULL: nothing. */
static const char *refusal_of(const struct slot_keeper *keeper, struct redisReply *const *replies,
                              size_t count, bool is_seen)
{
    for (size_t i = 0; i < count; i++)
        if (replies[i] && replies[i]->type == REDIS_REPLY_ERROR)
            return replies[i]->str;
    if (!is_seen)
        return "its answer to a look at all slots is not understood";
    return is_known(keeper) ? NULL : "it does not keep this process' record (maxmemory?)";
}

static void take_answers(struct slot_keeper *keeper, struct redisReply *const *replies,
                         size_t count)
{
    const struct slot_answer answer = {
        .server = redis_link_run_id(keeper->link),
        .opened_ms = keeper->opened_ms,
        .sent_ms = keeper->plan.sent_ms,
        .read_ms = slot_keeper_now_ms() + 1, /* begun milliseconds count as over */
    };
    for (size_t i = 0; i < keeper->plan.count; i++)
        keeper->answers[i] = answer_of(replies[i]);
    const bool is_seen = watch_read(replies[count - 1], &keeper->watched) == 0;
    const char *refused = refusal_of(keeper, replies, count, is_seen);
    if (refused)
        note_refusal(keeper, refused);
    else
        note_done(keeper);
    slot_machine_take(&keeper->machine, &keeper->plan, keeper->answers,
                      is_seen ? &keeper->watched : NULL, &answer, &keeper->turns);
}

static void exchange(struct slot_keeper *keeper)
{
    struct redisReply *const *replies = NULL;
    size_t count = 0;
    const uint64_t turns_made = slots_turns(keeper->slots);
    const bool may_renew = turns_made != keeper->turns_seen || slots_is_at_rest(keeper->slots);
    if (may_renew)
        keeper->turns_seen = turns_made;
    slot_machine_plan(&keeper->machine, may_renew, slot_keeper_now_ms(), &keeper->plan,
                      &keeper->turns);
    make_record(keeper);
    begin_plan(keeper);
    watch_add(keeper->link, &keeper->record);
    atomic_store(&keeper->round_since_ms, keeper->plan.sent_ms);
    const int64_t began_ns = boottime_ns();
    const int outcome = redis_link_run(keeper->link, REDIS_LINK_ROUND_MS, &replies, &count);
    atomic_store(&keeper->round_since_ms, 0);
    if (outcome != REDIS_LINK_OK || count != keeper->plan.count + 1) {
        note_down(keeper);
        return;
    }
    histogram_shared_observe(&keeper->rounds, &histogram_exchange, boottime_ns() - began_ns);
    keeper->is_down_told = false;
    take_answers(keeper, replies, count);
}

void slot_keeper_round(struct slot_keeper *keeper)
{
    slot_machine_expire(&keeper->machine, slot_keeper_now_ms(), &keeper->turns);
    if (open_link(keeper))
        exchange(keeper);
    carry_out(keeper);
    load_next(keeper);
}

void slot_keeper_leave(struct slot_keeper *keeper)
{
    struct redisReply *const *replies = NULL;
    size_t count = 0;
    slot_machine_leave(&keeper->machine, &keeper->plan);
    for (int i = 0; i < SLOT_COUNT; i++)
        slots_suspend(keeper->slots, i);
    if (!open_link(keeper))
        return;
    begin_plan(keeper);
    add_script(keeper, REDIS_SCRIPT_LEAVE, (const char *[]){REDIS_KEY_INSTANCES, NULL},
               (const char *[]){keeper->id, NULL});
    if (redis_link_run(keeper->link, SLOT_LEAVE_MS, &replies, &count) != REDIS_LINK_OK)
        log_warn("the slots could not be released: %s", redis_link_error(keeper->link));
}
