/*
 * slot_world: see slot_world.h. The scripts are those of cluster/redis_scripts.c, told in C.
 */
#include "tests/unit/slot_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEADLINE_MS = 2000,
    PAUSE_MS = 100 /* after a failure */
};

uint64_t world_random(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13; /* xorshift64: https://www.jstatsoft.org/v08/i14 */
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % below;
}

static bool rarely(struct world *world, uint64_t once_in)
{
    return world->is_rough && world_random(world, once_in) == 0;
}

struct world *world_new(uint64_t seed, const struct slot_rules *rules)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return NULL;
    world->random = seed * 0x9e3779b97f4a7c15u + 1;
    world->rules = *rules;
    world->now_ms = 100000;
    for (int i = 0; i < WORLD_PROCESSES; i++)
        world->processes[i].round.watched = malloc(sizeof(struct watched));
    for (int i = 0; i < WORLD_LATE_MAX; i++)
        world->late[i].watched = malloc(sizeof(struct watched));
    return world;
}

void world_free(struct world *world)
{
    if (!world)
        return;
    for (int i = 0; i < WORLD_PROCESSES; i++)
        free(world->processes[i].round.watched);
    for (int i = 0; i < WORLD_LATE_MAX; i++)
        free(world->late[i].watched);
    free(world);
}

/* ---- Redis ------------------------------------------------------------------------------- */

static bool same(const char *one, const char *other)
{
    return strcmp(one, other) == 0;
}

static void copy(char out[CLAIM_SIZE], const char *claim)
{
    memmove(out, claim, CLAIM_SIZE);
}

static void expire(struct world *world)
{
    for (int i = 0; i < SLOT_COUNT; i++)
        if (world->redis.slots[i].ends_ms <= world->now_ms)
            world->redis.slots[i].lease[0] = '\0';
}

static void set_lease(struct world *world, int slot, const char *claim, int64_t life_ms)
{
    copy(world->redis.slots[slot].lease, claim);
    copy(world->redis.slots[slot].last, claim);
    world->redis.slots[slot].ends_ms = world->now_ms + life_ms;
}

static long long renew(struct world *world, const struct slot_op *op)
{
    const char *lease = world->redis.slots[op->slot].lease;
    const char *last = world->redis.slots[op->slot].last;
    if (same(lease, op->claim)) {
        world->redis.slots[op->slot].ends_ms = world->now_ms + world->rules.life_ms;
        return 1;
    }
    if (lease[0] != '\0')
        return -1;
    if (same(last, op->claim) || (last[0] == '\0' && op->may_set_nameless)) {
        set_lease(world, op->slot, op->claim, world->rules.life_ms);
        return 2;
    }
    return last[0] != '\0' ? -1 : 0;
}

static long long execute_op(struct world *world, const struct slot_op *op)
{
    const bool is_its = same(world->redis.slots[op->slot].lease, op->claim);
    switch (op->kind) {
    case SLOT_OP_RENEW:
        return renew(world, op);
    case SLOT_OP_CLAIM:
        if (world->redis.slots[op->slot].lease[0] != '\0')
            return 0;
        set_lease(world, op->slot, op->claim, world->rules.life_ms);
        world->redis.slots[op->slot].to_claim[0] = world->redis.slots[op->slot].to_id[0] = '\0';
        return 1;
    case SLOT_OP_RELEASE:
        if (!is_its)
            return -1;
        if (!op->is_forced && world->redis.slots[op->slot].leftovers > 0)
            return 0;
        world->redis.slots[op->slot].lease[0] = '\0';
        snprintf(world->redis.slots[op->slot].last, CLAIM_SIZE, "-");
        return 1;
    case SLOT_OP_HAND:
        if (!is_its)
            return -1;
        set_lease(world, op->slot, op->new_claim, world->rules.life_ms + 2000);
        copy(world->redis.slots[op->slot].to_id, op->to_id);
        copy(world->redis.slots[op->slot].to_claim, op->new_claim);
        return 1;
    case SLOT_OP_LOADED:
        if (!is_its)
            return -1;
        world->redis.slots[op->slot].to_claim[0] = world->redis.slots[op->slot].to_id[0] = '\0';
        return 1;
    }
    return SLOT_NO_ANSWER;
}

static void look(struct world *world, struct watched *watched)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        struct watched_slot *slot = &watched->slots[i];
        memset(slot, 0, sizeof *slot);
        copy(slot->claim, world->redis.slots[i].lease);
        copy(slot->last, world->redis.slots[i].last);
        copy(slot->to_id, world->redis.slots[i].to_id);
        copy(slot->to_claim, world->redis.slots[i].to_claim);
        if (slot->claim[0] != '\0')
            slot->ttl_ms = world->redis.slots[i].ends_ms - world->now_ms;
        else
            slot->leftovers = world->redis.slots[i].leftovers;
    }
    watched->instance_count = 0;
    for (int i = 0; i < WORLD_PROCESSES; i++) {
        const int64_t heard_ms = world->redis.records[i].heard_ms;
        if (heard_ms == 0)
            continue;
        watched->is_fresh[watched->instance_count] = world->now_ms - heard_ms <= INSTANCE_FRESH_MS;
        watched->instances[watched->instance_count++] = world->redis.records[i].record;
    }
}

static void execute(struct world *world, struct world_round *round)
{
    for (size_t i = 0; i < round->plan.count; i++)
        round->answers[i] = execute_op(world, &round->plan.ops[i]);
    if (round->process >= 0) {
        world->redis.records[round->process].heard_ms = world->now_ms;
        world->redis.records[round->process].record = round->record;
    }
    look(world, round->watched);
    round->is_executed = true;
}

void world_restart_redis(struct world *world, int64_t lost_ms)
{
    const int64_t then = (world->now_ms - lost_ms) / WORLD_HISTORY_EVERY_MS;
    world->redis = world->history[then % WORLD_HISTORY];
    world->run++;
    for (int i = 0; i < WORLD_LATE_MAX; i++)
        world->late[i].is_flying = false;
    for (int i = 0; i < WORLD_PROCESSES; i++) {
        struct world_process *process = &world->processes[i];
        if (process->round.is_flying && !process->round.is_executed)
            process->round.is_lost = true; /* an answer that was sent already may still be read */
    }
}

/* ---- a process ----------------------------------------------------------------------------- */

void world_start(struct world *world, int number)
{
    struct world_process *process = &world->processes[number];
    struct watched *watched = process->round.watched;
    memset(process, 0, sizeof *process);
    process->round.watched = watched;
    process->is_alive = true;
    process->next_ms = world->now_ms;
    char id[INSTANCE_ID_SIZE];
    snprintf(id, sizeof id, "%x%031llx", number * 5,
             (unsigned long long)world_random(world, UINT64_MAX));
    slot_machine_begin(&process->machine, id, &world->rules, number);
}

/* Redis may still get what it had sent. */
static void leave_behind(struct world *world, struct world_process *process)
{
    struct world_round *round = &process->round;
    for (int i = 0; i < WORLD_LATE_MAX && round->is_flying && !round->is_executed; i++) {
        struct world_round *late = &world->late[i];
        if (late->is_flying)
            continue;
        struct watched *watched = late->watched;
        *late = *round;
        late->watched = watched;
        late->process = -1;
        break;
    }
    round->is_flying = false;
}

void world_kill(struct world *world, int number)
{
    struct world_process *process = &world->processes[number];
    leave_behind(world, process);
    process->is_alive = false;
    memset(process->valid_until_ms, 0, sizeof process->valid_until_ms);
}

static void carry_out(struct world *world, struct world_process *process,
                      const struct slot_turns *turns)
{
    for (size_t i = 0; i < turns->count; i++) {
        const struct slot_turn *turn = &turns->turns[i];
        switch (turn->kind) {
        case SLOT_TURN_SET:
            world->claims++;
            process->valid_until_ms[turn->slot] = 0;
            break;
        case SLOT_TURN_SUSPEND:
        case SLOT_TURN_CLEAR:
            process->valid_until_ms[turn->slot] = 0;
            process->opens_ms[turn->slot] = 0;
            break;
        case SLOT_TURN_EXTEND:
            if (turn->until_ms > process->valid_until_ms[turn->slot])
                process->valid_until_ms[turn->slot] = turn->until_ms;
            break;
        case SLOT_TURN_LOAD:
            slot_machine_loaded(&process->machine, turn->slot, !rarely(world, 50));
            process->opens_ms[turn->slot] = world->now_ms + 1 + (int64_t)world_random(world, 200);
            break;
        case SLOT_TURN_DROP:
            world->drops++;
            slot_machine_forgotten(&process->machine, turn->slot);
            break;
        case SLOT_TURN_REWRITE:
            world->resets++;
            break;
        case SLOT_TURN_RELEASED:
            slot_machine_forgotten(&process->machine, turn->slot);
            break;
        case SLOT_TURN_REFUSED:
        case SLOT_TURN_NOT_HANDED:
            break;
        }
    }
}

static void send_round(struct world *world, int number)
{
    struct world_process *process = &world->processes[number];
    struct world_round *round = &process->round;
    struct slot_turns turns = {.count = 0};
    slot_machine_plan(&process->machine, !rarely(world, 20), world->now_ms, &round->plan, &turns);
    carry_out(world, process, &turns);
    for (int i = 0; i < SLOT_COUNT; i++)
        if (round->plan.suspended[i])
            process->valid_until_ms[i] = 0;
    memset(&round->record, 0, sizeof round->record);
    round->record.load = (int)world_random(world, 100);
    slot_machine_record(&process->machine, world->now_ms, &round->record);
    round->process = number;
    round->is_flying = true;
    round->is_executed = false;
    round->is_lost = process->cut_until_ms > world->now_ms;
    round->arrives_ms =
        world->now_ms + (int64_t)world_random(world, rarely(world, 1000) ? 4000 : 5);
    round->answers_ms = INT64_MAX;
    process->sent_ms = world->now_ms;
    process->next_ms = world->now_ms + world->rules.round_ms;
    world->rounds++;
}

static void read_round(struct world *world, struct world_process *process)
{
    const struct slot_answer answer = {.server = process->server,
                                       .opened_ms = process->opened_ms,
                                       .sent_ms = process->round.plan.sent_ms,
                                       .read_ms = world->now_ms};
    struct slot_turns turns = {.count = 0};
    process->round.is_flying = false;
    slot_machine_take(&process->machine, &process->round.plan, process->round.answers,
                      process->round.watched, &answer, &turns);
    carry_out(world, process, &turns);
    if (process->machine.is_hurried)
        process->next_ms = world->now_ms;
}

static void open_link(struct world *world, struct world_process *process)
{
    if (world->now_ms < process->next_ms || world->now_ms < process->cut_until_ms ||
        world->now_ms < world->stalled_until_ms)
        return;
    process->is_connected = true;
    process->run = world->run;
    process->opened_ms = world->now_ms;
    snprintf(process->server, sizeof process->server, "run%d", world->run);
    slot_machine_connected(&process->machine);
}

static void go_on(struct world *world, int number)
{
    struct world_process *process = &world->processes[number];
    struct world_round *round = &process->round;
    struct slot_turns turns = {.count = 0};
    if (!process->is_alive || process->stopped_until_ms > world->now_ms)
        return;
    for (int i = 0; i < SLOT_COUNT; i++)
        if (process->opens_ms[i] != 0 && process->opens_ms[i] <= world->now_ms) {
            process->opens_ms[i] = 0;
            slot_machine_opened(&process->machine, i);
        }
    slot_machine_expire(&process->machine, world->now_ms, &turns);
    carry_out(world, process, &turns);
    if (round->is_flying) {
        if (round->is_executed && !round->is_lost && world->now_ms >= round->answers_ms) {
            read_round(world, process);
        } else if (world->now_ms > process->sent_ms + DEADLINE_MS ||
                   (round->is_lost && world_random(world, 500) == 0)) {
            leave_behind(world, process);
            process->is_connected = false;
            process->next_ms = world->now_ms + PAUSE_MS;
        }
    } else if (!process->is_connected || process->run != world->run) {
        open_link(world, process);
    } else if (world->now_ms >= process->next_ms) {
        send_round(world, number);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static void arrive(struct world *world, struct world_round *round)
{
    if (!round->is_flying || round->is_executed || round->is_lost ||
        world->now_ms < round->arrives_ms)
        return;
    execute(world, round);
    round->answers_ms = world->now_ms + (int64_t)world_random(world, 5);
    if (round->process < 0)
        round->is_flying = false;
}

int world_owner(const struct world *world, int slot)
{
    int owner = -1;
    for (int i = 0; i < WORLD_PROCESSES; i++)
        if (world->processes[i].valid_until_ms[slot] > world->now_ms)
            owner = owner == -1 ? i : -2;
    return owner;
}

void world_step(struct world *world)
{
    world->now_ms++;
    expire(world);
    if (world->now_ms % WORLD_HISTORY_EVERY_MS == 0)
        world->history[world->now_ms / WORLD_HISTORY_EVERY_MS % WORLD_HISTORY] = world->redis;
    if (world->now_ms >= world->stalled_until_ms) {
        for (int i = 0; i < WORLD_LATE_MAX; i++)
            arrive(world, &world->late[i]);
        for (int i = 0; i < WORLD_PROCESSES; i++)
            arrive(world, &world->processes[i].round);
    }
    for (int i = 0; i < WORLD_PROCESSES; i++)
        go_on(world, i);
    for (int i = 0; i < SLOT_COUNT; i++) {
        const int owner = world_owner(world, i);
        world->both_valid += owner == -2;
        world->valid_ms[i] += owner >= 0;
    }
}

void world_run(struct world *world, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++)
        world_step(world);
}
